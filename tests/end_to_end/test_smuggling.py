"""The corpus of ambiguous messages through a running proxy: what can be read in two ways does not get by."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_express
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin, serve_raw_origin
from tests.end_to_end.servers.shared_proxy import SharedProxy
from tests.proxy.express.smuggling import (
    ANSWER,
    ANSWER_CASES,
    REQUEST_CASES,
    AnswerCase,
    RequestCase,
    canonical,
)

pytestmark = on_express
SECONDS = 20


@dataclass
class NoServer:
    """Nobody asks it for a token: no profile owns these origins, so nothing is added to what they get."""

    token_endpoint: str = "http://127.0.0.1:9/token"


@pytest.fixture
def running(shared_proxy: SharedProxy, request: pytest.FixtureRequest) -> ProxyProcess:
    """The lane's proxy, configured by the first of the tests here."""
    configured = request.session.stash.setdefault(CONFIGURED, {})
    if shared_proxy not in configured:
        configured[shared_proxy] = shared_proxy(one_profile(NoServer(), {"host": "owned.test"}))
    return configured[shared_proxy]


CONFIGURED = pytest.StashKey[dict[SharedProxy, ProxyProcess]]()


class AnsweringOrigin:
    """Answers each whole request that it has received."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._changed = threading.Condition()

    async def __call__(self, connection: RawConnection) -> None:
        number, answered = len(self.received), 0
        self.received.append(b"")
        while data := await connection.reader.read(65536):
            self.received[number] += data
            requests, _ = canonical(self.received[number])
            await connection.send(ANSWER * (len(requests) - answered))
            answered = len(requests)

    @property
    def requests(self) -> list[bytes]:
        """The whole requests of all connections."""
        return [request for received in self.received for request in canonical(received)[0]]

    @property
    def beginnings(self) -> list[bytes]:
        """What came of requests that are not whole."""
        return [rest for received in self.received if (rest := canonical(received)[1])]


@pytest.fixture
def answering() -> AnsweringOrigin:
    return AnsweringOrigin()


@pytest.fixture
def origin(answering: AnsweringOrigin) -> Iterator[RawOrigin]:
    with serve_raw_origin(answering) as running:
        yield running


@contextlib.contextmanager
def connected(running: ProxyProcess) -> Iterator[socket.socket]:
    with socket.create_connection((running.host, running.port), SECONDS) as connection:
        yield connection


def read_answers(connection: socket.socket, count: int) -> bytes:
    """Reads until so many of the origin's answers are there."""
    received = b""
    while received.count(b"\r\n\r\nok") < count:
        received += connection.recv(65536) or pytest.fail(f"it ended after {received!r}")
    return received


def read_to_the_end(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return received


@pytest.mark.parametrize("case", REQUEST_CASES, ids=lambda case: case.name)
def test_a_request_reaches_the_origin_in_one_way_or_not_at_all(
    case: RequestCase, running: ProxyProcess, origin: RawOrigin, answering: AnsweringOrigin
) -> None:
    """With exactly that framing; after a refusal the connection ends, whatever stands behind it."""
    authority = f"127.0.0.1:{origin.port}".encode()

    with connected(running) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(case.at(authority))
        is_refused = case.status is not None
        said = read_to_the_end(client) if is_refused else read_answers(client, len(case.forwarded))

    assert answering.requests == [item.at(authority) for item in case.forwarded]
    assert said.count(b"\r\n\r\nok") == len(case.forwarded)
    if case.status is not None:
        refusal = said.rpartition(b"\r\n\r\nok")[2]
        assert refusal.startswith(b"HTTP/1.1 %d " % case.status)
    if not case.breaks_in_body:
        assert answering.beginnings == []


@pytest.mark.parametrize("case", ANSWER_CASES, ids=lambda case: case.name)
def test_an_answer_is_refused_or_passed_on_in_one_way(case: AnswerCase, running: ProxyProcess) -> None:
    """And the client's connection carries the next request, or has ended."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.send(case.sent)

    with serve_raw_origin(script) as origin, connected(running) as client:
        authority = f"127.0.0.1:{origin.port}".encode()
        request = b"%b http://%b/ HTTP/1.1\r\nHost: %b\r\n" % (case.method, authority, authority)
        client.sendall(request + b"Connection: close\r\n\r\n")
        said = read_to_the_end(client)

    if case.client is None and not case.is_cut:
        assert b"HTTP/1.1 502 " in said
        assert b'details="origin_answer_invalid"' in said
    elif case.client is None:
        assert not said.endswith(b"0\r\n\r\n")
    else:
        status = case.client.partition(b"\r\n")[0]
        assert said.startswith(status)
