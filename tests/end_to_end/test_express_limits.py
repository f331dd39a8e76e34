"""The limits of the express lane (`limits:`): what a client or an origin that goes beyond one is told."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.end_to_end.clients.asking import AskingClient
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_express
from tests.end_to_end.servers.authlib_server import AuthlibServer, authlib_server
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin, serve_raw_origin
from tests.end_to_end.servers.shared_proxy import SharedProxy

pytestmark = on_express

StartProxy = Callable[..., ProxyProcess]
MakeRawOrigin = Callable[..., RawOrigin]
MEGABYTE = 1024 * 1024
PIECE = 256 * 1024
LARGE = 16 * MEGABYTE
both_schemes = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])


def limited(server: AuthlibServer, origin: RawOrigin, **limits: Any) -> dict[str, Any]:
    """A profile for the origin, and limits."""
    return one_profile(server, origin) | {"limits": limits}


async def answer_all(connection: RawConnection) -> None:
    """Answers each request; one for /hold when it is released."""
    while True:
        if b"/hold" in await connection.read_request():
            await connection.released.wait()
        await connection.answer("200 OK", b"body")


# What takes too long: looked at last, as it takes the longest


@dataclass
class Dawdlers:
    """Two clients in the middle of their uploads: one sends no more, the other may not; and their origin."""

    silent: AskingClient
    held: AskingClient
    unsent: int
    """Bytes that the other has still to send."""
    origin: RawOrigin


@pytest.fixture(scope="module")
def dawdlers(
    tmp_path_factory: pytest.TempPathFactory,
    run_on_lane: Callable[..., AbstractContextManager[ProxyProcess]],
) -> Iterator[Dawdlers]:

    async def script(connection: RawConnection) -> None:
        if b"/silent" in await connection.read_head():
            await connection.read_until_closed()
        await connection.released.wait()
        left = LARGE
        while left and (part := await connection.reader.read(PIECE)):
            left -= len(part)
        await connection.answer("200 OK", b"all of it")

    with ExitStack() as stack:
        origin = stack.enter_context(serve_raw_origin(script))
        server = stack.enter_context(authlib_server())
        config = limited(server, origin, write_timeout=600)
        running = stack.enter_context(run_on_lane(config, tmp_path_factory.mktemp("dawdlers")))
        silent, held = (stack.enter_context(AskingClient(running, origin)) for _ in range(2))
        silent.socket.settimeout(60)
        silent.ask("POST", "/silent", "Content-Length: 1000", body=b"begun")
        held.ask("POST", "/held", f"Content-Length: {LARGE}")
        sent = 0
        while select.select([], [held.socket], [], 0.3)[1]:
            sent += held.socket.send(bytes(PIECE))
        yield Dawdlers(silent, held, LARGE - sent, origin)


@pytest.fixture(autouse=True)
def _begin_to_dawdle(dawdlers: object) -> None:
    """So that the half minute passes while the other tests are at work."""


# What is too large


@pytest.mark.parametrize(
    ("limits", "head", "status"),
    [
        pytest.param({"line": 200}, "GET {}/{:x<300} HTTP/1.1\r\nHost: {}\r\n\r\n", 414, id="line"),
        pytest.param({"line": 200}, "GET {}/{:x<300}", 414, id="line-without-an-end"),
        pytest.param({"head": 999}, "GET {}/{} HTTP/1.1\r\nHost: {}\r\nX: {:x<999}\r\n\r\n", 431, id="head"),
        pytest.param({"head": 999}, "GET {}/{} HTTP/1.1\r\nX: {:x<999}", 431, id="head-without-an-end"),
        pytest.param({"fields": 9}, "GET {}/{} HTTP/1.1\r\nHost: {}\r\n" + "X: y\r\n" * 9, 431, id="fields"),
        pytest.param(
            {"body": 999}, "PUT {}/{} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000\r\n\r\n", 413, id="body"
        ),
        pytest.param(
            {"body": 999},
            "PUT {}/{} HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
            413,
            id="body-not-sent-yet",
        ),
    ],
)
def test_what_is_too_large_is_refused(
    limits: dict[str, int],
    head: str,
    status: int,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """Without a look at the rest, which ends the connection; the origin hears nothing."""
    origin = raw_origin(answer_all)
    running = shared_proxy(limited(authorization_server, origin, **limits))
    text = head.format(origin.url("").rstrip("/"), "", origin.authority, "")
    if "X: y" in text:
        text += "\r\n"

    with RawClient(running.host, running.port) as client:
        client.send(text)
        answer, rest = client.read_answer(), client.read_until_closed()
    entry = running.access_log(1)[-1]

    assert (answer.status, answer.slug, answer.value("connection"), rest) == (
        status,
        "request_malformed",
        "close",
        b"",
    )
    assert (entry["status"], entry["refusal"]) == (status, "request_malformed")
    assert (origin.connections, authorization_server.requests) == ([], 0)


def test_a_body_that_turns_out_too_large_is_refused(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """In chunks it does not say how long it is; the origin never sees its end."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.read(100_000)
        await connection.read_until_closed()

    origin = raw_origin(script)
    running = shared_proxy(limited(authorization_server, origin, body=100_000))
    with AskingClient(running, origin) as client:
        client.ask("PUT", "/", "Transfer-Encoding: chunked")
        client.send(b"186a0\r\n" + bytes(100_000) + b"\r\n")
        origin.wait_until(lambda: bool(origin.connections) and len(origin.connections[0].received) > 100_000)
        client.send(b"1\r\nx\r\n0\r\n\r\n")
        answer = client.read_answer()
    origin.wait_for_end()

    assert (answer.status, answer.slug) == (413, "request_malformed")
    assert not origin.connections[0].received.endswith(b"0\r\n\r\n")


