"""What is a head of HTTP/1.1, what is none, and that what was read is what was sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import OriginAnswerInvalid, RequestMalformed
from proxy.express.heads import (
    HEAD_END,
    AnswerStart,
    RequestStart,
    may_still_be_a_head,
    read_answer,
    read_request,
    read_trailers,
)

LONGEST_LINE = 64
MOST_FIELDS = 5


def request(line: bytes, section: bytes = b"Host: a\r\n") -> RequestStart:
    return read_request(line + b"\r\n" + section + b"\r\n", LONGEST_LINE, MOST_FIELDS)


def answer(line: bytes, section: bytes = b"") -> AnswerStart:
    return read_answer(line + b"\r\n" + section + b"\r\n", MOST_FIELDS)


def refused(read: Callable[[], object]) -> int:
    with pytest.raises(RequestMalformed) as raised:
        read()
    return raised.value.status_code


# Request lines


@pytest.mark.parametrize(
    ("line", "method", "target", "minor"),
    [
        pytest.param(b"GET / HTTP/1.1", b"GET", b"/", 1, id="origin-form"),
        pytest.param(b"GET / HTTP/1.0", b"GET", b"/", 0, id="version-1.0"),
        pytest.param(b"GET http://a/b?c#d HTTP/1.1", b"GET", b"http://a/b?c#d", 1, id="absolute-form"),
        pytest.param(b"CONNECT a:443 HTTP/1.1", b"CONNECT", b"a:443", 1, id="authority-form"),
        pytest.param(b"OPTIONS * HTTP/1.1", b"OPTIONS", b"*", 1, id="asterisk-form"),
        pytest.param(b"PROPFIND / HTTP/1.1", b"PROPFIND", b"/", 1, id="method-of-another-rfc"),
        pytest.param(b"get / HTTP/1.1", b"get", b"/", 1, id="methods-have-case"),
        pytest.param(b"!#$%&'*+-.^_`|~09aZ / HTTP/1.1", b"!#$%&'*+-.^_`|~09aZ", b"/", 1, id="any-token"),
        pytest.param(b"PRI / HTTP/1.1", b"PRI", b"/", 1, id="pri-is-a-token"),
        pytest.param(b"GET /%zz%2F%2f HTTP/1.1", b"GET", b"/%zz%2F%2f", 1, id="percents-untouched"),
        pytest.param(b"GET /\xc3\xa4 HTTP/1.1", b"GET", b"/\xc3\xa4", 1, id="octets-above-ascii"),
        pytest.param(b'GET /"<>\\^`{|} HTTP/1.1', b"GET", b'/"<>\\^`{|}', 1, id="not-quite-a-uri"),
    ],
)
def test_a_request_line_gives_method_target_and_version(
    line: bytes, method: bytes, target: bytes, minor: int
) -> None:
    """All of it as it was sent (RFC 9112 section 3)."""
    start = request(line)

    assert (start.method, start.target, start.minor) == (method, target, minor)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"GET", 400, id="method-alone"),
        pytest.param(b"GET /", 400, id="http-0.9"),
        pytest.param(b"GET  / HTTP/1.1", 400, id="two-spaces-before-the-target"),
        pytest.param(b"GET /  HTTP/1.1", 400, id="two-spaces-behind-the-target"),
        pytest.param(b"GET / HTTP/1.1 ", 400, id="space-behind-the-version"),
        pytest.param(b" GET / HTTP/1.1", 400, id="space-before-the-method"),
        pytest.param(b"GET\t/\tHTTP/1.1", 400, id="tabs-for-spaces"),
        pytest.param(b"GET\x0b/\x0bHTTP/1.1", 400, id="vertical-tabs-for-spaces"),
        pytest.param(b"GET /a b HTTP/1.1", 400, id="space-within-the-target"),
        pytest.param(b"GET  HTTP/1.1", 400, id="no-target"),
        pytest.param(b" / HTTP/1.1", 400, id="no-method"),
        pytest.param(b"GE(T / HTTP/1.1", 400, id="method-no-token"),
        pytest.param(b"G\xc3\xa4T / HTTP/1.1", 400, id="method-above-ascii"),
        pytest.param(b"GET\0 / HTTP/1.1", 400, id="nul-in-the-method"),
        pytest.param(b"GET: / HTTP/1.1", 400, id="colon-in-the-method"),
        pytest.param(b"G" * 65 + b" / HTTP/1.1", 414, id="method-of-65-makes-the-line-too-long"),
        pytest.param(b"GET /\x00 HTTP/1.1", 400, id="nul-in-the-target"),
        pytest.param(b"GET /\x01 HTTP/1.1", 400, id="control-in-the-target"),
        pytest.param(b"GET /\x7f HTTP/1.1", 400, id="delete-in-the-target"),
        pytest.param(b"GET /\t HTTP/1.1", 400, id="tab-in-the-target"),
        pytest.param(b"GET /\n HTTP/1.1", 400, id="bare-lf-in-the-target"),
        pytest.param(b"GET /\r HTTP/1.1", 400, id="bare-cr-in-the-target"),
        pytest.param(b"GET / HTTP/1.1\n", 400, id="lf-behind-the-version"),
        pytest.param(b"GET / http/1.1", 400, id="versions-have-case"),
        pytest.param(b"GET / HTTP/1.10", 400, id="two-digits"),
        pytest.param(b"GET / HTTP/01.1", 400, id="leading-zero"),
        pytest.param(b"GET / HTTP/1,1", 400, id="comma-in-the-version"),
        pytest.param(b"GET / HTTP/1", 400, id="one-number"),
        pytest.param(b"GET / HTTP/11", 400, id="no-dot"),
        pytest.param(b"GET / HTTPS/1.1", 400, id="another-protocol"),
        pytest.param(b"GET / HTTP/\xb2.\xb9", 400, id="digits-above-ascii"),
        pytest.param(b"GET / HTTP/0.9", 505, id="version-0.9"),
        pytest.param(b"GET / HTTP/1.2", 505, id="version-1.2"),
        pytest.param(b"GET / HTTP/2.0", 505, id="version-2.0"),
        pytest.param(b"GET / HTTP/3.0", 505, id="version-3.0"),
        pytest.param(b"PRI * HTTP/2.0", 505, id="http-2-preface"),
        pytest.param(b"GET /" + b"a" * 52 + b" HTTP/1.1", 414, id="one-octet-over-the-limit"),
        pytest.param(b"GET " + b" " * 100, 414, id="too-long-comes-before-malformed"),
    ],
)
def test_what_is_no_request_line_is_refused(line: bytes, status: int) -> None:
    """Nothing of it is guessed at, and the refusal says which kind it is."""
    assert refused(lambda: request(line)) == status


def test_a_request_line_may_be_as_long_as_the_limit() -> None:
    """The line end is not counted."""
    line = b"GET /" + b"a" * 50 + b" HTTP/1.1"

    assert len(line) == LONGEST_LINE
    assert request(line).target == b"/" + b"a" * 50


def test_a_method_may_have_64_characters() -> None:
    """Longer ones are none that anybody knows."""
    head = b"%b / HTTP/1.1\r\nHost: a\r\n\r\n"

    assert read_request(head % (b"M" * 64), 1000, MOST_FIELDS).method == b"M" * 64
    assert refused(lambda: read_request(head % (b"M" * 65), 1000, MOST_FIELDS)) == 400


# Header sections

SECTIONS = [
    pytest.param(b"", [], id="none"),
    pytest.param(b"A: b\r\n", [(b"A", b"b")], id="one"),
    pytest.param(b"A:b\r\n", [(b"A", b"b")], id="no-space"),
    pytest.param(b"A: \t b\r\n", [(b"A", b"b")], id="much-space-before"),
    pytest.param(b"A: b \t \r\n", [(b"A", b"b")], id="space-behind-is-not-of-the-value"),
    pytest.param(b"A: b \t c\r\n", [(b"A", b"b \t c")], id="space-within"),
    pytest.param(b"A:\r\n", [(b"A", b"")], id="empty-value"),
    pytest.param(b"A: \t \r\n", [(b"A", b"")], id="blank-value"),
    pytest.param(b"A: :\r\n", [(b"A", b":")], id="colon-for-a-value"),
    pytest.param(b"b: 1\r\na: 2\r\nb: 3\r\n", [(b"b", b"1"), (b"a", b"2"), (b"b", b"3")], id="order"),
    pytest.param(b"x-UPPER: A\r\n", [(b"x-UPPER", b"A")], id="case-is-kept"),
    pytest.param(b"A: \x80\xff\xc3\xa4\r\n", [(b"A", b"\x80\xff\xc3\xa4")], id="octets-above-ascii"),
    pytest.param(b'A: "q\\"" (c), d;e=f\r\n', [(b"A", b'"q\\"" (c), d;e=f')], id="any-visible"),
    pytest.param(b"!#$%&'*+-.^_`|~09aZ: b\r\n", [(b"!#$%&'*+-.^_`|~09aZ", b"b")], id="any-token-as-name"),
    pytest.param(b"Trailer: a\r\nTE: b\r\n", [(b"Trailer", b"a"), (b"TE", b"b")], id="hop-by-hop-too"),
    pytest.param(
        b"Upgrade: x\r\nConnection: upgrade\r\nB: c\r\n",
        [(b"Upgrade", b"x"), (b"Connection", b"upgrade"), (b"B", b"c")],
        id="all-of-it-where-it-would-upgrade",
    ),
]

NO_SECTIONS = [
    pytest.param(b"A : b\r\n", id="space-before-the-colon"),
    pytest.param(b"A\t: b\r\n", id="tab-before-the-colon"),
    pytest.param(b" A: b\r\n", id="fold-on-the-first-line"),
    pytest.param(b"\tA: b\r\n", id="tab-fold-on-the-first-line"),
    pytest.param(b"A: b\r\n c\r\n", id="fold"),
    pytest.param(b"A: b\r\n\tc\r\n", id="tab-fold"),
    pytest.param(b"A: b\r\n \r\n", id="fold-of-nothing"),
    pytest.param(b"A:\r\n b\r\n", id="fold-before-the-value"),
    pytest.param(b": b\r\n", id="empty-name"),
    pytest.param(b"A b\r\n", id="no-colon"),
    pytest.param(b"A\r\n", id="name-alone"),
    pytest.param(b"A(: b\r\n", id="name-no-token"),
    pytest.param(b"A b: c\r\n", id="space-in-the-name"),
    pytest.param(b"A\x00: b\r\n", id="nul-in-the-name"),
    pytest.param(b"A\xc3\xa4: b\r\n", id="name-above-ascii"),
    pytest.param(b"A\x7f: b\r\n", id="delete-in-the-name"),
    pytest.param(b"A: b\x00c\r\n", id="nul"),
    pytest.param(b"A: b\x01c\r\n", id="control"),
    pytest.param(b"A: b\x0bc\r\n", id="vertical-tab"),
    pytest.param(b"A: b\x0cc\r\n", id="form-feed"),
    pytest.param(b"A: b\x1bc\r\n", id="escape"),
    pytest.param(b"A: b\x7fc\r\n", id="delete"),
    pytest.param(b"A: b\nC: d\r\n", id="bare-lf"),
    pytest.param(b"A: b\n\r\n", id="lf-for-a-line-end"),
    pytest.param(b"A: b\rC: d\r\n", id="bare-cr"),
    pytest.param(b"A: b\r\r\n", id="cr-cr-lf"),
    pytest.param(b"\nA: b\r\n", id="lf-before-the-first"),
    pytest.param(b"\rA: b\r\n", id="cr-before-the-first"),
    pytest.param(b"A: b\r\n\nC: d\r\n", id="lf-for-the-empty-line"),
    pytest.param(b"A: b\r\n\rC: d\r\n", id="cr-for-the-empty-line"),
    pytest.param(b"Content-Length: 1\r\nContent-Length: 2\r\n", id="two-lengths"),
    pytest.param(b"Content-Length: 1\r\nContent-Length: 1\r\n", id="a-length-twice"),
    pytest.param(b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", id="length-and-coding"),
    pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", id="coding-and-length"),
]


@pytest.mark.parametrize(("section", "fields"), SECTIONS)
def test_a_header_section_is_read_as_it_was_sent(section: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    """Order, case, duplicates and octets, of requests, of answers and of trailers (section 5)."""
    assert request(b"GET / HTTP/1.1", section).fields == fields
    assert answer(b"HTTP/1.1 200 OK", section).fields == fields
    assert read_trailers(section + b"\r\n") == fields


@pytest.mark.parametrize("section", NO_SECTIONS)
def test_a_header_section_that_is_not_well_formed_is_refused(section: bytes) -> None:
    """Whoever reads it leniently would read another message (sections 2.2, 5.1, 5.2, 6.3)."""
    assert refused(lambda: request(b"GET / HTTP/1.1", section)) == 400
    with pytest.raises(OriginAnswerInvalid):
        answer(b"HTTP/1.1 200 OK", section)
    assert read_trailers(section + b"\r\n") is None


def test_more_fields_than_the_limit_are_refused() -> None:
    """431 to a client (RFC 6585 section 5); an origin's answer is none."""
    most = b"A: b\r\n" * MOST_FIELDS

    assert len(request(b"GET / HTTP/1.1", most).fields) == MOST_FIELDS
    assert refused(lambda: request(b"GET / HTTP/1.1", most + b"A: b\r\n")) == 431
    with pytest.raises(OriginAnswerInvalid):
        answer(b"HTTP/1.1 200 OK", most + b"A: b\r\n")


