"""A small forward proxy for connectors to be: CONNECT, absolute-form and SOCKS 5, with a will of its own."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from tests.end_to_end.servers.background_loop import background_loop, run_on


@dataclass(frozen=True)
class Way:
    """One request for a way: CONNECT, a method in absolute-form, or SOCKS; `number` is the connection's."""

    number: int
    method: str
    target: str
    head: bytes

    def values(self, name: str) -> list[str]:
        """All values of a header field."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        fields = [line.partition(":") for line in lines if line]
        return [value.strip() for key, _, value in fields if key.lower() == name.lower()]


@dataclass
class ForwardProxy:
    """What a test sets and reads. Names of the suite's zones go to loopback, as in the proxy under test."""

    scheme: str
    port: int = 0
    credentials: tuple[str, str] | None = None
    """Demanded where they are given."""
    refuses_with: int | None = None
    """A status that every request for a way is answered with, or with SOCKS a reply code."""
    is_silent: bool = False
    """Closes every connection without a word."""
    ways: list[Way] = field(default_factory=list)
    connections: int = 0
    outgoing: set[tuple[str, int]] = field(default_factory=set)
    """The addresses that origins see."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    def url(self, credentials: tuple[str, str] | None = None) -> str:
        """What a profile's `connector` is set to."""
        userinfo = ":".join(quote(part, safe="") for part in credentials) + "@" if credentials else ""
        return f"{self.scheme}://{userinfo}127.0.0.1:{self.port}"

    def targets(self, method: str | None = None) -> list[str]:
        return [way.target for way in self.ways if method in (None, way.method)]

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Waits for a condition; looks again when a way or a connection is asked for."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"not within {timeout} s; {len(self.ways)} ways were asked for")

    def end_connections(self) -> None:
        """Ends every way that was given."""
        assert self._loop is not None
        run_on(self._loop, self._end_connections())

    async def _end_connections(self) -> None:
        for writer in self._writers:
            writer.close()

    async def lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        self._note(lambda: setattr(self, "connections", number + 1))
        self._writers.add(writer)
        try:
            if self.is_silent:
                return
            await (self._socks if self.scheme == "socks5" else self._http)(number, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _http(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        way = Way(number, method, target, head)
        self._note(lambda: self.ways.append(way))
        refusal = self._refusal(way)
        if refusal is not None:
            challenge = b'Proxy-Authenticate: Basic realm="gateway"\r\n' if refusal == 407 else b""
            body = b"no way here"
            writer.write(b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n" % (refusal, len(body)) + challenge)
            writer.write(b"Connection: close\r\n\r\n" + body)
            # Closed with bytes unread, the connection would be reset and the answer perhaps lost.
            while await reader.read(65536):
                pass
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            there, back = await self._opened(host.strip("[]"), int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 gateway\r\n\r\n")
        else:
            parts = urlsplit(target)
            there, back = await self._opened(parts.hostname or "", parts.port or 80)
            back.write(_in_origin_form(head))
        await _join((reader, back), (there, writer))

    def _refusal(self, way: Way) -> int | None:
        if self.credentials is not None:
            expected = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
            if way.values("proxy-authorization") != [expected]:
                return 407
        return self.refuses_with

    async def _socks(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 1928 and 1929, byte by byte: a client has to cope with that."""
        version, count = await reader.readexactly(2)
        assert version == 5
        methods = await reader.readexactly(count)
        wanted = 0 if self.credentials is None else 2
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, wanted]))
        if self.credentials is not None:
            await reader.readexactly(1)
            name = await reader.readexactly((await reader.readexactly(1))[0])
            secret = await reader.readexactly((await reader.readexactly(1))[0])
            is_right = (name.decode(), secret.decode()) == self.credentials
            writer.write(b"\x01\x00" if is_right else b"\x01\x01")
            if not is_right:
                return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, await reader.readexactly(length))
        port = int.from_bytes(await reader.readexactly(2))
        self._note(lambda: self.ways.append(Way(number, "SOCKS", f"{host}:{port}", b"")))
        reply = b"\x00\x01\x00\x00\x00\x00\x00\x00"
        if self.refuses_with is not None:
            writer.write(bytes([5, self.refuses_with]) + reply)
            return
        there, back = await self._opened(host, port)
        writer.write(b"\x05\x00" + reply)
        await _join((reader, back), (there, writer))

    async def _opened(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        is_ours = host.endswith((".localhost", ".test"))
        reader, writer = await asyncio.open_connection("127.0.0.1" if is_ours else host, port)
        self.outgoing.add(writer.get_extra_info("sockname"))
        return reader, writer

    def _note(self, change: Callable[[], None]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()


def _in_origin_form(head: bytes) -> bytes:
    """The request as it goes to the origin, on a connection of its own and without what is for the proxy."""
    line, *fields = head.rstrip(b"\r\n").split(b"\r\n")
    method, target, version = line.split(b" ")
    parts = urlsplit(target.decode("latin-1"))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [item for item in fields if not item.lower().startswith((b"proxy-authorization:", b"connection:"))]
    lines = [b" ".join([method, path.encode("latin-1"), version]), *kept, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _join(*directions: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Carries bytes both ways until both have ended."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    await asyncio.gather(*(carry(*direction) for direction in directions))


@contextmanager
def serve_forward_proxy(
    scheme: str = "http", ssl_context: ssl.SSLContext | None = None
) -> Iterator[ForwardProxy]:
    """Serves a forward proxy on a free port of 127.0.0.1."""
    proxy = ForwardProxy(scheme)
    with background_loop("forward-proxy") as loop:
        proxy._loop = loop
        server = run_on(loop, asyncio.start_server(proxy.lead, "127.0.0.1", 0, ssl=ssl_context))
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            loop.call_soon_threadsafe(server.close)