def test_what_is_just_within_the_limits_passes(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """The line without its end, the head without the empty line, each to the byte."""
    origin = raw_origin(answer_all)
    line = f"PUT {origin.url('/')} HTTP/1.1"
    fields = f"Host: {origin.authority}", "Content-Length: 4", "X: "
    head = len("\r\n".join([line, *fields])) + 100
    limits = {"line": len(line), "head": head, "fields": 3, "body": 4}
    running = shared_proxy(limited(authorization_server, origin, **limits))
    with AskingClient(running, origin) as client:
        client.request(line, *fields[:2], fields[2] + "x" * 100, body=b"body")
        answer = client.read_answer()

    assert (answer.status, answer.body) == (200, b"body")


@pytest.mark.parametrize(
    ("limits", "answer"),
    [
        pytest.param({"head": 999}, "X: " + "x" * 999, id="head"),
        pytest.param({"fields": 9}, "\r\n".join(["X: y"] * 9), id="fields"),
    ],
)
def test_an_origin_is_held_to_limits_too(
    limits: dict[str, int],
    answer: str,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """What it sends beyond is no answer."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.answer("200 OK", b"body", answer)
        await connection.read_until_closed()

    origin = raw_origin(script)
    running = shared_proxy(limited(authorization_server, origin, **limits))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/")
        refusal = client.read_answer()

    assert (refusal.status, refusal.slug) == (502, "origin_answer_invalid")
    origin.wait_for_end()


# What takes too long


@both_schemes
@pytest.mark.parametrize("drips", [False, True], ids=["silent", "drips"])
@pytest.mark.parametrize("before", [0, 1], ids=["first", "second"])
def test_a_head_that_does_not_come_in_time_is_refused(
    before: int,
    drips: bool,
    tls: bool,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """From its first byte on: a byte now and then gains nothing."""
    origin = raw_origin(answer_all, tls=tls)
    running = shared_proxy(limited(authorization_server, origin, header_timeout=0.2))
    with AskingClient(running, origin) as client:
        for _ in range(before):
            client.ask("GET", "/")
            client.read_answer()
        client.send(client.head("GET", "/")[:-2] + b"X: ")
        while drips and not select.select([client.socket], [], [], 0.1)[0]:
            client.send(b"x")
        answer, rest = client.read_answer(), client.read_until_closed()

    assert (answer.status, answer.slug, rest) == (408, "request_malformed", b"")
    assert sum(connection.received.count(b"HTTP/1.1") for connection in origin.connections) == before


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00"], ids=["nothing", "byte", "record"])
def test_tls_that_does_not_begin_in_time_ends_the_tunnel(
    sent: bytes, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """There is nothing to be said to who speaks no HTTP yet."""
    origin = raw_origin(answer_all)
    running = shared_proxy(limited(authorization_server, origin, header_timeout=0.2))
    with RawClient(running.host, running.port) as client:
        client.tunnel(origin.authority)
        client.send(sent)
        rest = client.read_until_closed()

    assert rest == b""


def test_an_idle_connection_is_ended_and_a_busy_one_is_not(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Whoever waits for an answer is not idle, nor is there anything to be answered to who is."""
    origin = raw_origin(answer_all)
    running = shared_proxy(limited(authorization_server, origin, idle_timeout=0.2, header_timeout=0.1))
    with (
        AskingClient(running, origin) as busy,
        AskingClient(running, origin) as new,
        AskingClient(running, origin) as used,
    ):
        busy.ask("GET", "/hold")
        used.ask("GET", "/")
        used.read_answer()
        ends = [new.read_until_closed(), used.read_until_closed()]
        origin.release()
        answer = busy.read_answer()

    assert ends == [b"", b""]
    assert answer.status == 200


@pytest.mark.parametrize(
    ("limits", "tls", "head"),
    [
        pytest.param({"read_timeout": 0.2}, False, b"", id="no-answer"),
        pytest.param({"read_timeout": 0.2}, True, b"HTTP/1.1 200 OK\r\nX", id="part-of-a-head"),
        pytest.param({"connect_timeout": 0.2}, True, None, id="no-handshake"),
    ],
)
def test_an_origin_that_does_not_answer_in_time_is_given_up(
    limits: dict[str, float],
    tls: bool,
    head: bytes | None,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """504, and its connection is left."""

    async def script(connection: RawConnection) -> None:
        if head is not None:
            await connection.read_request()
            await connection.send(head)
        await connection.read_until_closed()

    origin = raw_origin(script, tls=tls and head is not None)
    origin.scheme = "https" if tls else "http"
    running = shared_proxy(limited(authorization_server, origin, **limits))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/")
        answer = client.read_answer()
    origin.wait_for_end()

    assert (answer.status, answer.slug) == (504, "origin_unreachable")


def test_an_answer_that_does_not_go_on_is_broken_off(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """The client can tell, as its end is not where it should be."""

    async def script(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
        await connection.read_until_closed()

    origin = raw_origin(script)
    running = shared_proxy(limited(authorization_server, origin, read_timeout=0.2))
    with AskingClient(running, origin) as client:
        client.ask("GET", "/")
        head, rest = client.read_head(), client.read_until_closed()
    origin.wait_for_end()

    assert head.startswith(b"HTTP/1.1 200")
    assert b"part".startswith(rest)


def test_who_takes_nothing_is_left(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """A client that does not read its answer, and an origin that does not read what it is sent."""

    async def script(connection: RawConnection) -> None:
        head = await connection.read_head()
        if head.startswith(b"GET"):
            await connection.answer("200 OK", bytes(64 * MEGABYTE))
        else:
            await connection.released.wait()

    origin = raw_origin(script)
    running = shared_proxy(limited(authorization_server, origin, write_timeout=0.2))
    with AskingClient(running, origin) as deaf, AskingClient(running, origin) as client:
        deaf.ask("GET", "/")
        client.ask("PUT", "/", f"Content-Length: {64 * MEGABYTE}")
        while (
            select.select([], [client.socket], [], 0.3)[1]
            and not select.select([client.socket], [], [], 0)[0]
        ):
            client.socket.send(bytes(PIECE))
        answer = client.read_answer()
        origin.wait_until(lambda: any(connection.has_ended for connection in origin.connections))
        entries = running.access_log(2)
    origin.release()

    assert (answer.status, answer.slug) == (504, "origin_unreachable")
    assert {(entry["method"], entry["status"]) for entry in entries} == {("PUT", 504), ("GET", 200)}


def test_an_idle_connection_to_an_origin_is_ended(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """And the next request has a new one."""
    origin = raw_origin(answer_all)
    running = shared_proxy(limited(authorization_server, origin, origin_idle_timeout=0.2))
    with AskingClient(running, origin) as client:
        for number in (1, 2):
            client.ask("GET", "/")
            assert client.read_answer().status == 200
            origin.wait_for_end(number)

    assert len(origin.connections) == 2


@pytest.mark.parametrize("sent", [b"", b"hello"], ids=["never-used", "used"])
def test_a_tunnel_in_which_nothing_is_said_is_ended(
    sent: bytes, shared_proxy: SharedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """At both ends."""

    async def script(connection: RawConnection) -> None:
        await connection.read_until_closed()

    origin = raw_origin(script)
    config = limited(authorization_server, origin, tunnel_idle_timeout=0.2, header_timeout=0.1)
    config["profiles"]["orders"]["match"] = [{"host": "other.test"}]
    running = shared_proxy(config)
    with RawClient(running.host, running.port) as client:
        client.tunnel(origin.authority)
        client.send(sent)
        rest = client.read_until_closed()
    origin.wait_for_end()

    assert rest == b""
    assert origin.connections[0].received == sent


# What is too many


@pytest.mark.parametrize("limit", ["connections", "connections_per_client"])
def test_a_connection_too_many_is_refused_until_another_ends(
    limit: str, proxy: StartProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """503 with Retry-After, counted, and said in the log."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        console = f"127.0.0.1:{unused.getsockname()[1]}"
    origin = raw_origin(answer_all)
    running = proxy(limited(authorization_server, origin, **{limit: 2}) | {"console": console})
    with AskingClient(running, origin) as first, AskingClient(running, origin) as second:
        for client in (first, second):
            client.ask("GET", "/")
            client.read_answer()
        with AskingClient(running, origin) as third:
            refusal, rest = third.read_answer(), third.read_until_closed()
        metrics = httpx.get(f"http://{console}/metrics", trust_env=False).text
        first.socket.close()
        # Its end, and that of the one that was refused, have to be heard of before the next comes.
        statuses = [503]
        while statuses[-1] == 503:
            with AskingClient(running, origin) as fourth:
                fourth.ask("GET", "/")
                statuses.append(fourth.read_answer().status)
        second.ask("GET", "/")
        goes_on = second.read_answer().status

    assert (refusal.status, refusal.slug, rest) == (503, "too_many_connections", b"")
    assert refusal.value("retry-after") == "1"
    assert (statuses[-1], goes_on) == (200, 200)
    assert f'grantproxy_limits_reached_total{{limit="{limit}"}} 1.0' in metrics
    running.wait_for_log(f"WARNING: the limit {limit} was reached, last by 127.0.0.1")


def test_requests_to_a_busy_origin_wait_for_their_turn(
    proxy: StartProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """One is under way, one waits, one more is refused with 503; another origin is not concerned."""
    origin, other = raw_origin(answer_all), raw_origin(answer_all)
    limits = {"requests_per_origin": 1, "queue_per_origin": 1}
    config = limited(authorization_server, origin, **limits)
    config["profiles"]["orders"]["match"] = [{"host": "127.0.0.1"}]
    running = proxy(config)
    with ExitStack() as stack:
        clients = [stack.enter_context(AskingClient(running, origin)) for _ in range(3)]
        clients[0].ask("GET", "/hold")
        origin.wait_until(lambda: bool(origin.connections and origin.connections[0].received))
        for client in clients[1:]:
            client.ask("GET", "/")
        sockets = {client.socket: client for client in clients[1:]}
        (refused,) = select.select(list(sockets), [], [], 10)[0]
        refusal = sockets.pop(refused).read_answer()
        elsewhere = stack.enter_context(AskingClient(running, other))
        elsewhere.ask("GET", "/")
        beside = elsewhere.read_answer().status
        (waiting,) = sockets.values()
        is_waiting = not select.select([waiting.socket], [], [], 0)[0]
        origin.release()
        answers = [clients[0].read_answer().status, waiting.read_answer().status]

    assert (refusal.status, refusal.slug, refusal.value("retry-after")) == (503, "origin_busy", "1")
    assert (beside, is_waiting, answers) == (200, True, [200, 200])
    assert len(origin.connections) == 1
    running.wait_for_log("WARNING: the limit requests_per_origin was reached, last by an origin")


def test_a_request_waits_for_its_turn_only_so_long(
    proxy: StartProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Then it is refused; and a client that leaves while it waits makes room for another."""
    origin = raw_origin(answer_all)
    limits = {"requests_per_origin": 1, "queue_per_origin": 1, "queue_timeout": 1}
    running = proxy(limited(authorization_server, origin, **limits))
    with AskingClient(running, origin) as first, AskingClient(running, origin) as late:
        first.ask("GET", "/hold")
        origin.wait_until(lambda: bool(origin.connections and origin.connections[0].received))
        with AskingClient(running, origin) as leaving:
            leaving.ask("GET", "/")
            # Its answer would be a refusal: there is room for one that waits.
            running.wait_for_log("requests_per_origin")
        running.access_log(1)
        late.ask("GET", "/")
        refusal = late.read_answer()
        origin.release()
        answers = [first.read_answer().status]
        late.ask("GET", "/")
        answers.append(late.read_answer().status)

    assert (refusal.status, refusal.slug) == (503, "origin_busy")
    assert "was answered within" in refusal.json()["detail"]
    assert answers == [200, 200]


# What takes the longest


def test_a_body_that_comes_too_slowly_is_refused(dawdlers: Dawdlers) -> None:
    """Less than 100 bytes a second for half a minute; but not of a client whom nobody lets send."""
    refusal = dawdlers.silent.read_answer()
    dawdlers.origin.release()
    dawdlers.held.send(bytes(dawdlers.unsent))
    answer = dawdlers.held.read_answer()

    assert (refusal.status, refusal.slug, refusal.value("connection")) == (408, "request_malformed", "close")
    assert (answer.status, answer.body) == (200, b"all of it")
