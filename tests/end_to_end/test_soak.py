"""Mixed traffic for minutes: all that a lane carries at once, with clients that leave and tokens that die.

SOAK_SECONDS says for how long; without it, three minutes.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.end_to_end.clients.asking import AskingClient
from tests.end_to_end.clients.http2 import Http2Client
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_express
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess

SECONDS = float(os.environ.get("SOAK_SECONDS", "180"))
MEGABYTE = 1024 * 1024
FLAT = 16 * MEGABYTE
"""What the second half may add: some hundred bytes a request. In the first the allocator finds its size."""
SECONDS_TO_SETTLE = 20.0


@dataclass
class Ground:
    """What the traffic goes through and to."""

    running: ProxyProcess
    plain: Origin
    secured: Origin
    server: AuthlibServer
    send: Sender
    random: random.Random = field(default_factory=lambda: random.Random(4711))

    @property
    def either(self) -> Origin:
        return self.random.choice((self.plain, self.secured))


def requests_on_one_connection(ground: Ground) -> None:
    origin = ground.either
    with ground.send.client(ground.running) as client:
        for _ in range(20):
            assert client.get(origin.url("/protected/204")).status_code == 204
        assert client.get(origin.url("/protected/gzip")).status_code == 200
        assert client.head(origin.url("/protected/head")).status_code == 200


def bodies_up_and_down(ground: Ground) -> None:
    origin = ground.either
    with ground.send.client(ground.running) as client:
        parts = iter([b"x" * 50_000] * 4)
        assert client.post(origin.url("/protected/upload"), content=parts).json()["length"] == 200_000
        assert client.put(origin.url("/protected/upload"), content=b"y" * 9000).json()["length"] == 9000
        assert len(client.get(origin.url("/protected/large?size=1000000")).content) == 1_000_000
        assert client.get(origin.url("/protected/chunked")).text == "one two three"


def events(ground: Ground) -> None:
    with ground.send.client(ground.running) as client:
        answer = client.get(ground.either.url("/protected/sse?count=3"))
    assert answer.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


def a_websocket(ground: Ground) -> None:
    url = ground.plain.url("/protected/ws").replace("http://", "ws://")
    with connect(url, proxy=ground.running.url) as socket:
        for number in range(5):
            socket.send(str(number))
            assert socket.recv(timeout=20) == str(number)


def a_pipeline(ground: Ground) -> None:
    with AskingClient(ground.running, ground.either) as client:
        for number in range(5):
            client.ask("GET", f"/protected/echo/{number}")
        paths = [client.read_answer().json()["path"] for _ in range(5)]
    assert paths == [f"/protected/echo/{number}" for number in range(5)]


def http2_alone(ground: Ground) -> None:
    with Http2Client(ground.running, ground.secured.url()) as client:
        calls = [client.open("GET", "/protected/204", ends=True) for _ in range(3)]
        assert {client.read_to_end(call).status for call in calls} == {204}


def a_tunnel_of_nobodys(ground: Ground) -> None:
    answer = ground.send("httpx", ground.running, "GET", ground.secured.url("/head", host="localhost"))
    assert answer.status == 200


def refusals(ground: Ground) -> None:
    with RawClient(ground.running.host, ground.running.port) as client:
        authority = ground.plain.authority
        client.request(f"GET {ground.plain.url()} HTTP/1.1", f"Host: {authority}", "Host: other.test")
        assert client.read_answer().status == 400
    with AskingClient(ground.running, ground.either) as client:
        client.ask("GET", "/early?status=413")
        assert client.read_answer().status == 413


def a_client_that_leaves_in_its_head(ground: Ground) -> None:
    with AskingClient(ground.running, ground.either) as client:
        client.send(client.head("GET", "/protected/204")[:-9])


def a_client_that_leaves_in_its_body(ground: Ground) -> None:
    with AskingClient(ground.running, ground.either) as client:
        client.ask("POST", "/protected/upload", "Content-Length: 100000", body=b"z" * 5000)


def a_client_that_leaves_before_its_answer(ground: Ground) -> None:
    with AskingClient(ground.running, ground.either) as client:
        client.ask("GET", "/protected/slow?seconds=0.2")


def a_client_that_leaves_in_its_answer(ground: Ground) -> None:
    with AskingClient(ground.running, ground.either) as client:
        client.ask("GET", "/protected/large?size=5000000")
        client.read_head()


KINDS: tuple[Callable[[Ground], None], ...] = (
    requests_on_one_connection,
    bodies_up_and_down,
    events,
    a_websocket,
    a_pipeline,
    http2_alone,
    a_tunnel_of_nobodys,
    refusals,
    a_client_that_leaves_in_its_head,
    a_client_that_leaves_in_its_body,
    a_client_that_leaves_before_its_answer,
    a_client_that_leaves_in_its_answer,
)


class Traffic:
    """Threads that send one kind after the other until they are told to stop; what fails ends them all."""

    def __init__(self, ground: Ground, threads: int = 6) -> None:
        self._ground = ground
        self._stop = threading.Event()
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._send, args=(seed,)) for seed in range(threads)]
        self._threads.append(threading.Thread(target=self._revoke))

    def run(self, seconds: float) -> None:
        self._stop.clear()
        for thread in self._threads:
            thread.start()
        self._stop.wait(seconds)
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self, seed: int) -> None:
        order = random.Random(seed)
        while not self._stop.is_set():
            kind = order.choice(KINDS)
            try:
                kind(self._ground)
            except Exception as error:
                self.failures.append(f"{kind.__name__}: {error!r}")
                self._stop.set()
            self.done[kind.__name__] += 1

    def _revoke(self) -> None:
        while not self._stop.wait(1):
            self._ground.server.revoke_access_tokens()


def settled(look: Callable[[], Any], expected: Callable[[Any], bool]) -> Any:
    """What *look* sees once it is as expected, or in the end."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    waiting = threading.Event()
    while not expected(seen := look()) and time.monotonic() < deadline:
        waiting.wait(0.2)
    return seen


@on_express
@pytest.mark.timeout(SECONDS + 180)
def test_minutes_of_mixed_traffic_leave_nothing_behind(
    proxy: Callable[..., ProxyProcess],
    send: Sender,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
) -> None:
    """Answers are right, memory is flat, no task and no descriptor is left, nothing is complained of."""
    plain, secured = make_origin(), make_origin(tls=True)
    plain.accepts = secured.accepts = authorization_server.accepts
    entries = [{"host": "127.0.0.1", "port": item.port} for item in (plain, secured)]
    config = one_profile(authorization_server, entries[0], match=entries)
    running = proxy({**config, "limits": {"origin_idle_timeout": 1}})
    ground = Ground(running, plain, secured, authorization_server, send)
    for kind in KINDS:
        kind(ground)

    first, second = Traffic(ground), Traffic(ground)
    tasks, files = running.tasks(), len(running.open_files())
    first.run(SECONDS / 2)
    halfway = running.resident_memory()
    for origin in (plain, secured):
        origin.requests.clear()
    running.output.forget_access_log()
    second.run(SECONDS / 2)
    grown = running.resident_memory() - halfway

    assert first.failures + second.failures == []
    assert set(first.done) == set(second.done) == {kind.__name__ for kind in KINDS}
    assert grown < FLAT
    assert settled(lambda: len(running.open_files()), lambda count: count <= files) <= files
    assert settled(running.tasks, lambda names: len(names) <= len(tasks)) == tasks
    assert running.complaints() == []
