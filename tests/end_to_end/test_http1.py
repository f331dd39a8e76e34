"""HTTP/1.1 byte by byte: interim answers, trailers, pipelining, and every way in which an answer ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import USERNAME, AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin
from tests.end_to_end.servers.shared_proxy import SharedProxy

MakeRawOrigin = Callable[..., RawOrigin]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def token_in(head: bytes) -> str | None:
    """The bearer token in a request's header section."""
    fields = dict(line.split(b": ", 1) for line in head.rstrip().split(b"\r\n")[1:])
    return fields.get(b"authorization", fields.get(b"Authorization", b" ")).decode().partition(" ")[2] or None


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
def test_a_body_is_sent_after_100_continue(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
    is_rejected: bool,
) -> None:
    """A client that waits for the 100 gets one, and one final answer; the origin gets the whole body."""

    async def script(connection: RawConnection) -> None:
        while True:
            head = await connection.read_head()
            if b"expect: 100-continue" in head.lower():
                await connection.send(CONTINUE)
            body = await connection.read(4)
            is_good = authorization_server.accepts(token_in(head))
            await connection.answer("200 OK" if is_good else "401 Unauthorized", body)

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    request = f"POST {origin.url()} HTTP/1.1", f"Host: 127.0.0.1:{origin.port}", "Content-Length: 4"
    with RawClient(running.host, running.port) as client:
        client.request(*request, body=b"warm")
        client.read_answer()
        if is_rejected:
            authorization_server.revoke_access_tokens()
        client.request(*request, "Expect: 100-continue")
        interim = client.read_head()
        client.send(b"body")
        answer = client.read_answer()
        client.request(*request, body=b"more")
        next_answer = client.read_answer()

    assert interim.startswith(b"HTTP/1.1 100")
    assert (answer.status, answer.body) == (200, b"body")
    assert (next_answer.status, next_answer.body) == (200, b"more")


def test_a_refusal_comes_without_100_continue(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Who waits for leave to send a body is refused at once, and the body is not asked for."""
    wrong = {"username": USERNAME, "password": "wrong"}
    running = shared_proxy(one_profile(authorization_server, origin, credentials=wrong))

    with RawClient(running.host, running.port) as client:
        target = f"POST {origin.url()} HTTP/1.1"
        client.request(target, f"Host: {origin.authority}", "Expect: 100-continue", "Content-Length: 4")
        head = client.read_head()

    assert head.startswith(b"HTTP/1.1 502")
    assert origin.requests == []


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_answers_are_not_taken_for_the_answer(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
    status: str,
) -> None:
    """What an origin sends ahead of its answer ends with the proxy (as over HTTP/2)."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(f"HTTP/1.1 {status}\r\nLink: </x>\r\n\r\n".encode())
        await connection.send(f"HTTP/1.1 {status}\r\n\r\n".encode())
        await connection.answer("200 OK", b"final")

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))

    answer = send("httpx", running, "GET", origin.url())

    assert (answer.status, answer.body) == (200, b"final")


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
def test_trailers_of_a_request(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
    is_rejected: bool,
) -> None:
    """A chunked body with a trailer section arrives with it, but for what the client may not say."""
    tails: list[bytes] = []

    async def script(connection: RawConnection) -> None:
        while True:
            head = await connection.read_head()
            if b"chunked" in head.lower():
                await connection.read(len(b"4\r\nbody\r\n0\r\n"))
                tails.append(await connection.read_head())
            is_good = authorization_server.accepts(token_in(head))
            await connection.answer("200 OK" if is_good else "401 Unauthorized", b"done")

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with RawClient(running.host, running.port) as client:
        target, host = f"{origin.url()} HTTP/1.1", f"Host: 127.0.0.1:{origin.port}"
        client.request(f"GET {target}", host)
        client.read_answer()
        if is_rejected:
            authorization_server.revoke_access_tokens()
        client.request(f"POST {target}", host, "Transfer-Encoding: chunked", "Trailer: X-Sum")
        client.send("4\r\nbody\r\n0\r\nX-Sum: 1\r\nAuthorization: own\r\nProxy-Authorization: own\r\n\r\n")
        answer = client.read_answer()

    assert (answer.status, answer.body) == (200, b"done")
    assert tails == [b"X-Sum: 1\r\n\r\n"] * (1 + is_rejected)


