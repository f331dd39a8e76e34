"""Clients that leave or dawdle harm nobody, and nothing of them is left in the proxy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.end_to_end.clients.http2 import Http2Client
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.shared_proxy import SharedProxy

StartProxy = Callable[..., ProxyProcess]
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
def test_hazard_17_a_client_leaves_while_its_replay_waits_for_a_token(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
    http2: bool,
) -> None:
    """The renewal goes on for the others, nothing is sent for who left, and its request has ended."""
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    send("httpx", running, "GET", tls_origin.url("/protected"))
    authorization_server.revoke_access_tokens()
    authorization_server.hold()

    leave_during(running, tls_origin, lambda: authorization_server.wait_for_requests(2), http2=http2)
    # An exchange beside it, so that the proxy has read what came before: that the client is gone.
    send("httpx", running, "GET", tls_origin.url("/beside", host="localhost"))
    authorization_server.release()
    answer = send("httpx", running, "GET", tls_origin.url("/protected"))

    running.wait_for_log("/protected/hold")  # it is logged when nothing of it goes on
    paths = [request.path for request in tls_origin.requests]
    assert answer.status == 200
    assert paths == ["/protected", "/protected/hold", "/beside", "/protected"]
    assert authorization_server.requests == 2


@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
def test_hazard_17_a_client_leaves_while_its_second_sending_is_under_way(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
    http2: bool,
) -> None:
    """The origin is left too."""
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    send("httpx", running, "GET", tls_origin.url("/protected"))
    authorization_server.revoke_access_tokens()

    leave_during(running, tls_origin, lambda: tls_origin.wait_for_requests(3), http2=http2)
    tls_origin.wait_until(lambda: tls_origin.clients_left == 1)
    answer = send("httpx", running, "GET", tls_origin.url("/protected"))

    running.wait_for_log("/protected/hold")  # it is logged when nothing of it goes on
    assert answer.status == 200
    assert [request.status for request in tls_origin.requests] == [200, 401, None, 200]


def leave_during(running: ProxyProcess, origin: Origin, wait: Callable[[], None], *, http2: bool) -> None:
    """Requests /protected/hold and closes the connection when *wait* returns."""
    if http2:
        with Http2Client(running, origin.url()) as client:
            client.open("GET", "/protected/hold", ends=True)
            wait()
    else:
        with RawClient(running.host, running.port) as plain:
            plain.tunnel(origin.authority)
            plain.start_tls("127.0.0.1", running.ca_bundle)
            plain.request("GET /protected/hold HTTP/1.1", f"Host: {origin.authority}")
            wait()


def test_hazard_17_memory_is_bounded_over_many_requests(
    proxy: StartProxy,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
) -> None:
    """Thousands of requests, replays among them, over two long-lived connections leave next to nothing."""
    origin, tls_origin = make_origin(), make_origin(tls=True)
    entries = [{"host": "127.0.0.1", "port": item.port} for item in (origin, tls_origin)]
    origin.accepts = tls_origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, entries[0], match=entries))

    with (
        RawClient(running.host, running.port) as plain,
        Http2Client(running, tls_origin.url()) as client,
    ):

        def send_many(rounds: int) -> None:
            for number in range(rounds):
                if number % 20 == 0:
                    authorization_server.revoke_access_tokens()
                request = f"GET {origin.url('/protected/204')} HTTP/1.1", f"Host: {origin.authority}"
                plain.request(*request)
                calls = [client.open("GET", "/protected/204", ends=True) for _ in range(2)]
                assert plain.read_answer().status == 204
                assert {client.read_to_end(call).status for call in calls} == {204}

        send_many(200)
        before = running.resident_memory()
        send_many(500)
        grown = running.resident_memory() - before

    assert grown < 2 * MEGABYTE


def test_a_slow_client_fills_no_memory_and_stalls_nobody(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """What it does not read is not read from the origin either; in the end it has everything."""
    size = 64 * MEGABYTE
    running = proxy(one_profile(authorization_server, origin))
    send("httpx", running, "GET", origin.url())
    before = running.resident_memory()

    with RawClient(running.host, running.port) as slow, send.client(running) as quick:
        slow.request(f"GET {origin.url(f'/large?size={size}')} HTTP/1.1", f"Host: {origin.authority}")
        head = slow.read_head()
        statuses = {quick.get(origin.url()).status_code for _ in range(100)}
        grown = running.resident_memory() - before
        received = 0
        while received < size:
            received += len(slow.socket.recv(MEGABYTE))

    assert head.startswith(b"HTTP/1.1 200")
    assert statuses == {200}
    assert grown < 20 * MEGABYTE
    assert received == size
