"""Answers as clients get them: byte for byte, or framed anew where they could not read them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from profiles.answers import answer_of
from profiles.errors import OriginUnreachable, RequestMalformed
from profiles.requests import HeaderFields
from proxy.express import writing
from proxy.express.answer_writer import AnswerWriter
from proxy.express.framing import end_to_end_of, frame_answer
from proxy.express.heads import read_answer


class Client:
    """Keeps what it is sent, piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)


def written(
    head: bytes,
    contents: Iterable[bytes] = (),
    *,
    trailers: HeaderFields = (),
    minor: int = 1,
    closes: bool = False,
    is_for_head: bool = False,
) -> tuple[bytes, bool]:
    """What a client gets of an answer, and whether the connection ends with it."""
    client = Client()
    start = read_answer(head + b"\r\n", 100)
    writer = AnswerWriter(client)
    writer.begin(start, frame_answer(start, is_for_head=is_for_head), minor=minor, closes=closes)
    for content in contents:
        writer.content(content)
    writer.end(trailers)
    return b"".join(client.pieces), writer.closes


LENGTH = b"HTTP/1.1 200 OK\r\nx-B:  b \r\nContent-Length: 5\r\nX-b:\r\n"
CODED = b"HTTP/1.1 200 OK\r\nA: b\r\ntransfer-encoding: Chunked\r\n"
OPEN = b"HTTP/1.1 200 OK\r\nA: b\r\n"


@pytest.mark.parametrize(
    ("head", "contents", "sent"),
    [
        pytest.param(LENGTH, [b"hello"], LENGTH + b"\r\nhello", id="length"),
        pytest.param(LENGTH, [b"he", b"llo"], LENGTH + b"\r\nhello", id="in-pieces"),
        pytest.param(CODED, [], CODED + b"\r\n0\r\n\r\n", id="chunked-empty"),
        pytest.param(CODED, [b"hello"], CODED + b"\r\n5\r\nhello\r\n0\r\n\r\n", id="chunked"),
        pytest.param(
            CODED,
            [b"a" * 16, b"b"],
            CODED + b"\r\n10\r\n" + b"a" * 16 + b"\r\n1\r\nb\r\n0\r\n\r\n",
            id="chunks",
        ),
        pytest.param(b"HTTP/1.1 204\r\n", [], b"HTTP/1.1 204\r\n\r\n", id="no-reason"),
        pytest.param(
            b"HTTP/1.1 200 \xfc\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n",
            [],
            b"HTTP/1.1 200 \xfc\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n",
            id="above-ascii-and-twice",
        ),
    ],
)
def test_an_answer_goes_on_byte_for_byte(head: bytes, contents: list[bytes], sent: bytes) -> None:
    """Its head as it came, chunks anew, for a client of HTTP/1.1."""
    assert written(head, contents) == (sent, False)


@pytest.mark.parametrize(
    ("head", "sent"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\na:b \r\nConnection: keep-alive\r\nContent-Length: 0\r\n",
            b"HTTP/1.1 200 OK\r\na:b \r\nContent-Length: 0\r\n\r\n",
            id="the-usual-line-alone",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"[:-2] + b"Content-Length: 0\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            id="first",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nconnection: Keep-Alive\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            id="in-another-case",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\nContent-Length: 0\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            id="and-its-parameters",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            id="the-origins-close-is-not-ours",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nb: c\r\nContent-Length: 0\r\n",
            b"HTTP/1.1 200 OK\r\nb: c\r\nContent-Length: 0\r\n\r\n",
            id="and-what-it-names",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            id="a-challenge-of-another-proxy",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nA: Connection: keep-alive\r\nConnection: keep-alive\r\nContent-Length:0\r\n",
            b"HTTP/1.1 200 OK\r\nA: Connection: keep-alive\r\nContent-Length:0\r\n\r\n",
            id="not-what-only-reads-like-it",
        ),
    ],
)
def test_what_ends_here_is_taken_out_of_an_answer(head: bytes, sent: bytes) -> None:
    """And nothing else (RFC 9110 section 7.6.1)."""
    assert written(head) == (sent, False)


