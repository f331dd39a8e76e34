"""Origins that take nothing from the first byte on."""

from __future__ import annotations

from profiles.requests import Origin
from proxy.express.dialling import Dialled
from proxy.express.pool import OriginPool
from proxy.express.ways import Way
from tests.proxy.express.lane_in_memory import LaneInMemory, settle
from tests.proxy.express.memory_streams import MemoryStream

PIECE = b"x" * 64 * 1024
LENGTH = len(PIECE) * 100
HEAD = b"POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: %d\r\n\r\n" % LENGTH


async def test_a_client_is_held_by_an_origin_that_takes_nothing(
    lane: LaneInMemory,
) -> None:
    """What came before the connection stood fills it at once: no more is read until the origin takes it."""
    stalled: list[MemoryStream] = []

    async def dial(origin: Origin, way: Way, seconds: float) -> Dialled:
        await lane.may_dial.wait()
        stalled.append(MemoryStream())
        stalled[0].stop_taking()
        return Dialled(stalled[0], b"", has_ended=False)

    lane.lane.pool = OriginPool(lane.lane.limits, lane.lane.limit_reached, dial=dial)
    lane.may_dial.clear()
    client = lane.connect()
    client.arrive(HEAD, *[PIECE] * 100)
    await settle()
    was_held = not client.is_reading

    lane.may_dial.set()
    await settle()
    is_held, sent = not client.is_reading, len(stalled[0]._sent)
    stalled[0].take()
    await settle()

    assert (was_held, is_held) == (True, True)
    assert sent < 10 * len(PIECE)
    assert client.is_reading
