"""The express lane on the wire: bodies of any size, pipelines, and every way in which messages end."""

from __future__ import annotations

import base64
import hashlib
import select
import ssl
import threading
from collections.abc import Callable

import pytest
from websockets.sync.client import connect

from profiles.secret_hashes import hash_secret
from tests.end_to_end.clients.asking import AskingClient
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_express
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin
from tests.end_to_end.servers.shared_proxy import SharedProxy

pytestmark = on_express

StartProxy = Callable[..., ProxyProcess]
MakeRawOrigin = Callable[..., RawOrigin]
MEGABYTE = 1024 * 1024
LARGE = 256 * MEGABYTE
PIECE = 256 * 1024
FLAT = 16 * MEGABYTE
"""What the proxy may grow by, whatever goes through."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

both_schemes = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])


def token_in(head: bytes) -> str:
    """The bearer token in a request's header section."""
    return head.partition(b"Authorization: Bearer ")[2].partition(b"\r\n")[0].decode()


async def echo(connection: RawConnection) -> None:
    """Answers each request with its request line, and its content in the next line."""
    while True:
        before = len(connection.received)
        head = await connection.read_request()
        body = connection.received[before + len(head) :]
        content = content_of(body) if b"chunked" in head else body
        await connection.answer("200 OK", head.partition(b"\r\n")[0] + b"\n" + content)


def content_of(chunked: bytes) -> bytes:
    """The content of a body in chunks."""
    size, _, rest = chunked.partition(b"\r\n")
    length = int(size, 16)
    return rest[:length] + content_of(rest[length + 2 :]) if length else b""


# Bodies of any size


class Watch:
    """The memory of a proxy, looked at now and then; `grown` is the most it had beyond the beginning."""

    def __init__(self, running: ProxyProcess) -> None:
        self._running = running
        self._before = running.resident_memory()
        self.grown = 0

    def look(self) -> None:
        self.grown = max(self.grown, self._running.resident_memory() - self._before)