def test_trailers_of_an_answer(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """They follow the last chunk, and the connection carries the next request."""

    async def script(connection: RawConnection) -> None:
        while True:
            await connection.read_request()
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            await connection.send(head + b"4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n")

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with RawClient(running.host, running.port) as client:
        received = []
        for _ in range(2):
            client.request(f"GET {origin.url()} HTTP/1.1", f"Host: 127.0.0.1:{origin.port}")
            head, body = client.read_head(), client.read_head()
            received.append((head.startswith(b"HTTP/1.1 200"), body))

    assert received == [(True, b"4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n")] * 2


def test_pipelined_requests_are_answered_in_their_order(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """A client may send before it has an answer, also when the first request is replayed."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    with RawClient(running.host, running.port) as client:
        client.request(f"GET {origin.url('/protected/warm')} HTTP/1.1", f"Host: {origin.authority}")
        client.read_answer()
        authorization_server.revoke_access_tokens()
        paths = ["/protected/1", "/protected/2", "/protected/3"]
        for path in paths:
            client.request(f"GET {origin.url(path)} HTTP/1.1", f"Host: {origin.authority}")
        answers = [client.read_answer() for _ in paths]

    assert [answer.json()["path"] for answer in answers] == paths
    assert authorization_server.requests == 2


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
@pytest.mark.parametrize(
    "head",
    [
        pytest.param("HTTP/1.0 {}\r\n\r\n", id="http-1.0"),
        pytest.param("HTTP/1.0 {}\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n", id="1.0-alive"),
        pytest.param("HTTP/1.1 {}\r\nConnection: close\r\n\r\n", id="close-delimited"),
        pytest.param("HTTP/1.1 {}\r\n\r\n", id="close-delimited-unsaid"),
    ],
)
def test_an_answer_ends_as_its_version_has_it(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
    head: str,
    is_rejected: bool,
) -> None:
    """An origin of old, or one that ends its answer by closing, is understood, and replayed to."""

    async def script(connection: RawConnection) -> None:
        is_good = authorization_server.accepts(token_in(await connection.read_head()))
        status = "200 OK" if is_good else "401 Unauthorized"
        await connection.send(head.format(status).encode() + b"body")

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    send("httpx", running, "GET", origin.url())
    if is_rejected:
        authorization_server.revoke_access_tokens()

    answer = send("curl", running, "GET", origin.url())

    assert (answer.status, answer.body) == (200, b"body")
    assert len(origin.connections) == 2 + is_rejected


def test_a_client_of_old_is_answered_in_its_version(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """HTTP/1.0 without Host: the request line says where to, and the connection ends with the answer."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))

    with RawClient(running.host, running.port) as client:
        client.request(f"GET {origin.url('/protected/head')} HTTP/1.0", f"Host: {origin.authority}")
        received = client.read_until_closed()

    assert received.split(b" ", 2)[1] == b"200"
    assert received.endswith(b"\r\n\r\na body of 23 characters")


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("HEAD", "/protected/head", (200, "23"), id="head"),
        pytest.param("GET", "/protected/status?code=304", (304, "0"), id="304"),
        pytest.param("GET", "/protected/204", (204, None), id="204"),
    ],
)
def test_an_answer_without_a_body_leaves_the_connection_usable(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    origin: Origin,
    method: str,
    path: str,
    expected: tuple[int, str | None],
    is_rejected: bool,
) -> None:
    """Nothing follows the header section, whatever its Content-Length says; the next request is answered."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    with RawClient(running.host, running.port) as client:
        host = f"Host: {origin.authority}"
        client.request(f"GET {origin.url('/protected')} HTTP/1.1", host)
        client.read_answer()
        if is_rejected:
            authorization_server.revoke_access_tokens()
        client.request(f"{method} {origin.url(path)} HTTP/1.1", host)
        answer = client.read_answer(method)
        client.request(f"GET {origin.url('/protected/next')} HTTP/1.1", host)
        next_answer = client.read_answer()

    assert (answer.status, answer.value("content-length"), answer.body) == (*expected, b"")
    assert next_answer.json()["path"] == "/protected/next"
