"""Opens connections to origins: name look-up, connector, TLS; one time bounds all the steps together."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Final, cast

from aiohappyeyeballs import start_connection

from profiles.connector_handshakes import handshake_with
from profiles.connectors import Connector, reason_of
from profiles.errors import ConnectorUnavailable, OriginUnreachable
from profiles.requests import Origin
from proxy.express.tls_stream import ByteStream, TlsStream
from proxy.express.ways import Way

SECONDS_FOR_ONE_ADDRESS: Final = 0.25
"""RFC 8305 section 5: so long one address has before the next is tried beside it."""


async def dial(origin: Origin, way: Way, protocol: asyncio.Protocol, seconds: float) -> ByteStream:
    """A stream to *origin* with *protocol* above it, which hears nothing before.

    Raises OriginUnreachable or ConnectorUnavailable, without a foreign exception's text.
    """
    dialling = _Dialling(origin, way)
    try:
        async with asyncio.timeout(seconds):
            stream = await dialling.run()
    except BaseException as error:
        dialling.abort()
        if not isinstance(error, Exception):
            raise
        raise dialling.refusal_for(error) from None
    stream.set_protocol(protocol)
    return stream


class _Dialling:
    """One connection on its way; `_stream` is as far as it has come."""

    def __init__(self, origin: Origin, way: Way) -> None:
        self._origin, self._way = origin, way
        self._connector = way.connector
        self._stream: ByteStream | None = None

    async def run(self) -> ByteStream:
        if self._connector is None:
            self._stream = await _connect(self._origin.host, self._origin.port)
        else:
            await self._go_through(self._connector)
            self._connector = None
        if self._origin.scheme == "https":
            assert self._stream is not None
            self._stream = await _secure(self._stream, self._way.trust, self._origin.host)
        assert self._stream is not None
        return self._stream

    async def _go_through(self, connector: Connector) -> None:
        """To *origin*, or to the connector itself where there is no tunnel."""
        self._stream = await _connect(connector.host, connector.port)
        if connector.scheme == "https":
            self._stream = await _secure(self._stream, self._way.connector_trust, connector.host)
        if self._way.has_tunnel:
            await _ask_for_tunnel(self._stream, connector, self._origin)
            connector.reached()

    def abort(self) -> None:
        """Leaves whatever there is."""
        if self._stream is not None:
            self._stream.abort()

    def refusal_for(self, error: Exception) -> OriginUnreachable | ConnectorUnavailable | Exception:
        """What a failure means: it is the connector's until that has given a way, then the origin's."""
        if not isinstance(error, (OSError, ssl.SSLError, ConnectorUnavailable)):
            return error
        if self._connector is None:
            return self._origin_unreachable(error)
        refusal = error
        if not isinstance(refusal, ConnectorUnavailable):
            refusal = ConnectorUnavailable(_reason_for(error))
        self._connector.failed(refusal)
        return refusal

    def _origin_unreachable(self, error: Exception) -> OriginUnreachable:
        detail = f"{self._origin.host} cannot be reached"
        if isinstance(error, ssl.SSLCertVerificationError):
            detail += ": its certificate is not accepted"
        elif isinstance(error, ssl.SSLError):
            detail += ": it does not speak TLS with us"
        return OriginUnreachable(detail, timed_out=isinstance(error, TimeoutError))


def _reason_for(error: Exception) -> str:
    """Why there is no way, as it continues "the connector"."""
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    if isinstance(error, socket.gaierror):
        return "has a host name that is not known"
    return reason_of(f"{type(error).__name__} {error}")


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
    """To whichever of the host's addresses answers first, in the resolver's order (RFC 6724, RFC 8305)."""
    loop = asyncio.get_running_loop()
    found: Any = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(found))
    if len(addresses) == 1:
        (family, _, _, _, address) = addresses[0]
        transport, _ = await loop.create_connection(_Listener, address[0], port, family=family)
    else:
        connected = await start_connection(
            addresses, happy_eyeballs_delay=SECONDS_FOR_ONE_ADDRESS, interleave=1, loop=loop
        )
        transport, _ = await loop.create_connection(_Listener, sock=connected)
    return cast("ByteStream", transport)


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
