"""The replay: a rejected token is renewed and the request goes out once more, whole, and only once."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin
from tests.end_to_end.servers.shared_proxy import SharedProxy


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"", {}, id="hazard-5-empty"),
        pytest.param(b"x" * 1_000_000, {}, id="hazard-5-1-MB"),
        pytest.param(gzip.compress(b"y" * 5000), {"Content-Encoding": "gzip"}, id="hazard-5-compressed"),
    ],
)
@pytest.mark.parametrize("client", ["requests", "httpx-h2"])
def test_replay_keeps_the_body(
    client: str,
    body: bytes,
    headers: dict[str, str],
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """The second sending has the same body as the first, to the byte."""
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    send(client, running, "GET", tls_origin.url("/protected/echo"))
    authorization_server.revoke_access_tokens()

    answer = send(client, running, "PUT", tls_origin.url("/protected/upload"), headers, body)

    assert answer.status == 200
    digests = [request.sha256 for request in tls_origin.requests[1:]]
    assert digests == [hashlib.sha256(body).hexdigest()] * 2


def test_hazard_5_a_chunked_body_is_replayed(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """A body of unknown length goes out twice as well."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    with send.client(running) as client:
        client.get(origin.url("/protected/echo"))
        authorization_server.revoke_access_tokens()

        answer = client.post(origin.url("/protected/upload"), content=iter([b"one", b"two"]))

    assert answer.json()["length"] == 6
    assert [request.status for request in origin.requests] == [200, 401, 200]


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "OPTIONS"])
def test_hazard_5_any_method_is_replayed(
    method: str,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """The replay asks nothing of the method."""
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    send("httpx", running, "GET", tls_origin.url("/protected/echo"))
    authorization_server.revoke_access_tokens()

    answer = send("httpx", running, method, tls_origin.url("/protected/204"))

    assert answer.status == 204
    assert [request.status for request in tls_origin.requests] == [200, 401, 204]


def test_hazard_6_a_second_auth_error_is_passed_on_and_believed(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """An origin that always rejects is answered by it, and hammers nobody."""
    running = shared_proxy(one_profile(authorization_server, origin))

    answers = [send("requests", running, "GET", origin.url("/always-401")) for _ in range(5)]

    assert [answer.status for answer in answers] == [401] * 5
    assert answers[0].body == b"never"
    assert len(origin.requests) == 6
    assert authorization_server.requests == 2


def test_body_over_the_replay_limit_passes_the_auth_error_and_renews(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """What was not kept is not sent again, and the next request has a new token."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin, replay_limit=1000))
    send("requests", running, "GET", origin.url("/protected/echo"))
    authorization_server.revoke_access_tokens()

    first = send("requests", running, "POST", origin.url("/protected/upload"), {}, b"z" * 2000)
    second = send("requests", running, "POST", origin.url("/protected/upload"), {}, b"z" * 2000)

    assert (first.status, second.status) == (401, 200)


def test_origin_that_answers_early_is_replayed_with_the_whole_body(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    raw_origin: Callable[..., RawOrigin],
) -> None:
    """An auth error ahead of the body's end ends the first sending; the second has all of the body."""
    bodies: list[bytes] = []
    is_rejected = threading.Event()

    async def script(connection: RawConnection) -> None:
        if not is_rejected.is_set():
            await connection.read_head()
            await connection.answer("401 Unauthorized", b"early")
            is_rejected.set()
            await connection.read_until_closed()
        else:
            await connection.read_head()
            bodies.append(await connection.read(101_000))
            await connection.answer("200 OK", b"late")

    running_origin = raw_origin(script)
    config = one_profile(authorization_server, running_origin)
    running = shared_proxy(config)

    def body() -> Iterator[bytes]:
        yield b"a" * 1000
        is_rejected.wait(10)
        authorization_server.wait_for_requests(1)
        yield b"b" * 100_000

    with send.client(running) as client:
        answer = client.post(running_origin.url("/"), content=body(), headers={"Content-Length": "101000"})

    assert (answer.status_code, answer.content) == (200, b"late")
    assert bodies == [b"a" * 1000 + b"b" * 100_000]


def test_a_rejected_answer_is_not_taken_for_the_second_one(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    raw_origin: Callable[..., RawOrigin],
) -> None:
    """Where the token is renewed already, the second sending goes out at once by the same connection: what
    the rejection has behind its head is no answer to it."""
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"

    async def script(connection: RawConnection) -> None:
        while True:
            head = await connection.read_head()
            token = head.partition(b"Authorization: Bearer ")[2].partition(b"\r\n")[0].decode()
            if authorization_server.accepts(token):
                await connection.answer("200 OK", b"real")
            else:
                if b"/late" in head:
                    await asyncio.to_thread(authorization_server.wait_for_requests, 2)
                    # The other request has its answer when the new token is there for everybody.
                    await asyncio.to_thread(is_renewed.wait, 10)
                await connection.answer("401 Unauthorized", forged)

    is_renewed = threading.Event()
    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    send("httpx", running, "GET", origin.url("/first"))
    authorization_server.revoke_access_tokens()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(send, "httpx", running, "GET", origin.url("/late"))
        origin.wait_until(lambda: any(b"/late" in item.received for item in origin.connections))
        soon = send("httpx", running, "GET", origin.url("/soon"))
        is_renewed.set()
        answers = [soon.body, late.result().body]

    assert answers == [b"real", b"real"]
    assert authorization_server.requests == 2
