"""Hooks that are completed in place leave the order of things on a connection as it was."""

from __future__ import annotations

import re
import socket

from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.shared_proxy import SharedProxy


def statuses(proxy: ProxyProcess, sent: bytes) -> list[bytes]:
    """Sends the bytes at once and reads until the proxy closes the connection."""
    with socket.create_connection((proxy.host, proxy.port), 20) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return re.findall(rb"HTTP/1\.1 (\d{3})", received)


def request(origin: Origin, path: str, *fields: str) -> bytes:
    host = f"127.0.0.1:{origin.port}"
    lines = [f"GET http://{host}{path} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def test_requests_of_a_pipeline_are_answered_in_turn(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """The next one begins when the origin's connection has done with the answer before, replays included."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    paths = [f"/protected/echo?number={number}" for number in range(4)]
    pipeline = b"".join(request(origin, path) for path in paths)

    first = statuses(running, pipeline + request(origin, "/protected/echo", "Connection: close"))
    authorization_server.revoke_access_tokens()
    second = statuses(running, pipeline + request(origin, "/protected/echo", "Connection: close"))

    assert first == [b"200"] * 5
    assert second == [b"200"] * 5
    assert [answered.status for answered in origin.requests] == [200] * 5 + [401] + [200] * 5


def test_refusal_in_a_pipeline_lets_the_others_through(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """An answer of ours ends its own request, and nothing else of the connection."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin) | {"unmatched": "refuse"})
    good = request(origin, "/protected/echo")
    foreign = good.replace(b"127.0.0.1", b"other.example")
    last = request(origin, "/protected/echo", "Connection: close")

    answers = statuses(running, good + foreign + good + last)

    assert answers == [b"200", b"403", b"200", b"200"]
    assert [answered.status for answered in origin.requests] == [200, 200, 200]


def test_doubt_in_a_pipeline_may_end_it(
    lane: str, shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """What can be read in two ways makes the express lane doubt all that stands behind it."""
    expected = {"express": [b"200", b"400"], "mitmproxy": [b"200", b"400", b"200", b"200"]}[lane]
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    good = request(origin, "/protected/echo")
    disagreeing = good.replace(b"\r\nHost: 127.0.0.1", b"\r\nHost: other.example")
    last = request(origin, "/protected/echo", "Connection: close")

    answers = statuses(running, good + disagreeing + good + last)

    assert answers == expected
    assert len(origin.requests) == expected.count(b"200")