def test_what_ends_here_is_taken_out_of_a_chunked_answer() -> None:
    """Its coding is not the origin's any more, but ours."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 1\r\nA: b\r\n"

    sent, _ = written(head, [b"a"])

    assert sent == b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "minor", "sent", "closes"),
    [
        pytest.param(CODED, 1, CODED + b"\r\n5\r\nhello\r\n0\r\n\r\n", False, id="chunked-to-1.1"),
        pytest.param(
            CODED, 0, b"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nhello", True, id="chunked-to-1.0"
        ),
        pytest.param(
            OPEN,
            1,
            b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            False,
            id="until-close-to-1.1",
        ),
        pytest.param(OPEN, 0, OPEN + b"Connection: close\r\n\r\nhello", True, id="until-close-to-1.0"),
        pytest.param(
            OPEN.replace(b"1.1", b"1.0", 1),
            1,
            b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            False,
            id="until-close-from-1.0-to-1.1",
        ),
        pytest.param(
            OPEN.replace(b"1.1", b"1.0", 1) + b"Connection: close\r\n",
            1,
            b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            False,
            id="close-from-1.0-to-1.1",
        ),
        pytest.param(
            OPEN.replace(b"1.1", b"1.0", 1),
            0,
            OPEN + b"Connection: close\r\n\r\nhello",
            True,
            id="until-close-from-1.0-to-1.0",
        ),
        pytest.param(LENGTH, 0, LENGTH + b"Connection: keep-alive\r\n\r\nhello", False, id="length-to-1.0"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n",
            1,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            False,
            id="length-from-1.0",
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n",
            0,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
            False,
            id="length-from-1.0-to-1.0",
        ),
    ],
)
def test_an_answer_is_framed_as_its_client_can_read_it(
    head: bytes, minor: int, sent: bytes, closes: bool
) -> None:
    """RFC 9112 section 6.1: HTTP/1.0 knows no chunks, and 1.1 need not lose its connection for an end."""
    assert written(head, [b"hello"], minor=minor) == (sent, closes)


@pytest.mark.parametrize(
    ("head", "sent"),
    [
        pytest.param(LENGTH, LENGTH + b"Connection: close\r\n\r\nhello", id="length"),
        pytest.param(CODED, CODED + b"Connection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n", id="chunked"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            id="where-the-origin-goes-on",
        ),
    ],
)
def test_an_answer_says_where_the_connection_ends_with_it(head: bytes, sent: bytes) -> None:
    """Section 9.6; chunks have their end all the same."""
    assert written(head, [b"hello"], closes=True) == (sent, True)


@pytest.mark.parametrize(
    ("head", "is_for_head"),
    [
        pytest.param(LENGTH, True, id="head-with-length"),
        pytest.param(CODED, True, id="head-chunked"),
        pytest.param(OPEN, True, id="head-with-neither"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: a\r\n", False, id="304"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n", False, id="304-chunked"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n", False, id="204"),
    ],
)
def test_an_answer_without_a_body_keeps_its_head(head: bytes, is_for_head: bool) -> None:
    """What it would have been is for the client to know (RFC 9110 sections 9.3.2 and 15.4.5)."""
    assert written(head, is_for_head=is_for_head) == (head + b"\r\n", False)


def test_an_answer_that_may_have_no_coding_gets_rid_of_it() -> None:
    """RFC 9112 section 6.1: with 204 it is forbidden, and who does not know that waits for chunks."""
    sent, _ = written(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\nA: b\r\n")

    assert sent == b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"


def test_trailers_go_on_behind_chunks_alone() -> None:
    """Nowhere else is there a place for them."""
    trailers = ((b"X-Sum", b"1"), (b"x-sum", b"2"))

    assert written(CODED, [b"a"], trailers=trailers)[0].endswith(
        b"1\r\na\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n"
    )
    assert written(CODED, [b"a"], trailers=trailers, minor=0)[0].endswith(b"\r\n\r\na")


def test_what_one_event_leads_to_is_sent_in_one_piece() -> None:
    """And nothing where there is nothing."""
    client = Client()
    start = read_answer(CODED + b"\r\n", 100)
    writer = AnswerWriter(client)
    writer.flush()

    writer.begin(start, frame_answer(start, is_for_head=False), minor=1, closes=False)
    writer.content(b"a")
    writer.flush()
    writer.flush()
    writer.content(b"b")
    writer.end(())

    assert client.pieces == [CODED + b"\r\n1\r\na\r\n", b"1\r\nb\r\n0\r\n\r\n"]


def test_an_interim_answer_goes_on_without_what_ends_here() -> None:
    """RFC 9110 section 15.2."""
    start = read_answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nKeep-Alive: 1\r\n\r\n", 100)

    sent = writing.interim_head(start, end_to_end_of(start))

    assert sent == b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


# Answers of ours


@pytest.mark.parametrize("has_body", [True, False])
@pytest.mark.parametrize("closes", [True, False])
def test_an_answer_of_ours_is_well_formed(closes: bool, has_body: bool) -> None:
    """It says how long it is also where its content is left out, for HEAD."""
    answer = answer_of(OriginUnreachable("it is down", timed_out=True))

    head, _, content = writing.own_answer(answer, closes=closes, has_body=has_body).partition(b"\r\n\r\n")

    start = read_answer(head + b"\r\n\r\n", 100)
    assert (start.status, start.reason) == (504, b"Gateway Timeout")
    assert dict(start.fields)[b"Content-Length"] == b"%d" % len(answer.content)
    assert ((b"Connection", b"close") in start.fields) is closes
    assert content == (answer.content if has_body else b"")


def test_the_answer_to_what_was_not_understood_closes() -> None:
    """What follows on such a connection can be read in two ways, too."""
    sent = writing.refusal_and_close(RequestMalformed("no", status=431))

    assert sent.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"\r\nConnection: close\r\n" in sent


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        pytest.param(b"a", b"1\r\na\r\n", id="one"),
        pytest.param(b"\r\n" * 8, b"10\r\n" + b"\r\n" * 8 + b"\r\n", id="line-ends"),
        pytest.param(b"x" * 0xABC, b"abc\r\n" + b"x" * 0xABC + b"\r\n", id="hexadecimal"),
    ],
)
def test_a_chunk_says_its_length(content: bytes, sent: bytes) -> None:
    """Section 7.1."""
    assert writing.chunk(content) == sent
