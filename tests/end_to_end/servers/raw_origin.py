"""An origin without an HTTP library: each connection is led through a script, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.end_to_end.servers.background_loop import background_loop, run_on


@dataclass
class RawConnection:
    """A connection as a script sees it; `number` counts from 0, `received` is everything read so far."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    released: asyncio.Event
    """Set by `RawOrigin.release`, for scripts that wait for the test."""
    received: bytes = b""
    has_ended: bool = False
    """Whether its script is through."""
    note: Callable[[Callable[[], None]], None] = lambda change: change()

    async def read_head(self) -> bytes:
        """Reads a request line and header section, the empty line included."""
        return self._keep(await self.reader.readuntil(b"\r\n\r\n"))

    async def read(self, length: int) -> bytes:
        """Reads exactly *length* bytes."""
        return self._keep(await self.reader.readexactly(length))

    async def read_request(self) -> bytes:
        """Reads a head and the body its Content-Length or its chunks announce; returns the head."""
        head = await self.read_head()
        fields = dict(
            line.lower().split(b":", 1) for line in head.rstrip().split(b"\r\n")[1:] if b":" in line
        )
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            while size := int(self._keep(await self.reader.readuntil(b"\r\n")), 16):
                await self.read(size + 2)
            await self.read(2)
        else:
            await self.read(int(fields.get(b"content-length", b"0")))
        return head

    async def read_until_closed(self) -> bytes:
        """Reads all that still comes; what it returns once says that the other side has closed."""
        return self._keep(await self.reader.read())

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self, status: str, body: bytes = b"", *fields: str) -> None:
        """Sends an answer with Content-Length: `answer("200 OK", b"hi", "Connection: close")`."""
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields])
        await self.send(head.encode("latin1") + b"\r\n\r\n" + body)

    def end(self) -> None:
        """Ends what is sent (a FIN, over TLS without a word before it), and leaves the rest as it is."""
        _socket_of(self.writer).shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Breaks the connection off (a RST)."""
        linger = struct.pack("ii", 1, 0)
        _socket_of(self.writer).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    def _keep(self, content: bytes) -> bytes:
        def keep() -> None:
            self.received += content

        self.note(keep)
        return content


def _socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    return writer.get_extra_info("socket")


Script = Callable[[RawConnection], Awaitable[None]]


@dataclass
class RawOrigin:
    """Records the connections and the errors of their scripts; a peer that closes early is no error."""

    scheme: str
    script: Script
    port: int = 0
    connections: list[RawConnection] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def release(self) -> None:
        """Lets all scripts go on that wait for it, now and later."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._released.set)

    def wait_for_end(self, count: int = 1) -> None:
        """Waits until that many connections have come and each script is through."""
        self.wait_until(
            lambda: len(self.connections) >= count and all(item.has_ended for item in self.connections)
        )

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Waits for a condition; looks again when a connection comes or goes, or something is read."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"not within {timeout} s; {len(self.connections)} connections came")

    async def lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = RawConnection(len(self.connections), reader, writer, self._released, note=self._note)
        self._note(lambda: self.connections.append(connection))
        try:
            await self.script(connection)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            writer.close()
            self._note(lambda: setattr(connection, "has_ended", True))

    def _note(self, change: Callable[[], None]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()


@contextmanager
def serve_raw_origin(script: Script, ssl_context: ssl.SSLContext | None = None) -> Iterator[RawOrigin]:
    """Serves *script* on a free port of 127.0.0.1; an error in it is raised when the block is left."""
    origin = RawOrigin("http" if ssl_context is None else "https", script)
    with background_loop("raw-origin") as loop:
        origin._loop = loop
        server = run_on(loop, asyncio.start_server(origin.lead, "127.0.0.1", 0, ssl=ssl_context))
        origin.port = server.sockets[0].getsockname()[1]
        try:
            yield origin
        finally:
            loop.call_soon_threadsafe(server.close)
    for error in origin.errors:
        raise error
