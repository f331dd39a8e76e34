"""The console from the proxy's start to its end; there may be none, and then nothing of it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.composition import Composition
from proxy.console.listener import open_listener
from proxy.console.watched import WatchedProxy
from proxy.settings import ProxySettings

if TYPE_CHECKING:
    from proxy.console.server import ConsoleServer


class RunningConsole:
    """Takes its address at once and raises ConsoleUnavailable; serves from `start` to `close`."""

    def __init__(self, settings: ProxySettings) -> None:
        self._listener = open_listener(settings)
        self._server: ConsoleServer | None = None
        self._proxy: WatchedProxy | None = None

    def start(self, snapshot: Callable[[], Composition]) -> None:
        """The proxy listens. *snapshot* gives the profiles in force."""
        if self._listener is None:
            return
        # FastAPI takes half a second to load: a proxy without a console does not wait for it.
        from proxy.console.application import build_application
        from proxy.console.server import ConsoleServer

        self._proxy = WatchedProxy(snapshot, is_ready=True)
        self._server = ConsoleServer(build_application(self._proxy), self._listener)

    def proxy_stops(self) -> None:
        """The proxy takes no more requests, and answers those under way."""
        if self._proxy is not None:
            self._proxy.is_ready = False

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()
        elif self._listener is not None:
            self._listener.close()