def test_fields_that_frame_or_route_are_found_whatever_their_case() -> None:
    """Once more, in lower case, in their order; the others are not."""
    start = request(b"GET / HTTP/1.1", b"X: 1\r\nHOST: A\r\nconnection: B\r\nHost: c\r\n")

    assert start.of_interest == [(b"host", b"A"), (b"connection", b"B"), (b"host", b"c")]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /?token=s3cret HTTP/1.1 \r\n\r\n", id="line"),
        pytest.param(b"GET / HTTP/1.1\r\nAuthorization : s3cret\r\n\r\n", id="section"),
    ],
)
def test_a_refusal_says_nothing_of_the_head(head: bytes) -> None:
    """A credential may stand anywhere in it (I4)."""
    with pytest.raises(RequestMalformed) as raised:
        read_request(head, LONGEST_LINE, MOST_FIELDS)

    assert "s3cret" not in raised.value.detail


tokens = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12).map(str.encode)
values = st.binary(max_size=20).map(
    lambda octets: bytes(o for o in octets if o == 9 or (o >= 32 and o != 127)).strip(b" \t")
)
plain_names = tokens.filter(
    lambda name: name.lower() not in {b"content-length", b"transfer-encoding", b"connection", b"upgrade"}
)


@settings(deadline=None)
@given(st.lists(st.tuples(plain_names, values), max_size=8))
def test_any_fields_are_read_as_they_were_written(fields: list[tuple[bytes, bytes]]) -> None:
    """What RFC 9110 section 5 lets stand in a field comes out again."""
    section = b"".join(b"%b: %b\r\n" % item for item in fields)

    assert read_trailers(section + b"\r\n") == fields


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([b"a", b":", b" ", b"\r\n", b"\n", b"\r", b"\t", b"\0", b"1"]), max_size=12))
def test_no_section_holds_a_field_that_is_no_line(pieces: list[bytes]) -> None:
    """Whatever is put together: each line between two line ends is one field, or all of it is refused."""
    section = (b"x:\r\n" + b"".join(pieces) + HEAD_END).partition(HEAD_END)[0]

    fields = read_trailers(section + HEAD_END)

    if fields is not None:
        lines = section.split(b"\r\n")
        assert [line.partition(b":")[0] for line in lines] == [name for name, _ in fields]
        assert [line.partition(b":")[2].strip(b" \t") for line in lines] == [value for _, value in fields]


