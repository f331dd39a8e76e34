"""The way of an authorized request by its profile's settings, on mitmproxy's own upstream machinery.

Requests over TLS, WebSockets and whatever goes through SOCKS get a tunnel; other plain requests are sent to
the connector in absolute-form (RFC 9112 section 3.2.2). Each way is a connection of its own: mitmproxy
compares routes before it takes up a connection that is open already. So it is with the TLS settings of a
profile, which `origin_tls` brings onto the connection.

It stands on internals of mitmproxy 12.2; `tests/addons/test_contract.py` holds each name that is used.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Self, cast

from mitmproxy import connection, http
from mitmproxy.net import server_spec
from mitmproxy.proxy import commands, events, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import tls
from mitmproxy.proxy.layers.http import GetHttpConnection, _upstream_proxy

from addons.flows import Passage
from profiles import connector_handshakes
from profiles.connector_handshakes import handshake_with
from profiles.connectors import Connector, reason_of
from profiles.errors import ConnectorUnavailable
from profiles.origins import normalize_host
from profiles.own_tls import OwnTls
from profiles.requests import Origin

Commands = Generator[commands.Command, Any, Any]

_SHOWN_SCHEMES = {"http": "http", "https": "https", "socks5": "tcp"}
"""As flows are saved and shown with: mitmproxy's server specs have no SOCKS."""


class Route(tuple[str, tuple[str, int]]):  # noqa: SLOT001  -- a tuple's may not hold anything
    """What mitmproxy knows as `via`, a server spec; equal only where credentials and manner are equal too.

    Without a connector it is the direct way, which differs from everybody's by the TLS settings.
    """

    connector: Connector | None
    has_tunnel: bool
    own_tls: OwnTls | None

    def __new__(cls, connector: Connector, *, has_tunnel: bool, own_tls: OwnTls | None = None) -> Self:
        shown = (_SHOWN_SCHEMES[connector.scheme], (connector.host, connector.port))
        return cls._make(shown, connector, has_tunnel=has_tunnel, own_tls=own_tls)

    @classmethod
    def direct(cls, origin: Origin, own_tls: OwnTls) -> Self:
        """The way to the origin itself."""
        shown = (origin.scheme, (origin.host, origin.port))
        return cls._make(shown, None, has_tunnel=False, own_tls=own_tls)

    @classmethod
    def _make(
        cls,
        shown: tuple[str, tuple[str, int]],
        connector: Connector | None,
        *,
        has_tunnel: bool,
        own_tls: OwnTls | None,
    ) -> Self:
        route = tuple.__new__(cls, shown)
        route.connector, route.has_tunnel, route.own_tls = connector, has_tunnel, own_tls
        return route

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Route)
            and self.has_tunnel == other.has_tunnel
            and self.connector == other.connector
            and self.own_tls == other.own_tls
        )

    def __ne__(self, other: object) -> bool:
        # A tuple has one of its own.
        return not self == other

    def __hash__(self) -> int:
        return hash((self.connector, self.has_tunnel, self.own_tls))


class ConnectorFailure(str):
    """mitmproxy's error text for a connection that the connector did not give, with the refusal it means."""

    __slots__ = ("refusal",)
    refusal: ConnectorUnavailable

    def __new__(cls, refusal: ConnectorUnavailable) -> Self:
        failure = super().__new__(cls, refusal.detail)
        failure.refusal = refusal
        return failure

    def refusal_for(self, passage: Passage | None) -> ConnectorUnavailable:
        """The refusal for one of the flows that wanted the connection."""
        profile = passage.exchange.profile.name if passage is not None else None
        return ConnectorUnavailable(self.refusal.reason, profile=profile)


def install() -> None:
    """Has every HTTP layer of this process go through connectors by the layer below."""
    _upstream_proxy.HttpUpstreamProxy = _Upstream  # type: ignore[misc]


def route_of(passage: Passage | None) -> Route | None:
    """The way that the request has to go, or None where it goes as everybody's does."""
    if passage is None:
        return None
    profile, head = passage.exchange.profile, passage.head
    is_https = head.origin.scheme == "https"
    own_tls = profile.own_tls if is_https else None
    connector = profile.connector
    if connector is None:
        return Route.direct(head.origin, own_tls) if own_tls is not None else None
    upgrades = head.field_value(b"upgrade") is not None
    has_tunnel = connector.needs_tunnel(head.origin.scheme, upgrades=upgrades)
    return Route(connector, has_tunnel=has_tunnel, own_tls=own_tls)


