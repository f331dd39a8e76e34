"""What streams: server-sent events, WebSockets, bodies of any size in both directions."""

from __future__ import annotations

import pytest
from websockets.sync.client import connect

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.shared_proxy import SharedProxy


@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
def test_hazard_15_an_event_stream_streams_after_a_replay(
    http2: bool,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """The first event is with the client before the origin has the last one."""
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    with send.client(running, http2=http2) as client:
        client.get(tls_origin.url("/protected/echo"))
        authorization_server.revoke_access_tokens()

        with client.stream("GET", tls_origin.url("/protected/sse?count=2&hold=1")) as answer:
            events = answer.iter_lines()
            first = next(events)
            tls_origin.release()
            rest = [line for line in events if line]

    assert (first, rest) == ("data: 0", ["data: 1"])


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
def test_hazard_15_a_websocket_handshake_is_authorized(
    is_rejected: bool,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """The upgrade carries the injected header, also when its first sending was rejected."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    send("requests", running, "GET", origin.url("/protected/echo"))
    if is_rejected:
        authorization_server.revoke_access_tokens()

    url = origin.url("/protected/ws").replace("http://", "ws://")
    with connect(url, proxy=running.url) as socket:
        socket.send("hello")
        echoed = socket.recv(timeout=10)

    assert echoed == "hello"
    handshakes = [request.status for request in origin.at("/protected/ws")]
    assert handshakes == ([401, 101] if is_rejected else [101])


def test_hazard_15_large_bodies_stream_with_flat_memory(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin
) -> None:
    """200 MB go up and 100 MB come down, and the proxy holds little of either."""
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    chunk = bytes(1024 * 1024)
    with send.client(running, timeout=60) as client:
        client.post(tls_origin.url("/upload"), content=chunk)
        before = running.resident_memory()

        length = 200 * len(chunk)
        answer = client.post(
            tls_origin.url("/upload"),
            content=(chunk for _ in range(200)),
            headers={"Content-Length": str(length)},
        )
        with client.stream("GET", tls_origin.url(f"/large?size={100 * len(chunk)}")) as download:
            received = sum(len(part) for part in download.iter_bytes())

    assert answer.json()["length"] == length
    assert received == 100 * len(chunk)
    assert running.resident_memory() - before < 60 * len(chunk)