# Status lines


@pytest.mark.parametrize(
    ("line", "status", "reason", "minor"),
    [
        pytest.param(b"HTTP/1.1 200 OK", 200, b"OK", 1, id="usual"),
        pytest.param(b"HTTP/1.0 200 OK", 200, b"OK", 0, id="version-1.0"),
        pytest.param(b"HTTP/1.1 204 ", 204, b"", 1, id="no-reason"),
        pytest.param(b"HTTP/1.1 204", 204, b"", 1, id="no-reason-and-no-space"),
        pytest.param(b"HTTP/1.1 404 Not  Found\tat all", 404, b"Not  Found\tat all", 1, id="words"),
        pytest.param(b"HTTP/1.1 500 \xfc\xc3\xbc", 500, b"\xfc\xc3\xbc", 1, id="above-ascii"),
        pytest.param(b"HTTP/1.1 100 Continue", 100, b"Continue", 1, id="interim"),
        pytest.param(b"HTTP/1.1 299 x", 299, b"x", 1, id="unknown-status"),
        pytest.param(b"HTTP/1.1 999 x", 999, b"x", 1, id="no-class"),
    ],
)
def test_a_status_line_gives_status_reason_and_version(
    line: bytes, status: int, reason: bytes, minor: int
) -> None:
    """Section 4; a space may be missing where there is no reason, as many servers have it."""
    start = answer(line)

    assert (start.status, start.reason, start.minor) == (status, reason, minor)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"HTTP/1.1", id="version-alone"),
        pytest.param(b"HTTP/1.1 ", id="no-status"),
        pytest.param(b"HTTP/1.1 20", id="two-digits"),
        pytest.param(b"HTTP/1.1 2000", id="four-digits"),
        pytest.param(b"HTTP/1.1 099 x", id="below-100"),
        pytest.param(b"HTTP/1.1 20x OK", id="no-number"),
        pytest.param(b"HTTP/1.1 +20 OK", id="sign"),
        pytest.param(b"HTTP/1.1 \xb2\xb0\xb0 OK", id="digits-above-ascii"),
        pytest.param(b"HTTP/1.1  200 OK", id="two-spaces"),
        pytest.param(b"HTTP/1.1\t200 OK", id="tab"),
        pytest.param(b"HTTP/1.1 200\tOK", id="tab-before-the-reason"),
        pytest.param(b" HTTP/1.1 200 OK", id="space-before"),
        pytest.param(b"http/1.1 200 OK", id="versions-have-case"),
        pytest.param(b"HTTP/2 200 OK", id="version-2"),
        pytest.param(b"HTTP/2.0 200 OK", id="version-2.0"),
        pytest.param(b"HTTP/1.2 200 OK", id="version-1.2"),
        pytest.param(b"ICY 200 OK", id="shoutcast"),
        pytest.param(b"HTTP/1.1 200 O\0K", id="nul"),
        pytest.param(b"HTTP/1.1 200 O\nK", id="bare-lf"),
        pytest.param(b"HTTP/1.1 200 O\rK", id="bare-cr"),
        pytest.param(b"HTTP/1.1 200 \x1b[31m", id="escape"),
        pytest.param(b"HTTP/1.1 200 O\x7fK", id="delete"),
        pytest.param(b"<html>", id="http-0.9"),
        pytest.param(b"GET / HTTP/1.1", id="request"),
    ],
)
def test_what_is_no_status_line_is_refused(line: bytes) -> None:
    """An origin that says so does not speak HTTP/1.1 with us."""
    with pytest.raises(OriginAnswerInvalid):
        answer(line)


