"""Requests as origins and connectors get them."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

import pytest

from profiles.connectors import parse_connector
from profiles.requests import HeaderFields, RequestHead
from proxy.express.framing import RequestFraming, frame_request
from proxy.express.heads import RequestStart, read_request
from proxy.express.outgoing import Outgoing
from proxy.express.targets import destination_of
from proxy.express.ways import Way


def outgoing_of(
    start: RequestStart,
    body: Sequence[bytes] = (),
    *,
    connector: str | None = None,
    has_tunnel: bool = False,
    is_whole: bool = True,
    trailers: HeaderFields = (),
    has_own_body: bool = False,
    waits_for_leave: bool = False,
) -> tuple[Outgoing, RequestFraming]:
    """What goes out for a request that nobody owns."""
    framing = frame_request(start)
    origin, target = destination_of(start.target, start.method)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outgoing = Outgoing(
        start,
        framing,
        RequestHead(start.method.decode(), origin, target, framing.passed),
        framing.passed,
        target,
        Way(parse_connector(connector) if connector else None, has_tunnel, trust, trust),
        body,
        is_whole,
        trailers,
        has_own_body=has_own_body,
        waits_for_leave=waits_for_leave,
    )
    return outgoing, framing


def sent(head: bytes, body: Sequence[bytes] = (), **settings: Any) -> bytes:
    """The same in bytes, of a head that is given without its empty line."""
    outgoing, _ = outgoing_of(read_request(head + b"\r\n", 1000, 100), body, **settings)
    return outgoing.to_bytes()


@pytest.mark.parametrize(
    ("head", "out"),
    [
        pytest.param(
            b"GET http://a/b?c HTTP/1.1\r\nHost: a\r\n", b"GET /b?c HTTP/1.1\r\nHost: a\r\n\r\n", id="usual"
        ),
        pytest.param(
            b"GET http://a HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="empty-path"
        ),
        pytest.param(
            b"BREW http://a/%7e%zz?\xe4 HTTP/1.1\r\nx-B:  1 \r\nHOST:A:80\r\nX-b:\r\n",
            b"BREW /%7e%zz?\xe4 HTTP/1.1\r\nx-B: 1\r\nHOST: A:80\r\nX-b: \r\n\r\n",
            id="order-case-duplicates",
        ),
        pytest.param(
            b"GET http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close, x-a\r\nX-A: 1\r\nTE: trailers\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            id="without-what-ends-here",
        ),
        pytest.param(
            b"GET http://a/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic eA==\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            id="without-credentials-for-us",
        ),
        pytest.param(
            b"GET http://a:81/ HTTP/1.0\r\nA: b\r\n",
            b"GET / HTTP/1.1\r\nHost: a:81\r\nA: b\r\n\r\n",
            id="http-1.0-without-a-host",
        ),
        pytest.param(
            b"GET http://[::1]/ HTTP/1.0\r\n",
            b"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
            id="http-1.0-and-ipv6",
        ),
        pytest.param(
            b"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            id="bare-options",
        ),
        pytest.param(
            b"GET http://a/ HTTP/1.1\r\nConnection: Upgrade\r\nHost: a\r\nUpgrade: websocket\r\nA: b\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            id="upgrade",
        ),
        pytest.param(
            b"GET http://a/ HTTP/1.1\r\nConnection: Upgrade\r\nHost: a\r\nUpgrade: h2c\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            id="h2c",
        ),
    ],
)
def test_a_request_goes_out_as_it_was_sent_but_for_what_ends_here(head: bytes, out: bytes) -> None:
    """In HTTP/1.1 (RFC 9112 section 2.3) and origin-form, fields in their order and case."""
    assert sent(head) == out


LENGTH = b"POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
CODED = b"POST http://a/ HTTP/1.1\r\ntransfer-encoding: CHUNKED\r\nHost: a\r\nA: b\r\n"
LENGTH_OUT = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CODED_OUT = b"POST / HTTP/1.1\r\nHost: a\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "body", "is_whole", "trailers", "out"),
    [
        pytest.param(LENGTH, [b"hello"], True, (), LENGTH_OUT + b"hello", id="length"),
        pytest.param(LENGTH, [b"he", b"ll"], False, (), LENGTH_OUT + b"hell", id="length-so-far"),
        pytest.param(LENGTH, [], False, (), LENGTH_OUT, id="length-nothing-yet"),
        pytest.param(CODED, [], True, (), CODED_OUT + b"0\r\n\r\n", id="chunked-empty"),
        pytest.param(
            CODED, [b"he", b"llo"], True, (), CODED_OUT + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", id="chunked"
        ),
        pytest.param(CODED, [b"he", b""], False, (), CODED_OUT + b"2\r\nhe\r\n", id="chunked-so-far"),
        pytest.param(CODED, [], False, (), CODED_OUT, id="chunked-nothing-yet"),
        pytest.param(
            CODED, [b"a"], True, ((b"A", b"b"),), CODED_OUT + b"1\r\na\r\n0\r\nA: b\r\n\r\n", id="trailers"
        ),
    ],
)
def test_a_body_goes_out_as_far_as_it_is_there(
    head: bytes, body: list[bytes], is_whole: bool, trailers: HeaderFields, out: bytes
) -> None:
    """Framed as it came; an empty piece is no last chunk."""
    assert sent(head, body, is_whole=is_whole, trailers=trailers) == out


def test_a_body_of_ours_is_not_chunked() -> None:
    """Its length is among the fields."""
    assert (
        sent(CODED, [b"ours"], has_own_body=True)
        == CODED_OUT.replace(b"Transfer-Encoding: chunked\r\n", b"") + b"ours"
    )


@pytest.mark.parametrize(
    ("waits_for_leave", "body", "is_whole"),
    [
        pytest.param(True, [], False, id="the-origin-is-asked"),
        pytest.param(False, [], False, id="leave-was-given"),
        pytest.param(False, [b"hello"], True, id="the-body-is-there"),
    ],
)
def test_an_origin_is_asked_for_leave_only_where_it_is_waited_for(
    waits_for_leave: bool, body: list[bytes], is_whole: bool
) -> None:
    """RFC 9110 section 10.1.1: who has the body does not expect a 100."""
    out = sent(LENGTH + b"EXPECT: 100-continue\r\n", body, waits_for_leave=waits_for_leave, is_whole=is_whole)

    assert (b"EXPECT: 100-continue\r\n" in out) is waits_for_leave
    assert out.replace(b"EXPECT: 100-continue\r\n", b"") == LENGTH_OUT + b"".join(body)


GET = b"GET http://a:81/b?c HTTP/1.1\r\nHost: a:81\r\n"


@pytest.mark.parametrize(
    ("head", "connector", "has_tunnel", "out"),
    [
        pytest.param(GET, "http://p:3128", False, GET + b"\r\n", id="whole-url"),
        pytest.param(
            GET,
            "http://u:s@p:3128",
            False,
            GET + b"Proxy-Authorization: Basic dTpz\r\n\r\n",
            id="with-credentials-of-ours",
        ),
        pytest.param(
            GET + b"Proxy-Authorization: Basic eA==\r\n",
            "http://u:s@p:3128",
            False,
            GET + b"Proxy-Authorization: Basic dTpz\r\n\r\n",
            id="in-place-of-the-clients",
        ),
        pytest.param(
            GET,
            "http://u:s@p:3128",
            True,
            b"GET /b?c HTTP/1.1\r\nHost: a:81\r\n\r\n",
            id="none-of-that-in-a-tunnel",
        ),
        pytest.param(
            b"GET http://a:80?c HTTP/1.1\r\nHost: a\r\n",
            "http://p:3128",
            False,
            b"GET http://a/?c HTTP/1.1\r\nHost: a\r\n\r\n",
            id="default-port-is-left-out",
        ),
        pytest.param(
            b"GET http://[::1]:81/ HTTP/1.0\r\n",
            "http://p:3128",
            False,
            b"GET http://[::1]:81/ HTTP/1.1\r\nHost: [::1]:81\r\n\r\n",
            id="ipv6",
        ),
        pytest.param(
            b"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n",
            "http://p:3128",
            False,
            b"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
            id="bare-options-stays-bare",
        ),
    ],
)
def test_a_connector_without_a_tunnel_is_asked_for_whole_urls(
    head: bytes, connector: str, has_tunnel: bool, out: bytes
) -> None:
    """RFC 9112 section 3.2.2, with the connector's credentials for it alone."""
    assert sent(head, connector=connector, has_tunnel=has_tunnel) == out


def test_what_goes_out_shows_nothing_of_itself() -> None:
    """It holds tokens (I4)."""
    start = read_request(b"GET http://a/s3cret HTTP/1.1\r\nHost: a\r\nA: s3cret\r\n\r\n", 1000, 100)

    outgoing, framing = outgoing_of(start, [b"s3cret"])

    assert "s3cret" not in f"{outgoing!r}{start!r}{framing!r}"
