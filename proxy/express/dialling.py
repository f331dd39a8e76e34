"""Opens connections to origins: name look-up, connector, TLS; one time bounds all the steps together."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Final, NamedTuple, cast

from aiohappyeyeballs import start_connection

from profiles.connector_handshakes import handshake_with
from profiles.connectors import Connector, reason_of
from profiles.errors import ConnectorUnavailable, OriginUnreachable
from profiles.requests import Origin
from proxy.express.tls_stream import ByteStream, TlsStream
from proxy.express.ways import Way

WRITE_BUFFER_BYTES: Final = 256 * 1024
SECONDS_FOR_ONE_ADDRESS: Final = 0.25
"""RFC 8305 section 5: so long one address has before the next is tried beside it."""


class Dialled(NamedTuple):
    """A connection, with what came on it before anybody listened, and whether that was all."""

    stream: ByteStream
    received: bytes
    has_ended: bool


async def dial(origin: Origin, way: Way, seconds: float) -> Dialled:
    """A connection to *origin*, for whoever sets its protocol in the same turn of the loop.

    Raises OriginUnreachable or ConnectorUnavailable, without a foreign exception's text.
    """
    dialling = _Dialling(origin, way)
    try:
        async with asyncio.timeout(seconds):
            return await dialling.run()
    except BaseException as error:
        dialling.abort()
        if not isinstance(error, Exception):
            raise
        raise dialling.refusal_for(error) from None


class _Dialling:
    """One connection on its way; `_stream` is as far as it has come."""

    def __init__(self, origin: Origin, way: Way) -> None:
        self._origin, self._way = origin, way
        self._connector = way.connector
        self._stream: ByteStream | None = None
        self._listener = Listener()

    async def run(self) -> Dialled:
        if self._connector is None:
            stream = await self._connect(self._origin.host, self._origin.port)
        else:
            stream = await self._go_through(self._connector)
            self._connector = None
        if self._origin.scheme == "https":
            stream = await self._secure(stream, self._way.trust, self._origin.host)
        return Dialled(stream, self._listener.take(), self._listener.has_ended)

    async def _go_through(self, connector: Connector) -> ByteStream:
        """To *origin*, or to the connector itself where there is no tunnel."""
        stream = await self._connect(connector.host, connector.port)
        if connector.scheme == "https":
            stream = await self._secure(stream, self._way.connector_trust, connector.host)
        if self._way.has_tunnel:
            await self._ask_for_tunnel(stream, connector)
            connector.reached()
        return stream

    async def _connect(self, host: str, port: int) -> ByteStream:
        self._stream = await _connect(host, port, self._listener)
        return self._stream

    async def _secure(self, stream: ByteStream, context: ssl.SSLContext, host: str) -> ByteStream:
        established: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_established(error: Exception | None) -> None:
            if established.done():
                return
            if error is None:
                established.set_result(None)
            else:
                established.set_exception(error)

        received, self._listener = self._listener.take(), Listener()
        secured = TlsStream(stream, self._listener, context, on_established, server_hostname=host)
        secured.start(received)
        await established
        self._stream = secured
        return secured

    async def _ask_for_tunnel(self, stream: ByteStream, connector: Connector) -> None:
        handshake = handshake_with(connector, self._origin.host, self._origin.port)
        stream.write(handshake.start())
        while not handshake.is_done:
            data = await self._listener.receive()
            if not data:
                raise ConnectorUnavailable("closed the connection")
            if answer := handshake.receive(data):
                stream.write(answer)
        # An origin may speak first; HTTP has no such.
        self._listener.data_received(handshake.rest)

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


async def _connect(host: str, port: int, listener: Listener) -> ByteStream:
    """To whichever of the host's addresses answers first, in the resolver's order (RFC 6724, RFC 8305)."""
    loop = asyncio.get_running_loop()
    found: Any = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(found))
    if len(addresses) == 1:
        (family, _, _, _, address) = addresses[0]
        transport, _ = await loop.create_connection(lambda: listener, address[0], port, family=family)
    else:
        connected = await start_connection(
            addresses, happy_eyeballs_delay=SECONDS_FOR_ONE_ADDRESS, interleave=1, loop=loop
        )
        transport, _ = await loop.create_connection(lambda: listener, sock=connected)
    # uvloop would have a stalled origin empty its buffer to the last bytes before more is sent.
    transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
    return cast("ByteStream", transport)


class Listener(asyncio.Protocol):
    """Keeps what comes on a connection that nobody has taken over yet."""

    def __init__(self) -> None:
        self.has_ended = False
        """Whether nothing more comes."""
        self._received: list[bytes] = []
        self._waiting: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        if data:
            self._received.append(data)
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.has_ended = True
        self._wake()

    def eof_received(self) -> bool:
        self.has_ended = True
        self._wake()
        # The other half of the connection may still be wanted.
        return True

    def take(self) -> bytes:
        """What has come since the last time."""
        data, self._received = b"".join(self._received), []
        return data

    async def receive(self) -> bytes:
        """The same, once there is any; nothing where the connection has ended."""
        while not self._received and not self.has_ended:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self.take()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
