"""How long bodies are, what ends with this connection, and what is refused for being read in two ways."""

from __future__ import annotations

import pytest

from profiles.errors import OriginAnswerInvalid, RequestMalformed
from profiles.requests import HeaderFields
from proxy.express.framing import (
    CHUNKED,
    UNTIL_CLOSE,
    AnswerFraming,
    RequestFraming,
    end_to_end_of,
    frame_answer,
    frame_request,
)
from proxy.express.heads import AnswerStart, RequestStart, read_answer, read_request


def request(section: bytes, *, version: bytes = b"1.1", method: bytes = b"POST") -> RequestFraming:
    line = b"%b / HTTP/%b\r\n" % (method, version)
    return frame_request(read_request(line + section + b"\r\n", 1000, 100))


def refused(section: bytes, **head: bytes) -> int:
    with pytest.raises(RequestMalformed) as raised:
        request(section, **head)
    return raised.value.status_code


def answer_start(section: bytes, *, status: int = 200, version: bytes = b"1.1") -> AnswerStart:
    return read_answer(b"HTTP/%b %d x\r\n%b\r\n" % (version, status, section), 100)


def answer(
    section: bytes, *, status: int = 200, version: bytes = b"1.1", is_for_head: bool = False
) -> AnswerFraming:
    return frame_answer(answer_start(section, status=status, version=version), is_for_head=is_for_head)


def names(fields: HeaderFields) -> list[bytes]:
    return [name for name, _ in fields]


HOST = b"Host: a\r\n"
LONG = b"9" * 19


# How long a request's body is


