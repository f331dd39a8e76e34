"""An origin that speaks HTTP/1.1 and HTTP/2, records what reaches it and refuses tokens at a test's wish.

Every route below also exists under `/protected`, where it is answered only to a token that `accepts` takes;
`/protected` itself is `/protected/echo`.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import logging
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.end_to_end.servers.background_loop import background_loop, run_on
from tests.end_to_end.servers.certificates import TestCa

KEPT_BODY = 64 * 1024
CHUNK = bytes(range(256)) * 256
"""64 KiB, what `/large` repeats."""
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Headers = list[tuple[str, str]]


@dataclass
class ReceivedRequest:
    """A request as it reached the origin; header names in lower case, the order kept."""

    method: str
    path: str
    """As on the wire, percent-encoding untouched, without the query."""
    query: str
    headers: Headers
    http_version: str
    scheme: str
    client: tuple[str, int] | None
    """Address and port: two requests with the same came over one connection."""
    body_length: int = 0
    body: bytes = b""
    """The first 64 KiB of it."""
    sha256: str = ""
    is_complete: bool = False
    """Whether the end of the body has arrived."""
    status: int | None = None

    def values(self, name: str) -> list[str]:
        """All values of a header field."""
        return [value for key, value in self.headers if key == name.lower()]

    def value(self, name: str) -> str | None:
        """The only value of a header field; two are an error."""
        values = self.values(name)
        if len(values) > 1:
            raise AssertionError(f"{name} occurs {len(values)} times")
        return values[0] if values else None

    @property
    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def bearer_token(self) -> str | None:
        scheme, _, token = (self.value("authorization") or "").partition(" ")
        return token if scheme == "Bearer" else None

    def as_json(self) -> dict[str, Any]:
        """What `/echo` answers."""
        shown = {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "http_version": self.http_version,
            "length": self.body_length,
            "sha256": self.sha256,
        }
        if self.body_length <= KEPT_BODY:
            shown["body_base64"] = base64.b64encode(self.body).decode()
        return shown


class ClientLeft(Exception):  # noqa: N818  -- what happened, not an error
    """The client closed its connection or stream before it had everything."""


@dataclass
class Origin:
    """What a test sets and reads; `accepts` and `token_of` may be replaced at any time."""

    scheme: str
    port: int
    accepts: Callable[[str | None], bool] = lambda token: token is not None
    token_of: Callable[[ReceivedRequest], str | None] = lambda request: request.bearer_token
    auth_error_status: int = 401
    auth_error_headers: Headers = field(
        default_factory=lambda: [
            ("www-authenticate", 'Bearer realm="origin", error="invalid_token"'),
            ("content-type", "application/json"),
        ]
    )
    auth_error_body: bytes = b'{"error": "invalid_token"}'
    reads_body_before_refusing: bool = True
    """False: the auth error is answered when the head is there."""
    requests: list[ReceivedRequest] = field(default_factory=list)
    clients_left: int = 0
    """How many answers were broken off by the client."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _releases: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _released: asyncio.Condition | None = None

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/echo", host: str = "127.0.0.1") -> str:
        """`localhost` is a second host; *.localhost and *.test resolve in the proxy only."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def at(self, path: str) -> list[ReceivedRequest]:
        """The requests for one path."""
        return [request for request in self.requests if request.path == path]

    @property
    def last(self) -> ReceivedRequest:
        return self.requests[-1]

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Waits until a condition over what was recorded holds; looks again after each change."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"not within {timeout} s; {len(self.requests)} requests arrived")

    def wait_for_requests(self, count: int, timeout: float = 10) -> None:
        self.wait_until(lambda: len(self.requests) >= count, timeout)

    def release(self, times: int = 1) -> None:
        """Lets `/hold` answer, or `/sse?hold=1` send its next event: one of them for each time."""
        assert self._loop is not None
        run_on(self._loop, self._release(times))

    async def _release(self, times: int) -> None:
        assert self._released is not None
        async with self._released:
            self._releases += times
            self._released.notify_all()

    async def wait_for_release(self) -> None:
        assert self._released is not None
        async with self._released:
            await self._released.wait_for(lambda: self._releases > 0)
            self._releases -= 1

    def note(self, change: Callable[[], Any]) -> None:
        """Changes the record and wakes whoever waits for it."""
        with self._changed:
            change()
            self._changed.notify_all()

    async def bind_to_loop(self) -> None:
        self._loop, self._released = asyncio.get_running_loop(), asyncio.Condition()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = _received_request(scope)
        self.note(lambda: self.requests.append(request))
        exchange = Exchange(self, request, receive, send, scope)
        try:
            await (exchange.websocket() if scope["type"] == "websocket" else exchange.answer())
        except ClientLeft:
            self.note(lambda: setattr(self, "clients_left", self.clients_left + 1))


@dataclass
class Exchange:
    """One request and the answer to it."""

    origin: Origin
    request: ReceivedRequest
    receive: Receive
    send: Send
    scope: dict[str, Any]

    async def answer(self) -> None:
        path = self.request.path
        if path == "/protected" or path.startswith("/protected/"):
            path = path.removeprefix("/protected") or "/echo"
            if not self.is_authorized():
                await self.refuse()
                return
        route = ROUTES.get(path.strip("/").split("/")[0], Exchange.echo)
        await route(self)

    def is_authorized(self) -> bool:
        return self.origin.accepts(self.origin.token_of(self.request))

    async def refuse(self) -> None:
        if self.origin.reads_body_before_refusing:
            await self.read_body()
        origin = self.origin
        await self.respond(origin.auth_error_status, origin.auth_error_headers, origin.auth_error_body)

    async def echo(self) -> None:
        await self.read_body()
        await self.respond_json(self.request.as_json())

    async def upload(self) -> None:
        await self.read_body()
        await self.respond_json({"length": self.request.body_length, "sha256": self.request.sha256})

    async def sse(self) -> None:
        """`count` events (5), 50 ms apart or, with `hold`, each but the first after a `release`."""
        await self.read_body()
        await self.start(200, [("content-type", "text/event-stream"), ("cache-control", "no-store")])
        for number in range(self.number("count", 5)):
            if number:
                await self.wait(self.origin.wait_for_release() if self.flag("hold") else asyncio.sleep(0.05))
            await self.part(f"data: {number}\n\n".encode())
        await self.end()

    async def chunked(self) -> None:
        await self.read_body()
        await self.start(200, [("content-type", "text/plain")])
        for word in (b"one ", b"two ", b"three"):
            await self.part(word)
        await self.end()

    async def gzip(self) -> None:
        await self.read_body()
        headers = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("vary", "accept-encoding"),
        ]
        await self.respond(200, headers, gzip.compress(json.dumps(self.request.as_json()).encode()))

    async def large(self) -> None:
        await self.read_body()
        size = self.number("size", 10 * 1024 * 1024)
        await self.start(200, [("content-type", "application/octet-stream"), ("content-length", str(size))])
        for start in range(0, size, len(CHUNK)):
            await self.part(CHUNK[: size - start])
        await self.end()

    async def head(self) -> None:
        await self.read_body()
        await self.respond(
            200, [("content-type", "text/plain"), ("etag", '"head"')], b"a body of 23 characters"
        )

    async def no_content(self) -> None:
        await self.read_body()
        await self.start(204, [])
        await self.end()

    async def early(self) -> None:
        """Answers `status` (413) when the head is there, without a look at the body."""
        await self.respond(self.number("status", 413), [("content-type", "text/plain")], b"early")

    async def always_401(self) -> None:
        await self.read_body()
        await self.respond(401, [("www-authenticate", "Bearer")], b"never")

    async def status(self) -> None:
        """`/status?code=`, with an empty body."""
        await self.read_body()
        await self.respond(self.number("code", 200), [], b"")

    async def slow(self) -> None:
        """Answers after `seconds` (1)."""
        await self.read_body()
        await self.wait(asyncio.sleep(float(self.parameter("seconds", "1"))))
        await self.respond_json(self.request.as_json())

    async def hold(self) -> None:
        """Answers after a `release`."""
        await self.read_body()
        await self.wait(self.origin.wait_for_release())
        await self.respond_json(self.request.as_json())

    async def websocket(self) -> None:
        """Echoes messages; `/protected/ws` refuses the handshake of a token that is not accepted."""
        await self.receive()
        if self.request.path.startswith("/protected") and not self.is_authorized():
            self.note_status(self.origin.auth_error_status)
            headers = _encoded(self.origin.auth_error_headers)
            response = {"status": self.origin.auth_error_status, "headers": headers}
            await self.send({"type": "websocket.http.response.start", **response})
            await self.send({"type": "websocket.http.response.body", "body": self.origin.auth_error_body})
            return
        self.note_status(101)
        asked = self.scope.get("subprotocols") or [None]
        await self.send({"type": "websocket.accept", "subprotocol": asked[0], "headers": []})
        while (message := await self.receive())["type"] == "websocket.receive":
            content = {key: message.get(key) for key in ("text", "bytes")}
            await self.send({"type": "websocket.send", **content})

    async def read_body(self) -> None:
        digest, request = hashlib.sha256(), self.request
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            part = message.get("body", b"")
            digest.update(part)
            request.body_length += len(part)
            request.body += part[: KEPT_BODY - len(request.body)]
            if not message.get("more_body", False):
                break
        request.sha256 = digest.hexdigest()
        self.origin.note(lambda: setattr(request, "is_complete", True))

    async def wait(self, work: Awaitable[Any]) -> None:
        """Waits for *work*, or until the client leaves."""
        waiting = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self._until_client_leaves())
        try:
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ClientLeft
        finally:
            for task in (waiting, leaving):
                task.cancel()
            await asyncio.gather(waiting, leaving, return_exceptions=True)

    async def _until_client_leaves(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def note_status(self, status: int) -> None:
        self.origin.note(lambda: setattr(self.request, "status", status))

    async def start(self, status: int, headers: Headers) -> None:
        self.note_status(status)
        await self.send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})

    async def part(self, content: bytes) -> None:
        if self.request.method != "HEAD":
            await self.send({"type": "http.response.body", "body": content, "more_body": True})

    async def end(self) -> None:
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def respond(self, status: int, headers: Headers, content: bytes) -> None:
        await self.start(status, [*headers, ("content-length", str(len(content)))])
        await self.part(content)
        await self.end()

    async def respond_json(self, value: Mapping[str, Any]) -> None:
        await self.respond(200, [("content-type", "application/json")], json.dumps(value).encode())

    def parameter(self, name: str, default: str) -> str:
        return self.request.parameters.get(name, [default])[0]

    def number(self, name: str, default: int) -> int:
        return int(self.parameter(name, str(default)))

    def flag(self, name: str) -> bool:
        return self.parameter(name, "0") == "1"


ROUTES: Mapping[str, Callable[[Exchange], Awaitable[None]]] = {
    "echo": Exchange.echo,
    "upload": Exchange.upload,
    "sse": Exchange.sse,
    "chunked": Exchange.chunked,
    "gzip": Exchange.gzip,
    "large": Exchange.large,
    "head": Exchange.head,
    "204": Exchange.no_content,
    "early": Exchange.early,
    "always-401": Exchange.always_401,
    "status": Exchange.status,
    "slow": Exchange.slow,
    "hold": Exchange.hold,
}
"""By the first segment of the path; whatever is not here is an echo."""


def _received_request(scope: Mapping[str, Any]) -> ReceivedRequest:
    return ReceivedRequest(
        method=scope.get("method", "GET"),
        path=scope["raw_path"].decode("latin1").partition("?")[0],
        query=scope["query_string"].decode("latin1"),
        headers=[(name.decode("latin1").lower(), value.decode("latin1")) for name, value in scope["headers"]],
        http_version=scope["http_version"],
        scheme=scope["scheme"],
        client=scope["client"],
    )


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin1"), value.encode("latin1")) for name, value in headers]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        step = (await receive())["type"]
        await send({"type": f"{step}.complete"})
        if step == "lifespan.shutdown":
            return


@contextmanager
def serve_origin(
    ca: TestCa | None = None,
    *,
    alpn: tuple[str, ...] = ("h2", "http/1.1"),
    client_ca: Path | None = None,
) -> Iterator[Origin]:
    """Serves an origin on a free port of 127.0.0.1, over TLS if a CA is given.

    Plain, it speaks HTTP/1.1 and h2c; over TLS what *alpn* names. With *client_ca* it demands a certificate.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = None
    silent = logging.getLogger("tests.origin")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False
    config.errorlog = silent
    config.graceful_timeout = 0.1
    config.keep_alive_timeout = 30
    config.keep_alive_max_requests = 1_000_000  # beyond it, HTTP/2 requests under way are dropped
    if ca is not None:
        config.certfile, config.keyfile = str(ca.leaf_certificate), str(ca.leaf_key)
        config.alpn_protocols = list(alpn)
        if client_ca is not None:
            config.ca_certs, config.verify_mode = str(client_ca), ssl.CERT_REQUIRED
    origin = Origin("http" if ca is None else "https", listener.getsockname()[1])
    listener.detach()  # hypercorn owns the descriptor from here on
    with background_loop(f"origin-{origin.port}") as loop:
        run_on(loop, origin.bind_to_loop())
        ended = asyncio.Event()
        serving = asyncio.run_coroutine_threadsafe(serve(origin, config, shutdown_trigger=ended.wait), loop)
        try:
            yield origin
        finally:
            loop.call_soon_threadsafe(ended.set)
            with suppress(TimeoutError, OSError, ExceptionGroup):
                # A client that still sends when TLS is closed makes an SSLError of it, which is an OSError;
                # and where a stream was answered early, hypercorn makes a KeyError, in a group.
                # Since Python 3.12.1 closing a server waits for its connections, idle ones and held ones too.
                serving.result(0.3)
            serving.cancel()