@both_schemes
def test_an_answer_that_is_read_slowly_waits_at_its_origin(
    tls: bool, proxy: StartProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """256 MB come as fast as the client takes them, and the proxy holds little of them at any time."""

    async def script(connection: RawConnection) -> None:
        while b"/small" in await connection.read_request():
            await connection.answer("200 OK", b"small")
        await connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n".encode())
        for _ in range(LARGE // PIECE):
            await connection.send(bytes(PIECE))

    origin = raw_origin(script, tls=tls)
    running = proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as slow, AskingClient(running, origin) as quick:
        quick.ask("GET", "/small")
        quick.read_answer()
        watch = Watch(running)
        slow.ask("GET", "/large")
        head = slow.read_head()
        for _ in range(50):
            # While nothing is read of the large answer, others have theirs.
            quick.ask("GET", "/small")
            assert quick.read_answer().body == b"small"
            watch.look()
        received, digest = 0, hashlib.sha256()
        while received < LARGE:
            part = slow.socket.recv(MEGABYTE)
            assert part
            received += len(part)
            digest.update(part)
            watch.look()

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received == LARGE
    assert watch.grown < FLAT


@both_schemes
def test_an_upload_that_is_read_slowly_waits_at_its_client(
    tls: bool, proxy: StartProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """256 MB go as fast as the origin takes them, and the proxy holds little of them at any time."""
    received = hashlib.sha256()

    async def script(connection: RawConnection) -> None:
        while b"/small" in await connection.read_head():
            await connection.answer("200 OK", b"small")
        await connection.released.wait()
        left = LARGE
        while left:
            part = await connection.reader.read(PIECE)
            assert part
            left -= len(part)
            received.update(part)
        await connection.answer("200 OK", b"all of it")

    origin = raw_origin(script, tls=tls)
    running = proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client, AskingClient(running, origin) as quick:
        quick.ask("GET", "/small")
        quick.read_answer()
        watch = Watch(running)
        client.ask("PUT", "/large", f"Content-Length: {LARGE}")

        def upload() -> None:
            for _ in range(LARGE // PIECE):
                client.send(bytes(PIECE))

        sending = threading.Thread(target=upload, daemon=True)
        sending.start()
        for _ in range(50):
            # While nothing is read of the large body, others are served.
            quick.ask("GET", "/small")
            assert quick.read_answer().body == b"small"
            watch.look()
        origin.release()
        while sending.is_alive():
            sending.join(0.02)
            watch.look()
        answer = client.read_answer()

    assert (answer.status, answer.body) == (200, b"all of it")
    assert received.digest() == hashlib.sha256(bytes(LARGE)).digest()
    assert watch.grown < FLAT


# Pipelines


@both_schemes
@pytest.mark.parametrize("cut", [1, 100, 100_000], ids=["bytes", "pieces", "whole"])
def test_requests_are_read_however_they_are_cut(
    cut: int,
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """One behind the other, with bodies of each framing and without, and answered in their order."""
    origin = raw_origin(echo, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    chunked = b"4;a=b\r\nbody\r\n1\r\n!\r\n0\r\n\r\n"
    expected = ["GET /1", "POST /2 four", "PATCH /3 body!", "DELETE /4", "PUT /5"]
    with AskingClient(running, origin) as client:
        pipeline = b"".join(
            [
                client.head("GET", "/1"),
                client.head("POST", "/2", "Content-Length: 4") + b"four",
                client.head("PATCH", "/3", "Transfer-Encoding: chunked") + chunked,
                b"\r\n" + client.head("DELETE", "/4"),
                client.head("PUT", "/5", "Content-Length: 0"),
            ]
        )
        for start in range(0, len(pipeline), cut):
            client.send(pipeline[start : start + cut])
        answers = [client.read_answer() for _ in expected]

    assert [answer.text().replace(" HTTP/1.1\n", " ").rstrip() for answer in answers] == expected


def test_a_pipeline_whose_answers_are_not_read_waits(
    proxy: StartProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Hundreds of answers to a client that reads none are left with the origin, and come when it reads."""
    count, size = 400, 200_000

    async def script(connection: RawConnection) -> None:
        while True:
            await connection.read_request()
            await connection.answer("200 OK", bytes(size))

    origin = raw_origin(script)
    running = proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as lazy, AskingClient(running, origin) as quick:
        quick.ask("GET", "/")
        quick.read_answer()
        watch = Watch(running)
        lazy.send(b"".join(lazy.head("GET", f"/{number}") for number in range(count)))
        for _ in range(50):
            quick.ask("GET", "/")
            quick.read_answer()
            watch.look()
        statuses = {lazy.read_answer().status for _ in range(count)}

    assert statuses == {200}
    assert watch.grown < FLAT


@pytest.mark.parametrize("owned", [True, False], ids=["owned", "nobodys"])
def test_what_is_sent_behind_a_connect_waits_for_its_answer(
    owned: bool, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """However much it is, and though the client's secret takes its time to be checked."""
    size = MEGABYTE

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.answer("200 OK", b"all of it")

    origin = raw_origin(script)
    config = one_profile(authorization_server, origin if owned else {"host": "other.test"})
    running = shared_proxy({**config, "clients": {"bot": {"secret": hash_secret("s3cret")}}})
    with RawClient(running.host, running.port) as client:
        host = f"Host: {origin.authority}"
        credentials = base64.b64encode(b"bot:s3cret").decode()
        connect_head = (
            f"CONNECT {origin.authority} HTTP/1.1",
            host,
            f"Proxy-Authorization: Basic {credentials}",
        )
        request = f"PUT / HTTP/1.1\r\n{host}\r\nContent-Length: {size}\r\n\r\n".encode()
        client.request(*connect_head, body=request + bytes(size))
        tunnel, answer = client.read_answer("CONNECT"), client.read_answer()

    assert (tunnel.status, answer.status, answer.body) == (200, 200, b"all of it")


# The end of a connection


@both_schemes
@pytest.mark.parametrize(
    ("version", "asks", "answers", "goes_on", "connections"),
    [
        pytest.param("1.1", [], [], True, 1, id="neither"),
        pytest.param("1.1", ["Connection: close"], [], False, 1, id="client"),
        pytest.param("1.1", [], ["Connection: close"], True, 2, id="origin"),
        pytest.param("1.1", ["Connection: close"], ["Connection: close"], False, 2, id="both"),
        pytest.param("1.1", ["Connection: x, close"], [], False, 1, id="in-a-list"),
        pytest.param("1.0", [], [], False, 1, id="1.0"),
        pytest.param("1.0", ["Connection: keep-alive"], [], True, 1, id="1.0-keep-alive"),
        pytest.param("1.0", ["Connection: keep-alive"], ["Connection: close"], True, 2, id="1.0-origin"),
    ],
)
def test_a_connection_ends_for_who_says_so(
    version: str,
    asks: list[str],
    answers: list[str],
    goes_on: bool,
    connections: int,
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """The client's connection by its word and the origin's by its own; neither speaks for the other."""

    async def script(connection: RawConnection) -> None:
        while True:
            await connection.read_request()
            await connection.answer("200 OK", b"body", *answers)

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client, AskingClient(running, origin) as other:
        client.ask("GET", "/", *asks, version=version)
        answer = client.read_answer()
        other.ask("GET", "/")
        other.read_answer()
        if goes_on:
            client.ask("GET", "/")
            again = client.read_answer().body
        else:
            again = client.read_until_closed()

    said = {True: {"1.0": "keep-alive"}.get(version), False: "close"}[goes_on]
    assert (answer.status, answer.body, answer.value("connection")) == (200, b"body", said)
    assert again == (b"body" if goes_on else b"")
    assert len(origin.connections) == (connections if connections == 1 else 2 + goes_on)


# Origins whose connections are gone


@both_schemes
def test_an_idle_connection_that_its_origin_has_closed_is_not_used(
    tls: bool, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Every request comes once, on a connection that is open: GET and POST alike."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.answer("200 OK", b"%d" % connection.number)
        connection.end()
        # The proxy has taken note of it when it ends its side.
        await connection.read_until_closed()

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    bodies = []
    with AskingClient(running, origin) as client:
        for number, method in enumerate(("GET", "GET", "POST", "GET")):
            client.ask(method, "/", "Content-Length: 1", body=b"x")
            bodies.append(client.read_answer().body)
            origin.wait_for_end(number + 1)

    assert bodies == [b"0", b"1", b"2", b"3"]
    assert all(connection.received.count(b" HTTP/1.1\r\n") == 1 for connection in origin.connections)


@both_schemes
def test_an_origin_that_closes_after_each_answer_without_a_word_is_served_by(
    tls: bool, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Whenever its end is heard of: before the next request, with it, or as that is on its way."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.answer("200 OK", b"body")

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        statuses = []
        for number in range(1, 41):
            client.ask("GET", "/")
            statuses.append(client.read_answer().status)
            if number % 2:
                origin.wait_for_end(number)

    assert statuses == [200] * 40
    assert len(origin.connections) == 40
    assert "ERROR" not in running.stderr()


@both_schemes
@pytest.mark.parametrize(
    ("method", "body", "arrives", "status"),
    [
        pytest.param("GET", b"", 2, 200, id="get"),
        pytest.param("HEAD", b"", 2, 200, id="head"),
        pytest.param("DELETE", b"", 2, 200, id="delete"),
        pytest.param("PUT", b"x" * 50_000, 2, 200, id="put-with-a-body"),
        pytest.param("POST", b"x", 1, 502, id="post"),
        pytest.param("PATCH", b"x", 1, 502, id="patch"),
        pytest.param("FOO", b"", 1, 502, id="unknown"),
    ],
)
def test_a_connection_that_ends_as_a_request_comes_is_tried_once_more(
    method: str,
    body: bytes,
    arrives: int,
    status: int,
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """On a new connection, in silence, where it may be repeated (RFC 9110 section 9.2.2); others not."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.answer("200 OK", b"warm" if connection.number == 0 else b"")
        if connection.number == 0:
            await connection.read_head()
            connection.reset()
        else:
            await connection.read_until_closed()

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/")
        client.read_answer()
        client.ask(method, "/again", f"Content-Length: {len(body)}", body=body)
        answer = client.read_answer(method)
        entry = running.access_log(2)[-1]

    requests = b"".join(item.received for item in origin.connections).count(b"/again HTTP/1.1\r\n")
    assert (answer.status, requests) == (status, arrives)
    assert (entry["status"], entry["replayed"]) == (status, False)
    assert status == 200 or answer.slug == "origin_unreachable"
    assert all(item.received.endswith(body) for item in origin.connections[1:])


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param(["Authorization: NTLM TlRMTVNTUAADAAAA"], [], id="ntlm"),
        pytest.param(["Authorization: Negotiate YIIB"], ["WWW-Authenticate: Negotiate oYG"], id="negotiate"),
    ],
)
def test_a_connection_that_a_client_has_authenticated_serves_nobody_else(
    asked: list[str],
    answered: list[str],
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """Where a connection has a user (RFC 4559 section 6), the next client is not taken for that one."""

    async def script(connection: RawConnection) -> None:
        while True:
            is_first = b"/first" in await connection.read_request()
            await connection.answer("200 OK", b"%d" % connection.number, *(answered if is_first else []))

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, {"host": "other.test"}))
    with AskingClient(running, origin) as client, AskingClient(running, origin) as other:
        client.ask("GET", "/first", *asked)
        first = client.read_answer()
        other.ask("GET", "/second")
        second = other.read_answer()

    assert (first.status, second.status) == (200, 200)
    assert first.body != second.body


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 2", id="part-of-a-head"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="an-interim-answer"),
    ],
)
def test_a_new_connection_that_ends_is_an_answer_that_did_not_come(
    answer: bytes, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Nothing but a connection that was idle before is tried again: the origin may have acted."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(answer)

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/")
        refusal = client.read_answer()

    assert (refusal.status, refusal.slug) == (502, "origin_unreachable")
    assert len(origin.connections) == 1


# Answers ahead of their requests


@both_schemes
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("then", ["closes", "reads-nothing", "reads-on"])
def test_an_answer_ahead_of_its_body_reaches_who_still_sends(
    then: str,
    chunked: bool,
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """Also who looks for it only when all is sent, and whatever the origin does with the rest."""

    async def script(connection: RawConnection) -> None:
        head = await connection.read_head()
        if head.startswith(b"GET"):
            await connection.answer("200 OK", b"next")
            return
        await connection.answer("413 Content Too Large", b"too much")
        if then == "reads-on":
            while await connection.reader.read(PIECE):
                pass
        elif then == "reads-nothing":
            await connection.released.wait()

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    size = 3 * MEGABYTE
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    body = b"%x\r\n%b" % (size, bytes(size - 1)) if chunked else bytes(size - 1)
    with AskingClient(running, origin) as client, AskingClient(running, origin) as other:
        client.ask("POST", "/", framing, body=body)
        answer = client.read_answer()
        other.ask("GET", "/")
        next_answer = other.read_answer()
        origin.release()

    assert (answer.status, answer.body, answer.value("connection")) == (413, b"too much", "close")
    assert (next_answer.status, next_answer.body) == (200, b"next")


def test_an_origin_that_stalls_and_rejects_is_asked_again_with_the_whole_body(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """What the first connection did not take is no business of the second."""
    size = 16 * MEGABYTE

    async def script(connection: RawConnection) -> None:
        head = await connection.read_head()
        if head.startswith(b"GET"):
            await connection.answer("200 OK", b"", "Connection: close")
        elif connection.number == 1:
            await connection.released.wait()
            await connection.answer("401 Unauthorized")
            while await connection.reader.read(PIECE):
                pass
        else:
            left, digest = size, hashlib.sha256()
            while left:
                part = await connection.reader.read(PIECE)
                assert part
                left -= len(part)
                digest.update(part)
            await connection.answer("200 OK", digest.hexdigest().encode())

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin, replay_limit=size))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/")
        client.read_answer()
        client.ask("PUT", "/", f"Content-Length: {size}")
        sent = 0
        while select.select([], [client.socket], [], 0.3)[1]:
            # Until the proxy takes no more, as the origin does not.
            sent += client.socket.send(bytes(PIECE))
        origin.release()
        client.send(bytes(size - sent))
        answer = client.read_answer()

    assert sent < size
    assert (answer.status, answer.text()) == (200, hashlib.sha256(bytes(size)).hexdigest())
    assert len(origin.connections) == 3


# Versions and framings


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("head", "body", "framing"),
    [
        pytest.param("HTTP/1.1 200 OK\r\nContent-Length: 4", b"body", "length", id="length"),
        pytest.param(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            b"2;x=y\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
            "open",
            id="chunked",
        ),
        pytest.param("HTTP/1.1 200 OK\r\nConnection: close", b"body", "open", id="close-delimited"),
        pytest.param("HTTP/1.0 200 OK\r\nContent-Type: text/plain", b"body", "open", id="1.0"),
        pytest.param("HTTP/1.0 200 OK\r\nContent-Length: 4", b"body", "length", id="1.0-length"),
        pytest.param(
            "HTTP/1.0 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive",
            b"body",
            "length",
            id="1.0-keep-alive",
        ),
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.0 keep-alive", "1.1"])
def test_an_answer_is_framed_as_its_client_can_read_it(
    version: str,
    head: str,
    body: bytes,
    framing: str,
    method: str,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """One of HTTP/1.0 knows no chunks: what says no length ends with the connection, which is told."""

    async def script(connection: RawConnection) -> None:
        request = await connection.read_request()
        await connection.send(head.encode() + b"\r\n\r\n" + (b"" if request.startswith(b"HEAD") else body))

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    number, _, keeps = version.partition(" ")
    with AskingClient(running, origin) as client:
        client.ask(method, "/", *(["Connection: keep-alive"] if keeps else []), version=number)
        answer = client.read_answer(method)
        is_open = number == "1.1" or (bool(keeps) and (framing == "length" or method == "HEAD"))
        if is_open:
            client.ask("GET", "/")
            assert client.read_answer().status == 200
        else:
            assert client.read_until_closed() == b""

    says = {"1.1": None}.get(number, "keep-alive" if is_open else "close")
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"body")
    assert answer.value("connection") == says
    if method == "GET":
        assert answer.value("content-length") == ("4" if framing == "length" else None)
        chunked = "chunked" if framing == "open" and number == "1.1" else None
        assert answer.value("transfer-encoding") == chunked


# Other protocols


@both_schemes
def test_a_websocket_carries_messages_of_any_size(
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
) -> None:
    """Both ways and at once, with a handshake that was authorized, and the end that one side gives it."""
    origin = make_origin(tls=tls)
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    url = origin.url("/protected/ws").replace("http", "ws", 1)
    context = {"ssl": ssl.create_default_context(cafile=str(running.ca_bundle))} if tls else {}
    messages = [b"x" * size for size in (0, 1, 125, 126, 65_536, 900_000)]

    with connect(url, proxy=running.url, max_size=None, **context) as websocket:
        for message in messages:
            websocket.send(message)
        echoed = [websocket.recv(timeout=20) for _ in messages]

    assert echoed == messages
    assert websocket.close_code == 1000
    assert origin.last.status == 101


@both_schemes
def test_bytes_on_the_heels_of_an_upgrade_are_carried(
    tls: bool, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """What either side sends in one piece with the handshake belongs to the new protocol already."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.send(SWITCHED + b"hello ")
        await connection.send(await connection.read(5))
        await connection.send(await connection.read(5))

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/", "Connection: Upgrade", "Upgrade: echo", body=b"early")
        head = client.read_head()
        client.send(b" late")
        received = client.read_until_closed()

    assert head.startswith(b"HTTP/1.1 101 ")
    assert received == b"hello early late"
    assert b"\r\nAuthorization: Bearer " in origin.connections[0].received


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param([], id="nothing"),
        pytest.param(["Upgrade: echo"], id="not-named-in-connection"),
        pytest.param(["Connection: Upgrade"], id="no-protocol"),
        pytest.param(["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: "], id="h2c"),
    ],
)
def test_a_change_of_protocol_that_nobody_asked_for_is_no_answer(
    asked: list[str],
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """What would follow could be taken for answers to the next requests."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.send(SWITCHED)
        await connection.read_until_closed()

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/", *asked)
        answer = client.read_answer()

    assert (answer.status, answer.slug) == (502, "origin_answer_invalid")
    origin.wait_for_end()
    assert b"upgrade" not in origin.connections[0].received.lower()


# Interim answers


@pytest.mark.parametrize(("version", "passed"), [("1.1", 2), ("1.0", 0)])
def test_early_hints_are_passed_on(
    version: str,
    passed: int,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """To a client of HTTP/1.1, which has to expect them, ahead of the final answer."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(hints * 2)
        await connection.answer("200 OK", b"final")

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/", "Connection: close", version=version)
        received = client.read_until_closed()

    assert received.startswith(hints * passed + b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\nfinal")


EXPECTING = ("POST", "/", "Content-Length: 4", "Expect: 100-continue", "Connection: close")


@both_schemes
def test_leave_to_send_a_body_is_the_origins_to_give(
    tls: bool, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """The client hears 100 (Continue) when the origin has said it, and once."""

    async def script(connection: RawConnection) -> None:
        assert b"\r\nExpect: 100-continue\r\n" in await connection.read_head()
        await connection.released.wait()
        await connection.send(CONTINUE)
        await connection.answer("200 OK", await connection.read(4))

    origin = raw_origin(script, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask(*EXPECTING)
        origin.wait_until(lambda: bool(origin.connections and origin.connections[0].received))
        origin.release()
        interim = client.read_head()
        client.send(b"body")
        final = client.read_until_closed()

    assert interim == CONTINUE
    assert final.startswith(b"HTTP/1.1 200 OK\r\n")
    assert final.endswith(b"\r\n\r\nbody")


def test_an_origin_that_rejects_at_once_is_asked_again_before_the_body_comes(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """401 instead of 100: with a new token the origin gives leave, and the client hears of that alone."""

    async def script(connection: RawConnection) -> None:
        while True:
            head = await connection.read_head()
            is_expecting = b"\r\nExpect: 100-continue\r\n" in head
            if not authorization_server.accepts(token_in(head)):
                await connection.answer("401 Unauthorized", b"", "Connection: close")
                return
            if is_expecting:
                await connection.send(CONTINUE)
            await connection.answer("200 OK", await connection.read(4))

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask("POST", "/", "Content-Length: 4", body=b"warm")
        client.read_answer()
        authorization_server.revoke_access_tokens()
        client.ask(*EXPECTING)
        interim = client.read_head()
        client.send(b"body")
        final = client.read_until_closed()

    assert interim == CONTINUE
    assert final.startswith(b"HTTP/1.1 200 OK\r\n")
    assert final.endswith(b"\r\n\r\nbody")
    assert authorization_server.requests == 2


def test_a_refusal_of_the_origin_comes_instead_of_leave(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Whom the origin refuses by the head alone never sends the body."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.answer("413 Content Too Large", b"no")
        await connection.read_until_closed()

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask(*EXPECTING)
        answer = client.read_answer()
        rest = client.read_until_closed()

    assert (answer.status, answer.body, rest) == (413, b"no", b"")
    origin.wait_for_end()
    assert origin.connections[0].received.endswith(b"\r\n\r\n")


def test_a_client_that_does_not_wait_for_leave_is_served(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """As RFC 9110 section 10.1.1 has it for servers that do not know the expectation."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        body = await connection.read(4)
        await connection.answer("200 OK", body)

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask(*EXPECTING)
        origin.wait_until(lambda: bool(origin.connections and origin.connections[0].received))
        client.send(b"body")
        received = client.read_until_closed()

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\nbody")


def test_who_says_http_1_0_gets_no_interim_answer(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """RFC 9110 section 10.1.1: its expectation is ignored, and its body comes unasked."""

    async def script(connection: RawConnection) -> None:
        if b"Expect" in await connection.read_head():
            await connection.send(CONTINUE)
        await connection.answer("200 OK", await connection.read(4))

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask(*EXPECTING, version="1.0")
        origin.wait_until(lambda: bool(origin.connections and origin.connections[0].received))
        client.send(b"body")
        received = client.read_until_closed()

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\nbody")


def test_leave_is_ours_to_give_where_the_body_is_written_here(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """A field goes into the body: it is asked for before the origin is."""

    async def script(connection: RawConnection) -> None:
        head = await connection.read_request()
        await connection.answer("200 OK", b"" if b"expect" in head.lower() else b"as expected")

    origin = raw_origin(script)
    fields = [{"in": "payload", "key": "user", "value": "{{username}}"}]
    running = shared_proxy(one_profile(authorization_server, origin, fields=fields))
    with AskingClient(running, origin) as client:
        client.ask("POST", "/", "Content-Length: 2", "Content-Type: application/json", "Expect: 100-continue")
        interim = client.read_head()
        connections = len(origin.connections)
        client.send(b"{}")
        answer = client.read_answer()

    assert (interim, connections) == (CONTINUE, 0)
    assert (answer.status, answer.body) == (200, b"as expected")
    assert origin.connections[0].received.endswith(b'{"user":"bot"}')


# Methods


@pytest.mark.parametrize(
    ("method", "tls"),
    [
        *((method, False) for method in ("PURGE", "FOO", "M-SEARCH", "!#$%&'*+-.^_`|~", "get", "PRI")),
        ("PURGE", True),
    ],
)
def test_any_token_is_a_method(
    method: str,
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """RFC 9110 section 9.1: passed on with its case, authorized, and not handed over to the other lane."""
    origin = raw_origin(echo, tls=tls)
    running = shared_proxy(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        client.ask(method, "/x")
        answer = client.read_answer()
        # The other lane would go on after this.
        client.ask(method, "/x", "Host: another.example")
        refusal, rest = client.read_answer(), client.read_until_closed()

    assert (answer.status, answer.body) == (200, f"{method} /x HTTP/1.1\n".encode())
    assert token_in(origin.connections[0].received)
    assert (refusal.status, rest) == (400, b"")
