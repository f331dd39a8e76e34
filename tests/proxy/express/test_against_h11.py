"""Framing against h11: what is accepted here is read the same there; what is refused here alone has a name.

Requests and answers are generated, valid and slightly broken, and come in any pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import OriginAnswerInvalid, RequestMalformed
from proxy.express.bodies import BodyMalformedError, BodyReader, reader_of
from proxy.express.framing import frame_answer, frame_request
from proxy.express.heads import HEAD_END, Fields, may_still_be_a_head, read_answer, read_request

MOST: Final = 100_000


class Message(NamedTuple):
    """A message that is whole."""

    line: tuple[object, ...]
    fields: Fields
    content: bytes
    trailers: Fields
    rest: bytes


REFUSED: Final = "refused"
INCOMPLETE: Final = "incomplete"
Outcome = Message | str

# Why we refuse what h11 takes. Each name has an example below, and nothing else may be refused here alone.

STRICTNESSES: Final[dict[str, re.Pattern[bytes]]] = {
    # RFC 9112 section 2.2 lets a recipient take LF for a line end; whoever does not sees another message.
    "a line that ends with LF alone": re.compile(rb"(?<!\r)\n"),
    # Section 5.2: a proxy rejects it or replaces it.
    "obs-fold": re.compile(rb"\r\n[ \t]"),
    # RFC 9110 section 5.5 has them rejected or replaced but for NUL, CR and LF; h11 lets them stand.
    "control characters": re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    # RFC 9112 section 6.3 rule 3 lets a recipient take the coding; it is how messages are smuggled.
    "Content-Length beside Transfer-Encoding": re.compile(
        rb"(?is)content-length:.*transfer-encoding:|transfer-encoding:.*content-length:"
    ),
    # Rule 5 lets a recipient take the one value that they share.
    "Content-Length more than once": re.compile(
        rb"(?is)content-length:.*content-length:|content-length:[^\n]*,"
    ),
    # Nobody sends one of 64 bits, and some who count in fewer wrap.
    "a length of more than 19 digits": re.compile(rb"(?i)content-length:[ \t]*[0-9]{20}"),
    "a chunk size of more than 15 digits": re.compile(rb"(?m)^[0-9A-Fa-f]{16}"),
    # Section 6.1: an HTTP/1.0 message that has one is faulty.
    "Transfer-Encoding in HTTP/1.0": re.compile(rb"(?is)HTTP/1\.0.*transfer-encoding:"),
    # llhttp takes spaces there, and no tabs.
    "a tab behind the coding": re.compile(rb"(?i)transfer-encoding:[^\n]*\t"),
    # Section 2.3: we speak no other.
    "another version": re.compile(rb"HTTP/(?!1\.[01])[0-9]\.[0-9]"),
    # RFC 9110 section 10.1.1: 417.
    "an expectation that nobody can meet": re.compile(rb"(?i)\nexpect:"),
    # Section 7.6.1: taken out, it would make another message.
    "Connection that names what frames or routes": re.compile(
        rb"(?i)\nconnection:[^\n]*(host|content-length|transfer-encoding|content-type|content-encoding)"
    ),
    # h11 takes whatever has no space in it.
    "a Host above ASCII": re.compile(rb"(?i)\nhost:[^\n]*[\x80-\xff]"),
    # RFC 9112 section 7.1 has it before an extension alone; h11 takes it behind the size.
    "white space behind a chunk size": re.compile(rb"(?m)^[0-9A-Fa-f]+[ \t]"),
    # llhttp reads trailers as it reads fields.
    "trailers that frame": re.compile(rb"(?is)\r\n0+[^\r]*\r\n.*(content-length|transfer-encoding):"),
    "a method of more than 64 characters": re.compile(rb"^[^ ]{65}"),
}

EXAMPLES: Final[dict[str, bytes]] = {
    "a line that ends with LF alone": b"GET / HTTP/1.1\nHost: a\n\n",
    "obs-fold": b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "control characters": b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
    "Content-Length beside Transfer-Encoding": (
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "Content-Length more than once": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n",
    "a length of more than 19 digits": (
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000000000000000000\r\n\r\n"
    ),
    "a chunk size of more than 15 digits": (
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000000\r\n\r\n"
    ),
    "Transfer-Encoding in HTTP/1.0": b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a tab behind the coding": (
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"
    ),
    "another version": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "an expectation that nobody can meet": b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
    "Connection that names what frames or routes": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n",
    "a Host above ASCII": b"GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n",
    "white space behind a chunk size": (
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n"
    ),
    "trailers that frame": (
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    ),
    "a method of more than 64 characters": b"G" * 65 + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
}


# And the other way round, what h11 refuses and we take: it reaches the origin as it was sent.

LENIENCIES: Final[dict[str, re.Pattern[bytes]]] = {
    # RFC 3986 has a URI in ASCII; programs that leave it to servers to decode them are many.
    "octets above ASCII in a target": re.compile(rb"^[^ ]+ [^ ]*[\x80-\xff][^ ]* HTTP/"),
}


def names_of(data: bytes) -> list[str]:
    """The strictnesses that may have refused *data*."""
    return [name for name, pattern in STRICTNESSES.items() if pattern.search(data)]


# Both readers


class Incoming:
    """A connection's bytes as the lane reads them, with its pure parts alone."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._data = b""

    def head(self) -> bytes | None:
        """The next head; None while it is not whole. Raises BodyMalformedError where it cannot become so."""
        while (end := self._data.find(HEAD_END)) < 0:
            if not may_still_be_a_head(self._data):
                raise BodyMalformedError
            piece = next(self._pieces, None)
            if piece is None:
                return None
            self._data += piece
        head, self._data = self._data[: end + 4], self._data[end + 4 :]
        return head

    def body(self, reader: BodyReader, *, ends: bool) -> bytes | None:
        """The content; None where it is not whole. *ends*: the connection does, behind the last piece."""
        content = b""
        while not reader.is_done:
            if self._data:
                content += reader.feed(self._data)
                self._data = reader.rest if reader.is_done else b""
                continue
            piece = next(self._pieces, None)
            if piece is None:
                return content if ends and reader.feed_eof() else None
            self._data = piece
        return content

    def rest(self) -> bytes:
        return self._data + b"".join(self._pieces)


