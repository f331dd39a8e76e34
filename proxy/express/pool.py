"""Connections to origins: kept open between requests, shared by all clients, bounded for each origin."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from profiles.errors import OriginBusy, OriginUnreachable
from profiles.requests import Origin
from proxy.express.dialling import Dialled, dial
from proxy.express.origin_connection import Key, OriginConnection
from proxy.express.ways import Way
from proxy.limit_settings import LimitSettings

Dial = Callable[[Origin, Way, float], Awaitable[Dialled]]
"""Opens a connection, as `dialling.dial` does."""

SECONDS_YOUNG: Final = 2.0
"""An idle connection this young is hardly being closed by its origin at this moment."""


class _Place:
    """What there is for one origin by one way."""

    __slots__ = ("idle", "in_flight", "queue")

    def __init__(self) -> None:
        self.idle: deque[OriginConnection] = deque()
        self.in_flight = 0
        self.queue: deque[asyncio.Future[None]] = deque()

    @property
    def is_needed(self) -> bool:
        return bool(self.in_flight or self.idle or self.queue)


class OriginPool:
    """`now` is set from outside, in seconds on the loop's clock, often enough for time-outs."""

    def __init__(
        self, limits: LimitSettings, limit_reached: Callable[[str], None], *, dial: Dial = dial
    ) -> None:
        self.limits = limits
        self.now = 0.0
        self._dial = dial
        self._limit_reached = limit_reached
        self._places: dict[Key, _Place] = {}
        self._open: set[OriginConnection] = set()

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle or not."""
        return len(self._open)

    def take(self, origin: Origin, way: Way, *, is_safe_to_repeat: bool) -> OriginConnection | None:
        """An idle connection, the one used last; None where one has to be opened, by `open`.

        A request that may not be repeated gets none that its origin may be closing just now.
        """
        place = self._places.get((origin, way))
        if place is None or place.queue or place.in_flight >= self.limits.requests_per_origin:
            return None
        idle = place.idle
        while idle:
            connection = idle[-1]
            if not connection.is_open:
                self.lost(connection)
                continue
            if not is_safe_to_repeat and self.now - connection.idle_since > SECONDS_YOUNG:
                return None
            idle.pop()
            place.in_flight += 1
            connection.is_reused = True
            return connection
        return None

    async def open(
        self, origin: Origin, way: Way, *, is_fresh: bool = False, is_safe_to_repeat: bool = True
    ) -> OriginConnection:
        """A connection once there is room for one: new where *is_fresh* or none has become idle meanwhile.

        Raises OriginBusy, OriginUnreachable or ConnectorUnavailable.
        """
        key = (origin, way)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place()
        if place.in_flight >= self.limits.requests_per_origin or place.queue:
            await self._wait(key, place)
            if not is_fresh and place.idle and self._serves(place.idle[-1], is_safe_to_repeat):
                connection = place.idle.pop()
                connection.is_reused = True
                return connection
        else:
            place.in_flight += 1
        try:
            dialled = await self._dial(origin, way, self.limits.connect_timeout)
            if dialled.received or dialled.has_ended:
                dialled.stream.abort()
                raise OriginUnreachable(f"{origin.host} speaks before it is asked, or ends at once")
        except BaseException:
            self._leave(key, place)
            raise
        connection = OriginConnection(self, key, dialled.stream)
        self._open.add(connection)
        return connection

    def _serves(self, connection: OriginConnection, is_safe_to_repeat: bool) -> bool:
        is_young = self.now - connection.idle_since <= SECONDS_YOUNG
        return connection.is_open and (is_safe_to_repeat or is_young)

    def answered(self, connection: OriginConnection, *, reusable: bool) -> None:
        """A connection has done with its request."""
        key = connection.key
        place = self._places.get(key)
        if (
            place is not None
            and reusable
            and connection.is_open
            and len(place.idle) < self.limits.origin_idle_connections
        ):
            connection.idle_since = self.now
            place.idle.append(connection)
            self._leave(key, place)
            connection.go_on()
        else:
            self.lost(connection)
            _end(connection)

    def lost(self, connection: OriginConnection) -> None:
        """A connection is gone, or not the pool's any more; says so as often as one likes."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        key = connection.key
        place = self._places.get(key)
        if place is None:
            return
        if connection in place.idle:
            place.idle.remove(connection)
            if not place.is_needed:
                del self._places[key]
        else:
            self._leave(key, place)

    def look_after(self, now: float) -> None:
        """Closes what has been idle for too long. To be called about once a second."""
        longest = self.limits.origin_idle_timeout
        for place in list(self._places.values()):
            for connection in [item for item in place.idle if now - item.idle_since > longest]:
                self.lost(connection)
                _end(connection)
        # However many origins clients name, no more connections lie idle than clients may have.
        idle = [connection for place in self._places.values() for connection in place.idle]
        surplus = len(idle) - self.limits.connections
        if surplus > 0:
            for connection in sorted(idle, key=lambda item: item.idle_since)[:surplus]:
                self.lost(connection)
                _end(connection)

    def close(self) -> None:
        """Ends all connections."""
        for connection in list(self._open):
            connection.abandon()

    async def _wait(self, key: Key, place: _Place) -> None:
        origin = key[0]
        self._limit_reached("requests_per_origin")
        if len(place.queue) >= self.limits.queue_per_origin:
            raise OriginBusy(f"{self.limits.queue_per_origin} requests wait for {origin}")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place.queue.append(turn)
        try:
            async with asyncio.timeout(self.limits.queue_timeout):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # Its turn had come all the same: it is the next one's.
                self._leave(key, place)
            elif turn in place.queue:
                place.queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise OriginBusy(
                    f"no request to {origin} was answered within {self.limits.queue_timeout} seconds"
                ) from None
            raise

    def _leave(self, key: Key, place: _Place) -> None:
        """A request has its answer: the place is the next one's who waits."""
        self._pass_on(place)
        if not place.is_needed:
            self._places.pop(key, None)

    def _pass_on(self, place: _Place) -> None:
        while place.queue:
            turn = place.queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        place.in_flight -= 1


def _end(connection: OriginConnection) -> None:
    """Closes, but waits for no origin that does not take what is left for it."""
    if connection.stream.get_write_buffer_size():
        connection.stream.abort()
    else:
        connection.stream.close()
