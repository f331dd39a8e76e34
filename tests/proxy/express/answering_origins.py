"""Origins that answer."""

from __future__ import annotations

from tests.proxy.express.lane_in_memory import LaneInMemory, settle
from tests.proxy.express.memory_streams import MemoryStream
from tests.proxy.express.smuggling import ANSWER, canonical


class Origins:
    """Whoever answers each request that a lane forwards; `forwarded` are the whole ones, in their order."""

    def __init__(self, lane: LaneInMemory) -> None:
        self._lane = lane
        self._received: dict[MemoryStream, bytes] = {}
        self.forwarded: list[bytes] = []

    @property
    def beginnings(self) -> list[bytes]:
        """What came of requests that never were whole."""
        return [received for received in self._received.values() if received]

    async def answer_all(self) -> None:
        """Until nothing comes any more."""
        while True:
            await settle()
            before = len(self.forwarded)
            for origin in self._lane.origins:
                received = self._received.get(origin, b"") + origin.take()
                requests, self._received[origin] = canonical(received)
                self.forwarded += requests
                for _ in requests:
                    origin.arrive(ANSWER)
            if len(self.forwarded) == before:
                break
