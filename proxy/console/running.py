"""The console from the proxy's start to its end; there may be none, and then nothing of it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.composition import Composition
from proxy.console.listener import address_of, open_listener
from proxy.console.watched import WatchedProxy
from proxy.settings import Address, ProxySettings

if TYPE_CHECKING:
    from proxy.console.application import BuiltConsole
    from proxy.console.server import ConsoleServer


class RunningConsole:
    """Takes its address at once and raises ConsoleUnavailable; serves from `start` to `close`."""

    def __init__(self, settings: ProxySettings) -> None:
        self._listener = open_listener(settings)
        self._server: ConsoleServer | None = None
        self._built: BuiltConsole | None = None
        self._proxy: WatchedProxy | None = None

    def url(self, settings: ProxySettings) -> str | None:
        """Where people reach it, as the settings in force say; None where there is none."""
        if self._listener is None:
            return None
        return settings.console_url or f"http://{_reachable(address_of(self._listener))}"

    def start(
        self, snapshot: Callable[[], Composition], reload: Callable[[], None], address: Address
    ) -> str | None:
        """The proxy listens at *address*. *snapshot* gives the profiles in force, *reload* reads them anew.

        Gives the address to sign in at, with its token where there is one; None where there is no console.
        """
        if self._listener is None:
            return None
        # FastAPI takes half a second to load: a proxy without a console does not wait for it.
        from proxy.console.application import build_console
        from proxy.console.server import ConsoleServer

        self._proxy = WatchedProxy(snapshot, is_ready=True, reload=reload, address=address)
        self._built = build_console(self._proxy)
        self._built.start()
        self._server = ConsoleServer(self._built.application, self._listener)
        token, url = self._built.sign_in_token, self.url(snapshot().configuration.settings)
        return url if token is None else f"{url}/?token={token}"

    def proxy_stops(self) -> None:
        """The proxy takes no more requests, and answers those under way."""
        if self._proxy is not None:
            self._proxy.is_ready = False

    async def close(self) -> None:
        if self._built is not None:
            await self._built.close()
        if self._server is not None:
            await self._server.close()
        elif self._listener is not None:
            self._listener.close()


def _reachable(address: Address) -> Address:
    """The address to go to for a listener that takes connections from everywhere."""
    return {"0.0.0.0": address._replace(host="127.0.0.1"), "::": address._replace(host="::1")}.get(  # noqa: S104
        address.host, address
    )
