"""Opens connections to origins: name look-up, connector, TLS. Each step is bounded by one time in all."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, cast

from profiles.connector_handshakes import handshake_with
from profiles.connectors import Connector, reason_of
from profiles.errors import ConnectorUnavailable, OriginUnreachable
from profiles.requests import Origin
from proxy.express.tls_stream import ByteStream, TlsStream
from proxy.express.ways import Way


async def dial(origin: Origin, way: Way, protocol: asyncio.Protocol, seconds: float) -> ByteStream:
    """A stream to *origin* with *protocol* above it, which hears nothing before.

    Raises OriginUnreachable or ConnectorUnavailable, without a foreign exception's text.
    """
    connector = way.connector
    opened: list[ByteStream] = []
    try:
        async with asyncio.timeout(seconds):
            if connector is None:
                stream = await _connect(origin.host, origin.port)
            else:
                stream = await _reach(connector, way, opened, origin)
            opened.append(stream)
            if origin.scheme == "https":
                stream = await _secure(stream, way.trust, origin.host)
    except ConnectorUnavailable as refusal:
        _abort(opened)
        assert connector is not None
        connector.failed(refusal)
        raise
    except (OSError, ssl.SSLError, asyncio.CancelledError) as error:
        _abort(opened)
        if isinstance(error, asyncio.CancelledError):
            raise
        raise _unreachable(origin, error) from None
    if connector is not None and way.has_tunnel:
        connector.reached()
    stream.set_protocol(protocol)
    return stream


def _abort(opened: list[ByteStream]) -> None:
    if opened:
        opened[-1].abort()


def _unreachable(origin: Origin, error: Exception) -> OriginUnreachable:
    detail = f"{origin.host} cannot be reached"
    if isinstance(error, ssl.SSLCertVerificationError):
        detail += ": its certificate is not accepted"
    elif isinstance(error, ssl.SSLError):
        detail += ": it does not speak TLS with us"
    return OriginUnreachable(detail, timed_out=isinstance(error, TimeoutError))


async def _reach(connector: Connector, way: Way, opened: list[ByteStream], origin: Origin) -> ByteStream:
    """A stream through the connector to *origin*, or to the connector itself where there is no tunnel."""
    try:
        stream = await _connect(connector.host, connector.port)
        opened.append(stream)
        if connector.scheme == "https":
            stream = await _secure(stream, way.connector_trust, connector.host)
            opened.append(stream)
    except (OSError, ssl.SSLError) as error:
        if isinstance(error, TimeoutError) and not isinstance(error, socket.timeout):
            raise
        reason = "has a host name that is not known" if isinstance(error, socket.gaierror) else ""
        raise ConnectorUnavailable(reason or reason_of(f"{type(error).__name__} {error}")) from None
    if way.has_tunnel:
        await _ask_for_tunnel(stream, connector, origin)
    return stream


async def _ask_for_tunnel(stream: ByteStream, connector: Connector, origin: Origin) -> None:
    handshake = handshake_with(connector, origin.host, origin.port)
    listener = _Listener()
    stream.set_protocol(listener)
    stream.write(handshake.start())
    while not handshake.is_done:
        data = await listener.receive()
        if not data:
            raise ConnectorUnavailable("closed the connection")
        if answer := handshake.receive(data):
            stream.write(answer)
    if handshake.rest:
        # An origin that speaks first: HTTP has no such, and TLS neither.
        raise ConnectorUnavailable("sends more than its answer")


async def _secure(stream: ByteStream, context: ssl.SSLContext, host: str) -> ByteStream:
    established: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_established(error: Exception | None) -> None:
        if established.done():
            return
        if error is None:
            established.set_result(None)
        else:
            established.set_exception(error)

    secured = TlsStream(stream, _Listener(), context, on_established, server_hostname=host)
    secured.start()
    await established
    return secured


async def _connect(host: str, port: int) -> ByteStream:
    """Tries the host's addresses in the resolver's order (RFC 6724); the last one's error counts."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for family, _, _, _, address in dict.fromkeys(cast("list[Any]", found)):
        try:
            transport, _ = await loop.create_connection(_Listener, address[0], port, family=family)
        except OSError as error:
            failure = error
        else:
            return cast("ByteStream", transport)
    raise failure


class _Listener(asyncio.Protocol):
    """Keeps what comes until somebody receives it; nothing but a handshake speaks here."""

    def __init__(self) -> None:
        self._received: list[bytes] = []
        self._has_ended = False
        self._waiting: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self._received.append(data)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._has_ended = True
        self._wake()

    def eof_received(self) -> None:
        self._has_ended = True
        self._wake()

    async def receive(self) -> bytes:
        """What has come since, at least a byte; nothing once the connection has ended."""
        while not self._received and not self._has_ended:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        data, self._received = b"".join(self._received), []
        return data

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