@pytest.mark.parametrize(
    ("section", "length"),
    [
        pytest.param(b"", 0, id="neither"),
        pytest.param(b"Content-Length: 0\r\n", 0, id="zero"),
        pytest.param(b"Content-Length: 5\r\n", 5, id="length"),
        pytest.param(b"content-length:5\r\n", 5, id="lower-case"),
        pytest.param(b"Content-Length:\t 5 \t\r\n", 5, id="space-around"),
        pytest.param(b"Content-Length: 0005\r\n", 5, id="leading-zeros"),
        pytest.param(b"Content-Length: " + LONG + b"\r\n", int(LONG), id="as-long-as-may-be"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", CHUNKED, id="chunked"),
        pytest.param(b"TRANSFER-ENCODING: ChunKed\r\n", CHUNKED, id="codings-have-no-case"),
        pytest.param(b"Transfer-Encoding:\tchunked \r\n", CHUNKED, id="space-around-the-coding"),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE", b"HEAD", b"BREW"])
def test_a_requests_body_is_as_long_as_its_head_says(method: bytes, section: bytes, length: int) -> None:
    """RFC 9112 section 6.3, rules 4, 6 and 7; no method has a part in it."""
    assert request(HOST + section, method=method).length == length


@pytest.mark.parametrize(
    ("section", "status"),
    [
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, id="both"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, id="both-the-other-way"),
        pytest.param(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400, id="both-with-zero"),
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n", 400, id="both-and-coded"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 6\r\n", 400, id="two-lengths"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 5\r\n", 400, id="a-length-twice"),
        pytest.param(b"Content-Length: 5, 5\r\n", 400, id="a-list-of-lengths"),
        pytest.param(b"Content-Length: 5,6\r\n", 400, id="a-list-of-two"),
        pytest.param(b"Content-Length:\r\n", 400, id="no-length"),
        pytest.param(b"Content-Length: -1\r\n", 400, id="negative"),
        pytest.param(b"Content-Length: +5\r\n", 400, id="plus"),
        pytest.param(b"Content-Length: 0x5\r\n", 400, id="hexadecimal"),
        pytest.param(b"Content-Length: 5a\r\n", 400, id="hexadecimal-without-a-prefix"),
        pytest.param(b"Content-Length: 1_0\r\n", 400, id="underscore"),
        pytest.param(b"Content-Length: 1 0\r\n", 400, id="space-within"),
        pytest.param(b"Content-Length: 5.0\r\n", 400, id="fraction"),
        pytest.param(b"Content-Length: 5e0\r\n", 400, id="exponent"),
        pytest.param(b'Content-Length: "5"\r\n', 400, id="quoted"),
        pytest.param(b"Content-Length: \xb5\r\n", 400, id="above-ascii"),
        pytest.param(b"Content-Length: \xd9\xa5\r\n", 400, id="arabic-digit"),
        pytest.param(b"Content-Length: 18446744073709551621\r\n", 400, id="over-64-bits"),
        pytest.param(b"Content-Length: 18446744073709551615\r\n", 400, id="64-bits"),
        pytest.param(b"Content-Length: " + b"0" * 20 + b"\r\n", 400, id="20-zeros"),
        pytest.param(b"Content-Length : 5\r\n", 400, id="space-before-the-colon"),
        pytest.param(b"Transfer-Encoding:\r\n", 400, id="no-coding"),
        pytest.param(b"Transfer-Encoding: identity\r\n", 400, id="identity"),
        pytest.param(b"Transfer-Encoding: gzip\r\n", 400, id="not-chunked-at-all"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", 400, id="xchunked"),
        pytest.param(b"Transfer-Encoding: chunkedx\r\n", 400, id="chunkedx"),
        pytest.param(b"Transfer-Encoding: chunked, identity\r\n", 400, id="chunked-not-last"),
        pytest.param(b"Transfer-Encoding: chunked, chunked\r\n", 400, id="chunked-twice"),
        pytest.param(b"Transfer-Encoding: chunked,\r\n", 400, id="trailing-comma"),
        pytest.param(b"Transfer-Encoding: , chunked\r\n", 501, id="leading-comma"),
        pytest.param(b"Transfer-Encoding: chunked;q=1\r\n", 400, id="parameter"),
        pytest.param(b'Transfer-Encoding: "chunked"\r\n', 400, id="quoted-coding"),
        pytest.param(b"Transfer-Encoding: 'chunked'\r\n", 400, id="single-quotes"),
        pytest.param(b"Transfer-Encoding: \x0bchunked\r\n", 400, id="vertical-tab-before-the-coding"),
        pytest.param(b"Transfer-Encoding: chunked\x0c\r\n", 400, id="form-feed-behind-the-coding"),
        pytest.param(b"Transfer-Encoding: chunked\xa0\r\n", 400, id="no-break-space-behind-the-coding"),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", 501, id="another-coding-first"),
        pytest.param(b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501, id="two-fields"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, id="field-twice"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", 400, id="last-other"),
        pytest.param(b"Transfer-Encoding: x\r\nTransfer-Encoding:\r\n", 400, id="last-empty"),
        pytest.param(b"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", 400, id="first-empty"),
        pytest.param(b"Transfer-Encoding : chunked\r\n", 400, id="coding-with-space-before-the-colon"),
        pytest.param(b"Transfer-Encoding:\r\n chunked\r\n", 400, id="folded-coding"),
    ],
)
def test_a_request_that_says_its_length_in_two_ways_is_refused(section: bytes, status: int) -> None:
    """Every one of these ends elsewhere for somebody (section 6.3, rules 3 to 5; section 11.2)."""
    assert refused(HOST + section) == status


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")], id="both"),
        pytest.param([(b"content-length", b"5"), (b"content-length", b"6")], id="two-lengths"),
        pytest.param([(b"content-length", b"x")], id="no-length"),
        pytest.param([(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], id="twice"),
        pytest.param([(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"")], id="last-empty"),
        pytest.param([(b"transfer-encoding", b""), (b"transfer-encoding", b"chunked")], id="first-empty"),
        pytest.param([(b"transfer-encoding", b"")], id="empty"),
    ],
)
def test_framing_does_not_rely_on_who_reads_the_section(said: list[tuple[bytes, bytes]]) -> None:
    """llhttp lets none of these through; another version of it, or another reader, may."""
    with pytest.raises(RequestMalformed):
        frame_request(RequestStart(b"POST", b"/", 1, said, [(b"host", b"a"), *said]))
    with pytest.raises(OriginAnswerInvalid):
        frame_answer(AnswerStart(200, b"", 1, said, said, b""), is_for_head=False)


def test_an_http_1_0_request_has_no_transfer_coding() -> None:
    """Section 6.1: such a message is faulty, whatever else it says; a length is fine."""
    assert refused(b"Transfer-Encoding: chunked\r\n", version=b"1.0") == 400
    assert request(b"Content-Length: 5\r\n", version=b"1.0").length == 5


# Whom a request is for


@pytest.mark.parametrize(
    ("section", "version", "hosts"),
    [
        pytest.param(b"Host: a\r\n", b"1.1", (b"a",), id="one"),
        pytest.param(b"hOST:a:80 \r\n", b"1.1", (b"a:80",), id="whatever-its-case"),
        pytest.param(b"Host:\r\n", b"1.1", (b"",), id="empty"),
        pytest.param(b"Host: a\r\n", b"1.0", (b"a",), id="http-1.0"),
        pytest.param(b"", b"1.0", (), id="http-1.0-without"),
    ],
)
def test_a_request_names_its_host_once(section: bytes, version: bytes, hosts: tuple[bytes, ...]) -> None:
    """Section 3.2; whether it is the right one is decided in the domain."""
    assert request(section, version=version).hosts == hosts


@pytest.mark.parametrize(
    ("section", "version"),
    [
        pytest.param(b"", b"1.1", id="none"),
        pytest.param(b"Host: a\r\nHost: b\r\n", b"1.1", id="two"),
        pytest.param(b"Host: a\r\nhost: a\r\n", b"1.1", id="the-same-twice"),
        pytest.param(b"Host: a\r\nHost:\r\n", b"1.1", id="one-and-an-empty-one"),
        pytest.param(b"Host: a\r\nHost: a\r\n", b"1.0", id="twice-in-http-1.0"),
        pytest.param(b"Host: ex\xc3\xa4mple.com\r\n", b"1.1", id="utf-8"),
        pytest.param(b"Host: ex\xaample.com\r\n", b"1.1", id="a-letter-that-idna-maps-to-another"),
        pytest.param(b"Host: exam\xadple.com\r\n", b"1.1", id="a-soft-hyphen-that-idna-drops"),
    ],
)
def test_a_request_without_one_host_that_can_be_read_in_one_way_is_refused(
    section: bytes, version: bytes
) -> None:
    """Sections 3.2 and 3.2.2: some would read the first, some the last; and a host is ASCII."""
    assert refused(section, version=version) == 400


# What a request says of its connection


@pytest.mark.parametrize(
    ("section", "version", "keeps_alive"),
    [
        pytest.param(b"", b"1.1", True, id="http-1.1"),
        pytest.param(b"Connection: close\r\n", b"1.1", False, id="close"),
        pytest.param(b"Connection: x, CLOSE ,y\r\n", b"1.1", False, id="close-among-others"),
        pytest.param(b"Connection: x\r\nconnection: close\r\n", b"1.1", False, id="close-in-a-second-field"),
        pytest.param(b"Connection: keep-alive\r\n", b"1.1", True, id="keep-alive"),
        pytest.param(b"Connection: keep-alive, close\r\n", b"1.1", False, id="close-wins"),
        pytest.param(b"Connection: closed\r\n", b"1.1", True, id="another-word"),
        pytest.param(b"Connection: \r\n", b"1.1", True, id="nothing"),
        pytest.param(b"", b"1.0", False, id="http-1.0"),
        pytest.param(b"Connection: Keep-Alive\r\n", b"1.0", True, id="http-1.0-keep-alive"),
        pytest.param(b"Connection: close\r\n", b"1.0", False, id="http-1.0-close"),
        pytest.param(b"Connection: keep-alive, close\r\n", b"1.0", False, id="http-1.0-close-wins"),
        pytest.param(b"Proxy-Connection: Keep-Alive\r\n", b"1.0", True, id="http-1.0-to-a-proxy"),
        pytest.param(
            b"Proxy-Connection: keep-alive\r\nConnection: close\r\n", b"1.0", False, id="http-1.0-both"
        ),
    ],
)
def test_a_connection_goes_on_after_a_request_that_wants_it_to(
    section: bytes, version: bytes, keeps_alive: bool
) -> None:
    """Section 9.3."""
    assert request(HOST + section, version=version).keeps_alive is keeps_alive


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(b"Connection: close\r\n", id="connection"),
        pytest.param(b"Proxy-Connection: keep-alive\r\n", id="proxy-connection"),
        pytest.param(b"Keep-Alive: timeout=5\r\n", id="keep-alive"),
        pytest.param(b"TE: trailers\r\n", id="te"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", id="transfer-encoding"),
        pytest.param(b"Upgrade: websocket\r\n", id="upgrade"),
        pytest.param(b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n", id="http2-settings"),
        pytest.param(b"Proxy-Authorization: Basic eA==\r\n", id="proxy-authorization"),
        pytest.param(b"PROXY-AUTHORIZATION: Basic eA==\r\n", id="whatever-its-case"),
        pytest.param(b"Proxy-Authenticate: Basic\r\n", id="proxy-authenticate"),
        pytest.param(b"Proxy-Authentication-Info: x\r\n", id="proxy-authentication-info"),
        pytest.param(b"X-Mine: 1\r\nConnection: x-mine\r\n", id="named-by-connection"),
        pytest.param(b"Connection: foo ,\tX-MINE\r\nx-mine: 1\r\nX-Mine: 2\r\n", id="named-in-a-list"),
        pytest.param(b"Connection: a\r\nX-Mine: 1\r\nConnection: x-mine\r\n", id="named-in-a-second-field"),
        pytest.param(b"Connection: close, cookie\r\nCookie: a\r\n", id="named-beside-close"),
    ],
)
def test_what_is_for_this_connection_goes_no_further(section: bytes) -> None:
    """RFC 9110 section 7.6.1; the rest passes in its order and its case."""
    framing = request(b"host: a\r\nX-First: 1\r\n" + section + b"x-last: 2\r\n")

    assert framing.passed == ((b"host", b"a"), (b"X-First", b"1"), (b"x-last", b"2"))


def test_a_request_that_says_nothing_of_its_connection_passes_whole() -> None:
    """Order, case and duplicates."""
    section = b"b: 1\r\nHost: a\r\nB: 1\r\nContent-Length: 0\r\nExpect: 100-continue\r\nTrailer: x\r\n"

    assert names(request(section).passed) == [b"b", b"Host", b"B", b"Content-Length", b"Expect", b"Trailer"]


@pytest.mark.parametrize(
    "name", [b"Host", b"content-length", b"Transfer-Encoding", b"CONTENT-ENCODING", b"content-type"]
)
@pytest.mark.parametrize("options", [b"%b", b"close, %b", b"%b ,x", b"x\r\nConnection: %b"])
def test_connection_may_not_name_what_says_what_the_message_is(name: bytes, options: bytes) -> None:
    """RFC 9110 section 7.6.1: it is for hop-by-hop fields; without these, it is another message."""
    section = b"Connection: " + options % name + b"\r\n"

    assert refused(HOST + section) == 400
    with pytest.raises(OriginAnswerInvalid):
        answer(section)


# Upgrade


@pytest.mark.parametrize(
    ("section", "upgrade"),
    [
        pytest.param(b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"websocket", id="websocket"),
        pytest.param(b"Upgrade: WebSocket\r\nConnection: x, upgrade\r\n", b"WebSocket", id="among-others"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n", b"a, b", id="two-fields"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: SPDY/3.1\r\n", b"SPDY/3.1", id="kubectl"),
        pytest.param(b"Upgrade: websocket\r\n", None, id="not-named-by-connection"),
        pytest.param(b"Connection: upgrade\r\n", None, id="no-protocol"),
        pytest.param(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", None, id="h2c"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: H2C\r\n", None, id="h2c-in-capitals"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", None, id="h2c-in-a-list"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: h2c,websocket\r\n", None, id="h2c-first-in-a-list"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: a\r\nUpgrade: h2c\r\n", None, id="h2c-in-a-second"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: h2c/1\r\n", None, id="h2c-with-a-version"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: h2\r\n", None, id="h2"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n", None, id="http-2.0"),
        pytest.param(b"Connection: upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n", None, id="tls"),
        pytest.param(b"Connection: upgrade\r\nUpgrade:\r\n", None, id="empty"),
    ],
)
def test_an_upgrade_is_carried_unless_requests_would_be_hidden_in_it(
    section: bytes, upgrade: bytes | None
) -> None:
    """RFC 9110 section 7.8: ignored where what follows could be requests that nobody authorizes (I2)."""
    framing = request(HOST + section, method=b"GET")

    assert framing.upgrade == upgrade
    assert names(framing.passed) == [b"Host"]


def test_http_1_0_knows_neither_upgrade_nor_expectations() -> None:
    """RFC 9110 sections 7.8 and 10.1.1: both are ignored there, and none goes on as HTTP/1.1."""
    section = b"Connection: upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"

    framing = request(HOST + section, version=b"1.0")

    assert (framing.upgrade, framing.expects_continue) == (None, False)
    assert names(framing.passed) == [b"Host", b"Content-Length"]


# Expect


@pytest.mark.parametrize(
    ("section", "expects"),
    [
        pytest.param(b"", False, id="not"),
        pytest.param(b"Expect: 100-continue\r\n", True, id="continue"),
        pytest.param(b"expect:100-Continue \r\n", True, id="whatever-its-case"),
    ],
)
def test_a_client_may_wait_for_leave(section: bytes, expects: bool) -> None:
    """RFC 9110 section 10.1.1."""
    assert request(HOST + section).expects_continue is expects


@pytest.mark.parametrize("value", [b"", b"200-ok", b"100-continue, x", b"100-continue;q=1"])
def test_what_nobody_can_meet_is_refused(value: bytes) -> None:
    """With 417 (section 10.1.1)."""
    assert refused(HOST + b"Expect: " + value + b"\r\n") == 417


def test_the_clients_credentials_for_the_proxy_are_read_and_go_no_further() -> None:
    """I6."""
    framing = request(HOST + b"Proxy-Authorization: Basic eDp5\r\n")

    assert framing.proxy_authorization == b"Basic eDp5"
    assert names(framing.passed) == [b"Host"]


# How long an answer's body is

CODED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: 5\r\n"


@pytest.mark.parametrize(
    ("section", "status", "version", "is_for_head", "length"),
    [
        pytest.param(LENGTH, 200, b"1.1", False, 5, id="length"),
        pytest.param(b"Content-Length: 5 \r\n", 200, b"1.1", False, 5, id="space-behind-the-length"),
        pytest.param(b"Content-Length: 0\r\n", 200, b"1.1", False, 0, id="zero"),
        pytest.param(CODED, 200, b"1.1", False, CHUNKED, id="chunked"),
        pytest.param(b"transfer-encoding:CHUNKED\r\n", 200, b"1.1", False, CHUNKED, id="in-capitals"),
        pytest.param(b"", 200, b"1.1", False, UNTIL_CLOSE, id="neither"),
        pytest.param(b"", 200, b"1.0", False, UNTIL_CLOSE, id="neither-in-http-1.0"),
        pytest.param(LENGTH, 200, b"1.0", False, 5, id="length-in-http-1.0"),
        pytest.param(LENGTH, 404, b"1.1", False, 5, id="of-an-error"),
        pytest.param(LENGTH, 206, b"1.1", False, 5, id="of-a-part"),
        pytest.param(LENGTH, 205, b"1.1", False, 5, id="205-says-its-length"),
        pytest.param(LENGTH, 200, b"1.1", True, 0, id="head-with-length"),
        pytest.param(CODED, 200, b"1.1", True, 0, id="head-chunked"),
        pytest.param(b"", 200, b"1.1", True, 0, id="head-with-neither"),
        pytest.param(b"", 204, b"1.1", False, 0, id="204"),
        pytest.param(LENGTH, 204, b"1.1", False, 0, id="204-with-length"),
        pytest.param(CODED, 204, b"1.1", False, 0, id="204-chunked"),
        pytest.param(b"", 304, b"1.1", False, 0, id="304"),
        pytest.param(LENGTH, 304, b"1.1", False, 0, id="304-with-length"),
        pytest.param(CODED, 304, b"1.1", False, 0, id="304-chunked"),
    ],
)
def test_an_answers_body_is_as_long_as_request_status_and_head_say(
    section: bytes, status: int, version: bytes, is_for_head: bool, length: int
) -> None:
    """RFC 9112 section 6.3, rules 1, 4, 6 and 8."""
    assert answer(section, status=status, version=version, is_for_head=is_for_head).length == length


@pytest.mark.parametrize(
    ("section", "version"),
    [
        pytest.param(CODED + LENGTH, b"1.1", id="both"),
        pytest.param(LENGTH + CODED, b"1.1", id="both-the-other-way"),
        pytest.param(LENGTH + b"Content-Length: 6\r\n", b"1.1", id="two-lengths"),
        pytest.param(b"Content-Length: 5, 5\r\n", b"1.1", id="a-list-of-lengths"),
        pytest.param(b"Content-Length: +5\r\n", b"1.1", id="plus"),
        pytest.param(b"Content-Length: -5\r\n", b"1.1", id="negative"),
        pytest.param(b"Content-Length:\r\n", b"1.1", id="no-length"),
        pytest.param(b"Content-Length: 18446744073709551621\r\n", b"1.1", id="over-64-bits"),
        pytest.param(CODED, b"1.0", id="chunked-in-http-1.0"),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", b"1.1", id="another-coding-first"),
        pytest.param(b"Transfer-Encoding: gzip\r\n", b"1.1", id="another-coding"),
        pytest.param(b"Transfer-Encoding: identity\r\n", b"1.1", id="identity"),
        pytest.param(b"Transfer-Encoding:\r\n", b"1.1", id="no-coding"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", b"1.1", id="xchunked"),
        pytest.param(b"Transfer-Encoding: \x0bchunked\r\n", b"1.1", id="vertical-tab"),
        pytest.param(CODED + CODED, b"1.1", id="field-twice"),
    ],
)
def test_an_answer_whose_length_can_be_read_in_two_ways_is_none(section: bytes, version: bytes) -> None:
    """The client would read what belongs to another answer, or an answer that is none."""
    with pytest.raises(OriginAnswerInvalid):
        answer(section, version=version)


@pytest.mark.parametrize("is_for_head", [False, True])
@pytest.mark.parametrize("status", [200, 204, 304])
def test_a_length_is_checked_also_where_there_is_no_body(is_for_head: bool, status: int) -> None:
    """The client gets to see it."""
    with pytest.raises(OriginAnswerInvalid):
        answer(LENGTH + CODED, status=status, is_for_head=is_for_head)


# What an answer says of its connection


@pytest.mark.parametrize(
    ("section", "version", "keeps_alive"),
    [
        pytest.param(b"", b"1.1", True, id="http-1.1"),
        pytest.param(b"Connection: close\r\n", b"1.1", False, id="close"),
        pytest.param(b"Connection: x, Close\r\n", b"1.1", False, id="close-among-others"),
        pytest.param(b"Connection: x\r\nConnection: close\r\n", b"1.1", False, id="close-in-a-second-field"),
        pytest.param(b"", b"1.0", False, id="http-1.0"),
        pytest.param(b"Connection: keep-alive\r\n", b"1.0", True, id="http-1.0-keep-alive"),
        pytest.param(b"Connection: keep-alive, close\r\n", b"1.0", False, id="close-wins"),
    ],
)
def test_a_connection_to_an_origin_is_used_again_where_its_answer_lets_it(
    section: bytes, version: bytes, keeps_alive: bool
) -> None:
    """Section 9.3."""
    assert answer(LENGTH + section, version=version).keeps_alive is keeps_alive


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(b"Connection: keep-alive\r\n", id="connection"),
        pytest.param(b"Keep-Alive: timeout=5\r\n", id="keep-alive"),
        pytest.param(b"Proxy-Authenticate: Basic\r\n", id="proxy-authenticate"),
        pytest.param(b"Proxy-Authentication-Info: x\r\n", id="proxy-authentication-info"),
        pytest.param(b"Proxy-Connection: close\r\n", id="proxy-connection"),
        pytest.param(b"Upgrade: h2c\r\n", id="upgrade"),
        pytest.param(b"X-Mine: 1\r\nConnection: x-mine\r\n", id="named-by-connection"),
    ],
)
def test_what_an_origin_says_to_us_alone_goes_no_further(section: bytes) -> None:
    """RFC 9110 section 7.6.1; its coding is for whoever writes the head."""
    start = answer_start(b"A: 1\r\n" + section + CODED + b"b: 2\r\n")
    framing = frame_answer(start, is_for_head=False)

    assert names(framing.passed(start)) == [b"A", b"Transfer-Encoding", b"b"]
    assert framing.ends_here > 0


def test_an_answer_that_says_nothing_to_us_alone_passes_whole() -> None:
    """Order, case and duplicates."""
    start = answer_start(b"b: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\nB: 1\r\n" + CODED)
    framing = frame_answer(start, is_for_head=False)

    assert framing.passed(start) == tuple(start.fields)
    assert framing.ends_here == 0


def test_an_interim_answer_passes_without_what_is_for_us_alone() -> None:
    """RFC 9110 section 15.2: a 103 has hints for the client, and nothing else."""
    start = answer_start(b"Link: </a>\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 1\r\n", status=103)

    assert end_to_end_of(start) == ((b"Link", b"</a>"),)
