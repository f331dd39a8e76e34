"""The console's connections, bounded in number and in the time that a request may take to arrive.

They take their descriptors from the same process as the proxy's, and whoever reaches the port may open one.
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
SECONDS_FOR_A_HEAD = 20.0


class BoundedConnection(H11Protocol):
    """uvicorn's, which has a time-out for silence between requests, and none for a request that is begun."""

    _next_look: asyncio.TimerHandle | None = None
    _seen: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > MOST_CONNECTIONS:
            self.transport.abort()
        else:
            self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._next_look is not None:
            self._next_look.cancel()

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(SECONDS_FOR_A_HEAD, self._look)

    def _look(self) -> None:
        """Ends a connection that has brought no request since the last time."""
        cycle = self.cycle
        is_at_work = cycle is not None and not cycle.response_complete
        if not is_at_work and cycle is self._seen:
            self.transport.close()
            return
        self._seen = cycle
        self._look_later()
