"""The express lane when either side ends its connection, at every state of a request: what the other side
sees of it, and that nothing is left over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from tests.end_to_end.clients.asking import AskingClient
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_express
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin
from tests.end_to_end.servers.shared_proxy import SharedProxy

pytestmark = on_express

MakeRawOrigin = Callable[..., RawOrigin]
both_schemes = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
HEAD = b"HTTP/1.1 200 OK\r\n"


class WatchedProxy:
    """A proxy of this module's own. What it holds when nobody uses it, it holds again after each test."""

    def __init__(self, shared: SharedProxy) -> None:
        self._shared = shared
        self._files_at_rest = 0
        self._tasks_at_rest: list[str] = []

    def __call__(self, config: Mapping[str, Any]) -> ProxyProcess:
        self.running = self._shared(config)
        if not self._tasks_at_rest:
            self._files_at_rest = len(self.running.open_files())
            self._tasks_at_rest = self.running.tasks()
        return self.running

    def assert_at_rest(self) -> None:
        """Waits until no more is held than at the beginning; and nothing was complained about."""
        deadline = time.monotonic() + 10
        while len(self.running.open_files()) > self._files_at_rest and time.monotonic() < deadline:
            # What is asked for by a signal is told by the event loop, which has done what came before.
            self.running.tasks()
        files, tasks = self.running.open_files(), self.running.tasks()
        assert (len(files), tasks) == (self._files_at_rest, self._tasks_at_rest), files
        assert self.running.complaints() == []


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, run_on_lane: Callable[..., AbstractContextManager[ProxyProcess]]
) -> Iterator[WatchedProxy]:
    """A proxy that nobody uses but these tests."""
    shared = SharedProxy(lambda config: run_on_lane(config, tmp_path_factory.mktemp("watched-proxy")))
    yield WatchedProxy(shared)
    shared.close()


# The client ends


def finish(client: AskingClient) -> None:
    client.end()


def say_so(client: AskingClient) -> None:
    """Says so before it ends, as TLS has it; over http a close."""
    if client.origin.scheme == "https":
        client.socket.settimeout(0)
        with suppress(OSError):  # it would wait for the proxy to say so too
            client.socket.unwrap()  # type: ignore[attr-defined]
    client.socket.close()


def reset(client: AskingClient) -> None:
    client.reset()


