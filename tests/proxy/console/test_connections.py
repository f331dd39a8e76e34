"""What somebody can keep open on the console's port who says nothing, or not all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.responses import PlainTextResponse

from proxy.console import connections, protection
from proxy.console.protection import Protection
from proxy.console.server import ConsoleServer


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are numbers of the module; only they are other ones here."""
    monkeypatch.setattr(connections, "SECONDS_FOR_A_HEAD", 0.2)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(protection, "SECONDS_FOR_A_PIECE", 0.2)


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    async def application(scope, receive, send):
        message = {"more_body": True}
        while message["more_body"]:
            message = await receive()
        await PlainTextResponse("ok")(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)  # noqa: FBT003  -- the name is positional there
    server = ConsoleServer(Protection(application, lambda: ()), listener)
    try:
        yield listener.getsockname()[1]
    finally:
        await server.close()


async def said_to(port: int, content: bytes) -> bytes:
    """All that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX"], ids=["nothing", "half-a-head"]
)
async def test_a_request_that_does_not_come_is_not_waited_for(begun: bytes) -> None:
    """The connection is closed."""
    async with serving() as port:
        assert await said_to(port, begun) == b""


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """Whoever sends a part and then nothing is told so."""
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc"
    async with serving() as port:
        answer = await said_to(port, head)

    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 500"))


async def test_connections_are_bounded() -> None:
    """One more is closed at once, and those that are there go on."""
    async with serving() as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in held:
            writer.write(
                b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()

        refused = await said_to(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        held[0][1].write(b"x")
        answered = await held[0][0].read()
        for _, writer in held:
            writer.close()

    assert refused == b""
    assert answered.endswith(b"ok")