def connection_through(flow: http.HTTPFlow, route: Route) -> GetHttpConnection:
    """The command that asks for a connection to the flow's origin by *route*."""
    request = flow.request
    via = cast("server_spec.ServerSpec", route)
    return GetHttpConnection((request.host, request.port), request.scheme == "https", via)


def address_to_connector(request: http.Request, passage: Passage) -> None:
    """Makes the request one to a proxy, where it is sent to the connector itself and not through a tunnel."""
    route = route_of(passage)
    if route is None or route.connector is None or route.has_tunnel:
        return
    origin = passage.head.origin
    named = origin._replace(host=normalize_host(origin.host))
    request.data.authority = str(named).partition("://")[2].encode("ascii")
    if request.is_http2:
        # mitmproxy would turn it into origin-form.
        request.data.http_version = b"HTTP/1.1"
        if "host" not in request.headers:
            request.headers.insert(0, b"Host", request.data.authority)
    credentials = route.connector.proxy_authorization
    if credentials is not None:
        request.headers.insert(1, b"Proxy-Authorization", credentials)


def check_answer(passage: Passage, status: int) -> None:
    """Raises ConnectorUnavailable for an answer that is the connector's own."""
    profile, route = passage.exchange.profile, route_of(passage)
    if profile.connector is None or route is None:
        return
    try:
        connector_handshakes.check_answer(profile.connector, status, has_tunnel=route.has_tunnel)
    except ConnectorUnavailable as refusal:
        refusal.profile = profile.name
        raise


class _Upstream(_upstream_proxy.HttpUpstreamProxy):
    """What mitmproxy makes for a connection with a `via`; one that is no route of ours is made as ever."""

    @classmethod
    def make(cls, ctx: Context, send_connect: bool) -> tunnel.LayerStack:
        route = ctx.server.via
        if not isinstance(route, Route):
            return super().make(ctx, send_connect)
        connector = route.connector
        if connector is None:
            return tunnel.LayerStack()
        server = connection.Server(address=(connector.host, connector.port))
        stack = tunnel.LayerStack()
        if connector.scheme == "https":
            server.alpn_offers = tls.HTTP1_ALPNS
            server.sni = connector.host
            stack /= tls.ServerTLSLayer(ctx, server)
        stack /= ConnectorLayer(ctx, server, connector, has_tunnel=route.has_tunnel)
        return stack


class ConnectorLayer(tunnel.TunnelLayer):
    """A connection to the connector, and what is said on it before it is one to the origin."""

    def __init__(
        self, ctx: Context, server: connection.Server, connector: Connector, *, has_tunnel: bool
    ) -> None:
        super().__init__(ctx, tunnel_connection=server, conn=ctx.server)
        self._connector = connector
        assert ctx.server.address is not None
        host, port = ctx.server.address[0], ctx.server.address[1]
        self._handshake = handshake_with(connector, host, port) if has_tunnel else None

    def start_handshake(self) -> Commands:
        if self._handshake is None:
            yield from super().start_handshake()
        else:
            yield commands.SendData(self.tunnel_connection, self._handshake.start())

    def receive_handshake_data(self, data: bytes) -> Commands:
        handshake = self._handshake
        if handshake is None:
            return (yield from super().receive_handshake_data(data))
        try:
            answer = handshake.receive(data)
        except ConnectorUnavailable as refusal:
            return False, ConnectorFailure(refusal)
        if answer:
            yield commands.SendData(self.tunnel_connection, answer)
        if not handshake.is_done:
            return False, None
        if handshake.rest:
            yield from self.receive_data(handshake.rest)
        return True, None

    def event_to_child(self, event: events.Event) -> Commands:
        if isinstance(event, events.OpenConnectionCompleted):
            event = events.OpenConnectionCompleted(event.command, self._outcome(event.reply))
        yield from super().event_to_child(event)

    def _outcome(self, error: str | None) -> str | None:
        """The error in our own words, because mitmproxy's hold those of the connector."""
        if error is None:
            if self._handshake is not None:
                self._connector.reached()
            return None
        if not isinstance(error, ConnectorFailure):
            error = ConnectorFailure(ConnectorUnavailable(_why(error)))
        self._connector.failed(error.refusal)
        return error


def _why(error: str) -> str:
    return "closed the connection" if error == "connection closed" else reason_of(error)