@both_schemes
@pytest.mark.parametrize("leave", [finish, say_so, reset], ids=["half-close", "close", "reset"])
@pytest.mark.parametrize(
    ("state", "sent", "arrives", "logged"),
    [
        pytest.param("idle", "", 0, [], id="idle"),
        pytest.param("idle", "GET /whole", 1, [200], id="idle-again"),
        pytest.param("head", "GET /part", 0, [], id="during-head"),
        pytest.param("body", "PUT /silent", 1, [None], id="during-body"),
        pytest.param("waiting", "GET /silent", 1, [None], id="waiting"),
        pytest.param("answer", "GET /begun", 1, [200], id="during-answer"),
        pytest.param("upgraded", "GET /upgraded", 1, [101], id="upgraded"),
    ],
)
def test_a_client_that_ends_is_gone(
    state: str,
    sent: str,
    arrives: int,
    logged: list[int | None],
    leave: Callable[[AskingClient], None],
    tls: bool,
    watched: WatchedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """The origin is left at once, whatever it was about to do, and the request has its line in the log."""

    async def script(connection: RawConnection) -> None:
        head = await connection.read_head()
        if b"/begun" in head:
            await connection.send(HEAD + b"Content-Length: 100\r\n\r\nbegun")
        elif b"/upgraded" in head:
            await connection.send(b"HTTP/1.1 101 Go On\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        elif b"/whole" in head:
            await connection.answer("200 OK", b"whole", "Connection: close")
        await connection.read_until_closed()

    origin = raw_origin(script, tls=tls)
    running = watched(one_profile(authorization_server, origin))
    client = AskingClient(running, origin)
    with client:
        method, _, path = sent.partition(" ")
        match state:
            case "head":
                client.send(client.head(method, path)[:-3])
            case "body":
                client.ask(method, path, "Content-Length: 1000000", body=bytes(100_000))
            case "upgraded":
                client.ask(method, path, "Connection: Upgrade", "Upgrade: x")
            case _ if sent:
                client.ask(method, path)
        match state:
            case "body" | "waiting":
                origin.wait_until(lambda: bool(origin.connections and origin.connections[0].received))
            case "answer" | "upgraded":
                client.read_head()
            case "idle" if sent:
                client.read_answer()
        leave(client)
        if leave is finish:
            # Whoever closes one half is answered no more; but that its connection ends, it is told.
            assert client.read_until_closed() in (b"", b"begun") or tls
    origin.wait_until(lambda: len(origin.connections) == arrives)
    origin.wait_for_end(arrives)

    watched.assert_at_rest()
    assert [entry["status"] for entry in running.access_log(len(logged))] == logged


# The origin ends


async def close(connection: RawConnection) -> None:
    """With TLS it says so before (close_notify)."""
    connection.writer.close()


async def end(connection: RawConnection) -> None:
    connection.end()
    await connection.read_until_closed()


async def break_off(connection: RawConnection) -> None:
    connection.reset()


LEAVING = (close, end, break_off)
REFUSED, BROKEN, WHOLE = "refused", "broken", "whole"
CUT_OFF = "whole, but for TLS without its close_notify"
"""RFC 9112 section 9.8: where nothing but its end ends an answer, that end has to be meant."""


@both_schemes
@pytest.mark.parametrize("leave", LEAVING, ids=["close", "half-close", "reset"])
@pytest.mark.parametrize(
    ("state", "answer", "outcomes"),
    [
        pytest.param("body", b"", (REFUSED, REFUSED, REFUSED), id="during-body"),
        pytest.param("waiting", b"", (REFUSED, REFUSED, REFUSED), id="waiting"),
        pytest.param("head", HEAD + b"Content-", (REFUSED, REFUSED, REFUSED), id="during-head"),
        pytest.param(
            "length",
            HEAD + b"Content-Length: 9\r\n\r\npart",
            (BROKEN, BROKEN, BROKEN),
            id="during-answer",
        ),
        pytest.param(
            "chunked",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
            (BROKEN, BROKEN, BROKEN),
            id="during-chunks",
        ),
        pytest.param("open", HEAD + b"\r\npart", (WHOLE, CUT_OFF, BROKEN), id="close-delimited"),
        pytest.param(
            "idle",
            HEAD + b"Content-Length: 4\r\n\r\npart",
            (WHOLE, WHOLE, WHOLE),
            id="idle",
        ),
        pytest.param(
            "upgraded",
            b"HTTP/1.1 101 Go On\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\npart",
            (BROKEN, BROKEN, BROKEN),
            id="upgraded",
        ),
    ],
)
def test_an_origin_that_ends_is_told_from_one_that_has_answered(
    state: str,
    answer: bytes,
    outcomes: tuple[str, str, str],
    leave: Callable[[RawConnection], Any],
    tls: bool,
    watched: WatchedProxy,
    authorization_server: AuthlibServer,
    raw_origin: MakeRawOrigin,
) -> None:
    """No answer is a refusal of ours, part of one ends abruptly, and a whole one is not taken back."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        if state == "body":
            await connection.read(1000)
        await connection.send(answer)
        if state in ("open", "length", "chunked", "upgraded"):
            # The end comes when the client has what came before.
            await connection.released.wait()
        await leave(connection)

    outcome = outcomes[LEAVING.index(leave)]
    if outcome == CUT_OFF:
        outcome = BROKEN if tls else WHOLE
    origin = raw_origin(script, tls=tls)
    running = watched(one_profile(authorization_server, origin))
    with AskingClient(running, origin) as client:
        match state:
            case "body":
                client.ask("POST", "/", "Content-Length: 1000000", body=bytes(100_000))
            case "upgraded":
                client.ask("GET", "/", "Connection: Upgrade", "Upgrade: x")
            case _:
                client.ask("GET", "/")
        if outcome == REFUSED:
            refusal = client.read_answer()
            assert (refusal.status, refusal.slug) == (502, "origin_unreachable")
        elif state == "idle":
            assert client.read_answer().body == b"part"
        else:
            head = client.read_head()
            assert head.startswith((HEAD, b"HTTP/1.1 101"))
            received = client.socket.recv(100)
            origin.release()
            if outcome == BROKEN:
                received += client.read_until_closed()
            else:
                received += client.read_head()
            assert b"part" in received
            assert received.endswith(b"0\r\n\r\n") == (outcome == WHOLE)
        if outcome == WHOLE:
            # The connection goes on, with a new one to the origin.
            origin.wait_for_end()
            client.ask("GET", "/")
            assert client.read_head().startswith(HEAD)
    origin.release()
    origin.wait_for_end()

    watched.assert_at_rest()


@pytest.mark.parametrize("first", ["client", "origin"])
def test_halves_of_a_tunnel_end_one_by_one(
    first: str, watched: WatchedProxy, authorization_server: AuthlibServer, raw_origin: MakeRawOrigin
) -> None:
    """Through one to nobody's host, who has said everything can still be told something."""

    async def script(connection: RawConnection) -> None:
        await connection.send(b"welcome")
        if first == "origin":
            connection.end()
            await connection.read_until_closed()
        else:
            await connection.read_until_closed()
            await connection.send(b" and good-bye")

    origin = raw_origin(script)
    running = watched(one_profile(authorization_server, {"host": "other.test"}))
    with AskingClient(running, origin) as client:
        tunnel = client.tunnel(origin.authority)
        client.send(b"hello")
        if first == "client":
            client.end()
        received = client.read_until_closed()
        if first == "origin":
            client.send(b" after the end")
    origin.wait_for_end()

    assert tunnel.status == 200
    assert received == (b"welcome" if first == "origin" else b"welcome and good-bye")
    assert origin.connections[0].received == (b"hello after the end" if first == "origin" else b"hello")
    watched.assert_at_rest()
