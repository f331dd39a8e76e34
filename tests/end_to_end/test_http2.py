"""HTTP/2 on either side, frame by frame: gRPC-like calls, trailers, replays, and HTTP/1.1 across."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.clients.http2 import Http2Client
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.certificates import TestCa
from tests.end_to_end.servers.grpc_origin import GrpcOrigin, serve_grpc_origin
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin
from tests.end_to_end.servers.shared_proxy import SharedProxy

GRPC = ("content-type", "application/grpc"), ("te", "trailers")
TALK = "/echo.Echo/Talk"
EITHER = ("h2", "http/1.1")
HTTP1 = ("1.1", "1.1")
"""What is spoken with the client and with the origin; by the express lane with every client that can."""


@pytest.fixture
def grpc_origin(certificates: TestCa, authorization_server: AuthlibServer) -> Iterator[GrpcOrigin]:
    with serve_grpc_origin(certificates.server_context(("h2",))) as origin:
        origin.accepts = authorization_server.accepts
        yield origin


def test_a_call_is_answered_while_its_request_goes_on(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """Header section and messages come back before the request ends, and then the trailers."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    with Http2Client(running, grpc_origin.url()) as client:
        call = client.open("POST", TALK, *GRPC)
        head = client.read_until(call, lambda stream: stream.status > 0)
        talk = []
        for message in (b"one", b"two", b"three"):
            client.send_data(call, message)
            talk.append(client.read_until(call, lambda stream: stream.body != b"").body)
            client.streams[call].body = b""
        had_ended = head.has_ended
        client.send_data(call, ends=True)
        answer = client.read_to_end(call)

    assert (answer.status, talk, had_ended) == (200, [b"one", b"two", b"three"], False)
    assert answer.trailers == {"grpc-status": "0", "grpc-message": "done"}
    assert grpc_origin.calls[0].headers["te"] == "trailers"


