"""Admits configured clients only, and keeps Proxy-Authorization from ever leaving the proxy."""

from __future__ import annotations

from weakref import WeakSet

from mitmproxy import connection, http

from addons.fail_closed import fail_closed
from addons.flows import client_name_of, set_client_name
from profiles.clients import Clients

FOR_THE_PROXY = frozenset({b"proxy-authorization", b"proxy-connection"})


class ProxyAuthentication:
    """Asks at CONNECT and at every plain request; inside a tunnel its CONNECT has answered already."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self._tunnels: WeakSet[connection.Client] = WeakSet()

    @fail_closed
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        await self._admit(flow)
        self._tunnels.add(flow.client_conn)

    @fail_closed
    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        try:
            if flow.client_conn in self._tunnels:
                self.clients.check_tunnel(client_name_of(flow.client_conn))
            else:
                await self._admit(flow)
        finally:
            _remove_fields_for_us(flow.request)

    async def _admit(self, flow: http.HTTPFlow) -> None:
        if self.clients.are_demanded:
            name = await self.clients.authenticate(flow.request.headers.get("proxy-authorization"))
            set_client_name(flow.client_conn, name)


def _remove_fields_for_us(request: http.Request) -> None:
    """Takes out what is meant for the proxy (RFC 9110 section 11.7.1): it is no business of the origin."""
    fields = request.data.headers.fields
    if any(name.lower() in FOR_THE_PROXY for name, _ in fields):
        request.data.headers.fields = tuple(
            field for field in fields if field[0].lower() not in FOR_THE_PROXY
        )