def request_here(pieces: Sequence[bytes]) -> Outcome:
    incoming = Incoming(pieces)
    try:
        head = incoming.head()
        if head is None:
            return INCOMPLETE
        start = read_request(head, MOST, MOST)
        body = reader_of(frame_request(start).length)
        content = incoming.body(body, ends=False)
    except (RequestMalformed, BodyMalformedError):
        return REFUSED
    if content is None:
        return INCOMPLETE
    line = (start.method, start.target, b"1.%d" % start.minor)
    return Message(line, start.fields, content, body.trailers, incoming.rest())


def answer_here(pieces: Sequence[bytes], *, is_for_head: bool) -> Outcome:
    incoming = Incoming(pieces)
    try:
        while True:
            head = incoming.head()
            if head is None:
                return INCOMPLETE
            start = read_answer(head, MOST)
            if start.status >= 200:
                break
        body = reader_of(frame_answer(start, is_for_head=is_for_head).length)
        content = incoming.body(body, ends=True)
    except (OriginAnswerInvalid, BodyMalformedError):
        return REFUSED
    if content is None:
        return INCOMPLETE
    line = (start.status, start.reason, b"1.%d" % start.minor)
    return Message(line, start.fields, content, body.trailers, incoming.rest())


def read_by_h11(connection: h11.Connection, sent: bytes, *, ends: bool) -> Outcome:
    line: tuple[object, ...] = ()
    fields: Fields = []
    content = b""
    try:
        for piece in (sent, b"") if ends else (sent,):
            connection.receive_data(piece)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    break
                if isinstance(event, h11.Request):
                    line = (event.method, event.target, event.http_version)
                    fields = event.headers.raw_items()
                elif isinstance(event, h11.Response):
                    line = (event.status_code, event.reason, event.http_version)
                    fields = event.headers.raw_items()
                elif isinstance(event, h11.Data):
                    content += event.data
                elif isinstance(event, h11.EndOfMessage):
                    trailers = event.headers.raw_items()
                    return Message(line, fields, content, trailers, connection.trailing_data[0])
                elif not isinstance(event, h11.InformationalResponse):
                    return INCOMPLETE
    except h11.RemoteProtocolError as error:
        is_cut = "closed connection" in str(error) or "incomplete" in str(error)
        return INCOMPLETE if is_cut else REFUSED
    return INCOMPLETE


def request_there(sent: bytes) -> Outcome:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
    return read_by_h11(connection, sent, ends=False)


def answer_there(sent: bytes, *, is_for_head: bool) -> Outcome:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)
    method = "HEAD" if is_for_head else "GET"
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    return read_by_h11(connection, sent, ends=True)


def comparable(outcome: Outcome) -> Outcome:
    """h11 writes codings in small letters, and keeps a length once."""
    if isinstance(outcome, str):
        return outcome
    return outcome._replace(
        fields=[
            (name, value.lower() if name.lower() == b"transfer-encoding" else value)
            for name, value in outcome.fields
        ]
    )


def check(sent: bytes, here: Outcome, there: Outcome) -> None:
    """Where we accept, h11 accepts the same; where we alone refuse, that has a name."""
    if isinstance(here, Message):
        if any(pattern.search(sent) for pattern in LENIENCIES.values()):
            assert there in (REFUSED, comparable(here))
        else:
            assert comparable(there) == comparable(here)
    elif isinstance(there, Message):
        assert here == REFUSED
        assert names_of(sent), "refused here alone, and for no reason that has a name"


# What is generated

