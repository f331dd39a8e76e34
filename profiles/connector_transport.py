"""httpx's way through a connector, with failures of the connector told from those of what lies behind it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from socksio import SOCKSError

from profiles.connector_handshakes import refusal_by_status
from profiles.connectors import Connector, reason_of
from profiles.errors import ConnectorUnavailable

_STATUS = re.compile(r"([0-9]{3})\b")

_MEANS_THROUGH: Mapping[str, str] = {
    "tunnel": "proxy.start_tls.started",
    "socks5": "socks.setup_socks5_connection.complete",
    "http": "connection.connect_tcp.complete",
    "https": "connection.start_tls.complete",
}
"""The event of httpcore's `trace` extension after which a failure is no longer the connector's, by manner."""


class ConnectorTransport(httpx.AsyncBaseTransport):
    """For one request: TLS by a tunnel, plain HTTP in absolute-form, either through SOCKS where that is said.

    Raises ConnectorUnavailable where the connector is the reason, httpx's own errors for everything else.
    Host names are resolved by the connector. *verify* is for the host behind it; the connector itself is met
    with *connector_verify* where there is one: a client certificate for the one is not for the other.
    """

    def __init__(
        self, connector: Connector, verify: ssl.SSLContext, connector_verify: ssl.SSLContext | None = None
    ) -> None:
        credentials = None if connector.username is None else (connector.username, connector.password)
        to_connector = (connector_verify or verify) if connector.scheme == "https" else None
        proxy = httpx.Proxy(str(connector), auth=credentials, ssl_context=to_connector)
        self._connector = connector
        self._transport = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, proxy=proxy)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._sent(request)
        except ConnectorUnavailable as unavailable:
            self._connector.failed(unavailable)
            raise
        self._connector.reached()
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        manner = self._connector.scheme
        if manner != "socks5" and request.url.scheme == "https":
            manner = "tunnel"
        is_through = False
        opened: list[Any] = []

        async def watch(event: str, info: Mapping[str, Any]) -> None:
            nonlocal is_through
            if event == "socks.connect_tcp.complete":
                opened.append(info["return_value"])
            if event == _MEANS_THROUGH[manner]:
                is_through = True
                limit.reschedule(None)

        request.extensions = {**request.extensions, "trace": watch}
        # httpcore bounds each step of the others by itself, and closes what it has opened.
        seconds = request.extensions.get("timeout", {}).get("connect") if manner == "socks5" else None
        try:
            async with asyncio.timeout(seconds) as limit:
                response = await self._transport.handle_async_request(request)
        except (httpx.TransportError, SOCKSError, AssertionError, TimeoutError, ssl.SSLError) as error:
            if is_through and isinstance(error, (httpx.TransportError, ssl.SSLError)):
                self._connector.reached()
                raise
            for stream in opened:
                await stream.aclose()
            raise self._failure(error) from None
        if response.status_code == 407 and manner in ("http", "https"):
            await response.aclose()
            raise refusal_by_status(self._connector, 407)
        return response

    def _failure(self, error: Exception) -> ConnectorUnavailable:
        """The error in our own words: foreign texts hold what the connector says."""
        text = str(error)
        if isinstance(error, httpx.ProxyError):
            status = _STATUS.match(text)
            if status is not None:
                return refusal_by_status(self._connector, int(status[1]))
            if text.startswith("Proxy Server could not connect"):
                return ConnectorUnavailable("refuses the way", was_refused=True, is_about_itself=False)
            return ConnectorUnavailable("refuses the credentials", was_refused=True)
        if isinstance(error, (TimeoutError, httpx.TimeoutException)):
            return ConnectorUnavailable("does not answer in time")
        if isinstance(error, httpx.ConnectError):
            return ConnectorUnavailable(reason_of(text))
        return ConnectorUnavailable("broke the connection off")