def test_a_call_whose_token_was_revoked_is_replayed(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """A client that ends its request first gets messages and trailers of the second sending."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    with Http2Client(running, grpc_origin.url()) as client:
        client.read_to_end(client.open("POST", TALK, *GRPC, ends=True))
        authorization_server.revoke_access_tokens()
        call = client.open("POST", TALK, *GRPC)
        client.send_data(call, b"message", ends=True)
        answer = client.read_to_end(call)

    assert (answer.status, answer.body, answer.trailers["grpc-status"]) == (200, b"message", "0")
    assert [call.status for call in grpc_origin.calls] == [200, 401, 200]
    assert grpc_origin.calls[-1].body == b"message"


def test_a_call_that_waits_for_its_answer_is_replayed_at_once(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """Who sends the rest only after an answer is not kept waiting for it: the replay goes on as a stream."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    with Http2Client(running, grpc_origin.url()) as client:
        client.read_to_end(client.open("POST", TALK, *GRPC, ends=True))
        authorization_server.revoke_access_tokens()
        call = client.open("POST", TALK, *GRPC)
        client.send_data(call, b"one,")
        first = client.read_until(call, lambda stream: stream.body == b"one," or stream.has_ended)
        status = first.status
        client.send_data(call, b"two", ends=True)
        answer = client.read_to_end(call)

    assert (status, answer.body, answer.trailers["grpc-status"]) == (200, b"one,two", "0")
    assert [call.status for call in grpc_origin.calls] == [200, 401, 200]


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
def test_request_trailers_reach_the_origin(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    grpc_origin: GrpcOrigin,
    is_rejected: bool,
) -> None:
    """Invariants I3 and I6: a trailer section is carried on, but for fields that are ours or the proxy's."""
    fields = [
        {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"},
        {"in": "header", "key": "X-Key", "value": "{{username}}"},
    ]
    running = shared_proxy(one_profile(authorization_server, grpc_origin, fields=fields))

    with Http2Client(running, grpc_origin.url()) as client:
        client.read_to_end(client.open("POST", TALK, *GRPC, ends=True))
        if is_rejected:
            authorization_server.revoke_access_tokens()
        call = client.open("POST", TALK, *GRPC)
        client.send_data(call, b"x")
        own = ("authorization", "Bearer own"), ("proxy-authorization", "Basic own"), ("x-key", "own")
        client.send_trailers(call, ("x-checksum", "4711"), *own)
        answer = client.read_to_end(call)

    assert answer.status == 200
    assert grpc_origin.calls[-1].trailers == [("x-checksum", "4711")]


def test_one_connection_carries_many_replays_side_by_side(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """Invariant I8 within one HTTP/2 connection: twenty rejected streams, one renewal, one connection."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    with Http2Client(running, grpc_origin.url()) as client:
        client.read_to_end(client.open("POST", TALK, *GRPC, ends=True))
        authorization_server.revoke_access_tokens()
        calls = [client.open("POST", TALK, *GRPC) for _ in range(20)]
        for number in calls:
            client.send_data(number, str(number).encode(), ends=True)
        answers = [client.read_to_end(number) for number in calls]

    assert [answer.body for answer in answers] == [str(number).encode() for number in calls]
    assert authorization_server.requests == 2
    assert grpc_origin.connections == 1


def test_a_stream_that_is_reset_harms_no_other(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """An abandoned call is abandoned at the origin too, and the one beside it goes on."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    with Http2Client(running, grpc_origin.url()) as client:
        left, kept = (client.open("POST", TALK, *GRPC) for _ in range(2))
        for number in (left, kept):
            client.read_until(number, lambda stream: stream.status > 0)
        client.reset(left)
        grpc_origin.wait_until(lambda: any(call.is_reset for call in grpc_origin.calls))
        client.send_data(kept, b"still here", ends=True)
        answer = client.read_to_end(kept)

    assert (answer.body, answer.trailers["grpc-status"]) == (b"still here", "0")


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
@pytest.mark.parametrize(
    ("client", "alpn", "spoken"),
    [
        pytest.param("httpx-h2", EITHER, {"express": HTTP1, "mitmproxy": ("2", "2")}, id="h2-to-h2"),
        pytest.param("httpx-h2", ("http/1.1",), {"express": HTTP1, "mitmproxy": ("2", "1.1")}, id="h2-to-h1"),
        pytest.param("httpx", EITHER, {"express": HTTP1, "mitmproxy": HTTP1}, id="h1-to-both"),
        pytest.param("httpx", ("http/1.1",), {"express": HTTP1, "mitmproxy": HTTP1}, id="h1-to-h1"),
    ],
)
def test_versions_meet(
    lane: str,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
    client: str,
    alpn: tuple[str, ...],
    spoken: dict[str, tuple[str, str]],
    is_rejected: bool,
) -> None:
    """A body arrives whole, and the answer comes back, whatever the two sides speak."""
    origin = make_origin(tls=True, alpn=alpn)
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    send(client, running, "GET", origin.url("/protected/echo"))
    if is_rejected:
        authorization_server.revoke_access_tokens()

    answer = send(client, running, "POST", origin.url("/protected/chunked"), {}, b"x" * 200_000)

    assert (answer.status, answer.body) == (200, b"one two three")
    assert (answer.http_version, origin.last.http_version) == spoken[lane]
    assert origin.last.body_length == 200_000
    assert len(origin.requests) == 2 + is_rejected


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
def test_http1_meets_http2(
    lane: str,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
    is_rejected: bool,
) -> None:
    """A client that prefers HTTP/1.1 and knows HTTP/2 may have both spoken for it, each on its side."""
    spoken = {"express": "1.1", "mitmproxy": "2"}[lane]
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))

    with RawClient(running.host, running.port) as client:
        client.tunnel(tls_origin.authority)
        client.start_tls("127.0.0.1", running.ca_bundle, ("http/1.1", "h2"))
        request = "POST /protected/upload HTTP/1.1", f"Host: {tls_origin.authority}", "Content-Length: 4"
        client.request(*request, body=b"warm")
        client.read_answer()
        if is_rejected:
            authorization_server.revoke_access_tokens()
        client.request(*request, body=b"body")
        answer = client.read_answer()

    assert (answer.status, answer.json()["length"], answer.http_version) == (200, 4, "1.1")
    assert [request.http_version for request in tls_origin.requests] == [spoken] * (2 + is_rejected)
    assert tls_origin.last.body == b"body"


def test_http1_client_and_an_origin_that_speaks_http2_alone(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """The proxy offers an origin what the client speaks: this one is told that the origin broke off."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    answer = send("httpx", running, "GET", grpc_origin.url())

    assert (answer.status, answer.slug) == (502, "origin_unreachable")
    assert grpc_origin.calls == []


def test_request_trailers_cross_to_http1(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    raw_origin: Callable[..., RawOrigin],
) -> None:
    """What HTTP/2 frames arrives chunked, its trailer section behind the last chunk."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.read(len(b"4\r\nbody\r\n0\r\n"))
        await connection.read_head()
        await connection.answer("200 OK", b"done")

    origin = raw_origin(script, tls=True)
    running = shared_proxy(one_profile(authorization_server, origin))

    with Http2Client(running, origin.url()) as client:
        call = client.open("POST", "/")
        client.send_data(call, b"body")
        client.send_trailers(call, ("x-checksum", "4711"))
        answer = client.read_to_end(call)

    assert (answer.status, answer.body) == (200, b"done")
    assert origin.connections[0].received.endswith(b"\r\n4\r\nbody\r\n0\r\nx-checksum: 4711\r\n\r\n")


def test_answer_trailers_end_with_http2(
    lane: str, shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """An HTTP/1.1 client, whose answer is not chunked, gets the body of such an answer and its end.

    With such a client the express lane does not speak to an origin of HTTP/2 alone.
    """
    expected = {"express": (502, "origin_unreachable", None), "mitmproxy": (200, None, b"body")}[lane]
    running = shared_proxy(one_profile(authorization_server, grpc_origin))

    with RawClient(running.host, running.port) as client:
        client.tunnel(f"127.0.0.1:{grpc_origin.port}")
        client.start_tls("127.0.0.1", running.ca_bundle, ("http/1.1", "h2"))
        host = f"Host: 127.0.0.1:{grpc_origin.port}"
        client.request("POST / HTTP/1.1", host, "Content-Length: 4", body=b"body")
        answer = client.read_answer()

    body = answer.body if answer.slug is None else None
    assert (answer.status, answer.slug, body) == expected