def test_an_answer_keeps_its_head_as_it_came() -> None:
    """Every octet of it, for a client that is to get it so."""
    head = b"HTTP/1.1 200\r\nx-A:  b \r\nX-a:c\r\n\r\n"

    assert read_answer(head, MOST_FIELDS).raw == head


# Beginnings of heads


@pytest.mark.parametrize(
    "received",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"G", id="letter"),
        pytest.param(b"GET / HTTP/1.1\r", id="cr-at-the-end"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r", id="all-but-one"),
        pytest.param(b"\r", id="cr-alone"),
    ],
)
def test_what_may_become_a_head_is_waited_for(received: bytes) -> None:
    """All line ends so far are whole, or it is the last octet that is still to come."""
    assert may_still_be_a_head(received)


@pytest.mark.parametrize(
    "received",
    [
        pytest.param(b"\n", id="lf-alone"),
        pytest.param(b"GET / HTTP/1.1\n", id="lf-for-a-line-end"),
        pytest.param(b"GET / HTTP/1.1\n\r\n", id="lf-then-line-end"),
        pytest.param(b"GET / HTTP/1.1\rHost", id="bare-cr"),
        pytest.param(b"GET / HTTP/1.1\r\r", id="cr-cr"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\nC", id="bare-lf-later"),
        pytest.param(b"\n\r", id="the-wrong-way-round"),
    ],
)
def test_what_cannot_become_a_head_is_not_waited_for(received: bytes) -> None:
    """Who ends lines with LF alone would wait for ever for the end of the head."""
    assert not may_still_be_a_head(received)