USUAL_FIELDS = [
    b"Content-Length: 5",
    b"content-length:5 ",
    b"Content-Length: 0",
    b"Content-Length: 05",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding:\tCHUNKED ",
    b"Connection: close",
    b"Connection: keep-alive, x-a",
    b"X-A: b",
    b"x-a:",
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b'X-Q: "a\\"b", (c)',
    b"X-Above: \xe4\xff",
]
ODD_FIELDS = [
    b"Host: b",
    b"Content-Length: 6",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length: 5 5",
    b"Content-Length:",
    b"Content-Length: 18446744073709551621",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked\t",
    b"Transfer-Encoding:",
    b"Connection: Content-Length",
    b"Expect: x",
    b"X-A : b",
    b" X-A: b",
    b"X-A: b\r\n c",
    b"X-A: b\nX-B: c",
    b"X-A: b\rX-B: c",
    b"X-A: \x01",
    b"X-A: \x7f",
    b"X-A: \0",
    b": b",
    b"X-A",
    b"X(A): b",
]
BODIES = [
    b"hello",
    b"hell",
    b"",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: u\r\n\r\n",
    b"0\r\n\r\n",
    b"0005\r\nhello\r\n000;x\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\n0\n\n",
    b"5\r\nhelloo\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-T : u\r\n\r\n",
    b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
]
RESTS = [b"", b"", b"GET / HTTP/1.1\r\n", b"\r\n", b"x", b"HTTP/1.1 200 OK\r\n\r\n"]
STRAY = [b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b"\x0b", b":", b",", b";", b"0", b"5", b"a", b"\xff"]


def fields() -> st.SearchStrategy[list[bytes]]:
    usual = st.sampled_from(USUAL_FIELDS)
    return st.lists(usual, max_size=3) | st.lists(usual | st.sampled_from(ODD_FIELDS), max_size=4)


@st.composite
def broken(draw: st.DrawFn, sent: bytes) -> bytes:
    """*sent*, in most cases with nothing or little changed."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        place = draw(st.integers(0, len(sent)))
        length = draw(st.sampled_from([0, 0, 1]))
        sent = sent[:place] + draw(st.sampled_from(STRAY)) + sent[place + length :]
    return sent


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    line = draw(
        st.sampled_from(
            [
                b"GET / HTTP/1.1",
                b"POST /a?b HTTP/1.1",
                b"PUT http://a/%zz HTTP/1.0",
                b"HEAD * HTTP/1.1",
                b"x!~ /a HTTP/1.1",
                b"GET / HTTP/1.2",
            ]
        )
    )
    host = draw(st.sampled_from([b"Host: a", b"host:a ", b"HOST: a:80"]))
    lines = draw(st.permutations([host, *draw(fields())]))
    head = b"\r\n".join([line, *lines]) + HEAD_END
    return draw(broken(head + draw(st.sampled_from(BODIES)) + draw(st.sampled_from(RESTS))))


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    line = draw(
        st.sampled_from(
            [
                b"HTTP/1.1 200 OK",
                b"HTTP/1.0 200 OK",
                b"HTTP/1.1 404 Not \xe4 Found",
                b"HTTP/1.1 200",
                b"HTTP/1.1 204 ",
                b"HTTP/1.1 304 x",
            ]
        )
    )
    interim = draw(
        st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 x\r\nL: y\r\n\r\n"])
    )
    head = b"\r\n".join([line, *draw(fields())]) + HEAD_END
    return draw(broken(interim + head + draw(st.sampled_from(BODIES)) + draw(st.sampled_from(RESTS))))


@st.composite
def pieces_of(draw: st.DrawFn, sent: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    return [sent[a:b] for a, b in zip([0, *places], [*places, len(sent)], strict=True) if a < b]


@settings(deadline=None, max_examples=500)
@given(st.data(), requests())
def test_a_request_is_read_as_h11_reads_it(data: st.DataObject, sent: bytes) -> None:
    """Method, target, version, fields, content, trailers and what is behind; or refused for a reason."""
    pieces = data.draw(pieces_of(sent))

    here = request_here(pieces)

    assert request_here([sent]) == here
    check(sent, here, request_there(sent))


@settings(deadline=None, max_examples=500)
@given(st.data(), answers(), st.booleans())
def test_an_answer_is_read_as_h11_reads_it(data: st.DataObject, sent: bytes, is_for_head: bool) -> None:
    """Status, reason, version, fields, content, trailers and what is behind; or refused for a reason."""
    pieces = data.draw(pieces_of(sent))

    here = answer_here(pieces, is_for_head=is_for_head)

    assert answer_here([sent], is_for_head=is_for_head) == here
    check(sent, here, answer_there(sent, is_for_head=is_for_head))


@pytest.mark.parametrize("name", STRICTNESSES)
def test_what_is_refused_here_alone_has_a_name(name: str) -> None:
    """And an example, which h11 takes."""
    sent = EXAMPLES[name]

    assert isinstance(request_there(sent), Message)
    assert request_here([sent]) == REFUSED
    assert name in names_of(sent)
