"""Bodies as they arrive: what is content, what is framing, where one ends, and that no split changes it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.express.bodies import (
    LONGEST_CHUNK_LINE,
    LONGEST_TRAILERS,
    BodyMalformedError,
    BodyReader,
    ChunkedReader,
    LengthReader,
    UntilCloseReader,
    reader_of,
)
from proxy.express.framing import CHUNKED, UNTIL_CLOSE
from proxy.express.heads import Fields

Read = tuple[bytes, Fields, bytes]
"""Content, trailers, and what came behind."""


def fed(reader: BodyReader, pieces: Iterable[bytes]) -> Read | None:
    """What a whole body has, or None where it is not whole; behind its end nothing is fed to its reader."""
    content = b""
    behind = b""
    for piece in pieces:
        if reader.is_done:
            behind += piece
        elif piece:
            content += reader.feed(piece)
            behind += reader.rest
    return (content, reader.trailers, behind) if reader.is_done else None


def chunked(data: bytes) -> Read | None:
    return fed(ChunkedReader(), [data])


def in_pieces(data: bytes, length: int = 1) -> list[bytes]:
    return [data[index : index + length] for index in range(0, len(data), length)]


# By length


@pytest.mark.parametrize(
    ("length", "pieces", "read"),
    [
        pytest.param(0, [], (b"", [], b""), id="none"),
        pytest.param(0, [b"GET"], (b"", [], b"GET"), id="none-and-more"),
        pytest.param(3, [b"abc"], (b"abc", [], b""), id="at-once"),
        pytest.param(3, [b"a", b"b", b"c"], (b"abc", [], b""), id="bytewise"),
        pytest.param(3, [b"abcGET"], (b"abc", [], b"GET"), id="more-behind-at-once"),
        pytest.param(3, [b"ab", b"cG", b"ET"], (b"abc", [], b"GET"), id="more-behind"),
        pytest.param(3, [b"ab"], None, id="too-little"),
    ],
)
def test_a_body_of_a_length_ends_after_it(length: int, pieces: list[bytes], read: Read | None) -> None:
    """RFC 9112 section 6.3, rule 6; what follows is for whoever reads next."""
    assert fed(reader_of(length), pieces) == read


def test_a_reader_tells_how_much_has_come() -> None:
    """For the minimum rate and the limit: content alone, without its framing."""
    by_length, in_chunks, open_ended = LengthReader(10), ChunkedReader(), UntilCloseReader()

    by_length.feed(b"abcd")
    in_chunks.feed(b"4;x=y\r\nabcd\r\n3\r\nef")
    open_ended.feed(b"abcde")

    assert (by_length.size, in_chunks.size, open_ended.size) == (4, 6, 5)


@pytest.mark.parametrize(
    ("length", "data", "is_end"),
    [
        pytest.param(3, b"abc", True, id="length-reached"),
        pytest.param(3, b"ab", False, id="length-not-reached"),
        pytest.param(CHUNKED, b"3\r\nabc\r\n0\r\n\r\n", True, id="last-chunk"),
        pytest.param(CHUNKED, b"3\r\nabc\r\n0\r\n", False, id="no-empty-line"),
        pytest.param(CHUNKED, b"3\r\nabc\r\n", False, id="no-last-chunk"),
        pytest.param(CHUNKED, b"3\r\nab", False, id="within-a-chunk"),
        pytest.param(UNTIL_CLOSE, b"abc", True, id="until-close"),
    ],
)
def test_the_end_of_a_connection_ends_only_what_has_no_other_end(
    length: int, data: bytes, is_end: bool
) -> None:
    """Section 8: anything else is not whole."""
    reader = reader_of(length)
    reader.feed(data)

    assert reader.feed_eof() is is_end
    assert reader.is_done is is_end


def test_a_body_until_close_takes_everything() -> None:
    """Also what looks like an answer of its own."""
    assert UntilCloseReader().feed(b"HTTP/1.1 200 OK\r\n\r\n") == b"HTTP/1.1 200 OK\r\n\r\n"


# In chunks

CHUNKS = [
    pytest.param(b"0\r\n\r\n", (b"", [], b""), id="empty"),
    pytest.param(b"3\r\nabc\r\n0\r\n\r\n", (b"abc", [], b""), id="one"),
    pytest.param(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", (b"abcde", [], b""), id="two"),
    pytest.param(b"A\r\n0123456789\r\n0\r\n\r\n", (b"0123456789", [], b""), id="capital-size"),
    pytest.param(b"a\r\n0123456789\r\n0\r\n\r\n", (b"0123456789", [], b""), id="small-size"),
    pytest.param(b"003\r\nabc\r\n000\r\n\r\n", (b"abc", [], b""), id="leading-zeros"),
    pytest.param(b"%015x\r\nabc\r\n0\r\n\r\n" % 3, (b"abc", [], b""), id="15-digits"),
    pytest.param(b"4\r\n\r\n\r\n\r\n0\r\n\r\n", (b"\r\n\r\n", [], b""), id="line-ends-for-content"),
    pytest.param(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", (b"0\r\n\r\n", [], b""), id="a-last-chunk-for-content"),
    pytest.param(b"3;a\r\nabc\r\n0;b\r\n\r\n", (b"abc", [], b""), id="extensions"),
    pytest.param(b'3;a=b; c="d;e\\"";;\r\nabc\r\n0\r\n\r\n', (b"abc", [], b""), id="extension-with-value"),
    pytest.param(b"3;\t \xff\r\nabc\r\n0\r\n\r\n", (b"abc", [], b""), id="extension-above-ascii"),
    pytest.param(b"0\r\nA: b\r\n\r\n", (b"", [(b"A", b"b")], b""), id="trailer"),
    pytest.param(
        b"0\r\nA: b\r\na:\r\n\r\n", (b"", [(b"A", b"b"), (b"a", b"")], b""), id="trailers-in-their-order"
    ),
    pytest.param(b"0\r\n\r\nGET /", (b"", [], b"GET /"), id="more-behind"),
    pytest.param(b"0\r\n\r\n\r\n", (b"", [], b"\r\n"), id="an-empty-line-behind"),
    pytest.param(b"0\r\nA: b\r\n\r\nGET /", (b"", [(b"A", b"b")], b"GET /"), id="more-behind-trailers"),
    pytest.param(b"1\r\na\r\n0\r\n\r\n0\r\n\r\n", (b"a", [], b"0\r\n\r\n"), id="another-last-chunk-behind"),
]

NO_CHUNKS = [
    pytest.param(b"\r\n", id="no-size"),
    pytest.param(b"g\r\n", id="no-digit"),
    pytest.param(b"-1\r\n", id="negative"),
    pytest.param(b"+1\r\na", id="plus"),
    pytest.param(b"0x1\r\na", id="0x"),
    pytest.param(b"0X1\r\na", id="0X"),
    pytest.param(b"1_0\r\n", id="underscore"),
    pytest.param(b" 1\r\na", id="space-before"),
    pytest.param(b"1 \r\na", id="space-behind"),
    pytest.param(b"1\t\r\na", id="tab-behind"),
    pytest.param(b"1 ;a\r\na", id="space-before-an-extension"),
    pytest.param(b"1 1\r\n", id="space-within"),
    pytest.param(b"1\x0b\r\na", id="vertical-tab"),
    pytest.param(b"1\x00\r\na", id="nul"),
    pytest.param(b"1,1\r\n", id="comma"),
    pytest.param(b"1h\r\n", id="suffix"),
    pytest.param(b"\xd9\xa1\r\na", id="arabic-digit"),
    pytest.param(b"1000000000000000\r\n", id="16-digits"),
    pytest.param(b"0000000000000001\r\n", id="16-digits-of-zeros"),
    pytest.param(b"ffffffffffffffffffffffff0\r\n", id="overflow"),
    pytest.param(b"1\na", id="lf"),
    pytest.param(b"1\n\r\na", id="lf-before-the-line-end"),
    pytest.param(b"1\ra", id="cr"),
    pytest.param(b"1\r\r\na", id="cr-cr-lf"),
    pytest.param(b"1;a\nb\r\n", id="lf-in-an-extension"),
    pytest.param(b"1;a\rb\r\n", id="cr-in-an-extension"),
    pytest.param(b"1;a\x00\r\n", id="nul-in-an-extension"),
    pytest.param(b"1;\x1b\r\n", id="control-in-an-extension"),
    pytest.param(b"1\r\nab\r\n", id="longer-than-it-says"),
    pytest.param(b"2\r\na\r\n0\r\n\r\n", id="shorter-than-it-says"),
    pytest.param(b"1\r\na\n0\r\n\r\n", id="lf-behind-a-chunk"),
    pytest.param(b"1\r\na0\r\n\r\n", id="nothing-behind-a-chunk"),
    pytest.param(b"1\r\na\r0\r\n\r\n", id="cr-behind-a-chunk"),
    pytest.param(b"1\r\na\r\n\r\n0\r\n\r\n", id="an-empty-line-between-chunks"),
    pytest.param(b"0\r\n\n", id="lf-for-the-empty-line"),
    pytest.param(b"0\r\nA: b\n\n", id="lf-behind-a-trailer"),
    pytest.param(b"0\r\n\rX", id="cr-for-the-empty-line"),
    pytest.param(b"0\r\nA : b\r\n\r\n", id="space-before-the-colon-of-a-trailer"),
    pytest.param(b"0\r\n A: b\r\n\r\n", id="folded-trailer"),
    pytest.param(b"0\r\nA: b\r\n c\r\n\r\n", id="fold-in-a-trailer"),
    pytest.param(b"0\r\nA\r\n\r\n", id="trailer-without-a-colon"),
    pytest.param(b"0\r\n: b\r\n\r\n", id="trailer-without-a-name"),
    pytest.param(b"0\r\nA: \x00\r\n\r\n", id="nul-in-a-trailer"),
    pytest.param(b"0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", id="a-request-for-trailers"),
    pytest.param(b"0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", id="framing-for-trailers"),
    pytest.param(b"1;" + b"a" * LONGEST_CHUNK_LINE, id="extension-without-end"),
    pytest.param(b"0\r\nA: " + b"a" * LONGEST_TRAILERS, id="trailers-without-end"),
]


@pytest.mark.parametrize(("data", "read"), CHUNKS)
def test_chunks_are_taken_out_of_their_framing(data: bytes, read: Read) -> None:
    """Section 7.1: sizes in hexadecimal, extensions passed over, trailers kept, the rest left alone."""
    assert chunked(data) == read


@pytest.mark.parametrize("data", NO_CHUNKS)
def test_what_is_not_chunked_as_it_says_is_refused(data: bytes) -> None:
    """At once, whole or bytewise, and not when more of it comes."""
    with pytest.raises(BodyMalformedError):
        chunked(data)
    with pytest.raises(BodyMalformedError):
        fed(ChunkedReader(), in_pieces(data))


@pytest.mark.parametrize(("data", "read"), CHUNKS)
def test_no_split_in_two_or_three_changes_a_body(data: bytes, read: Read) -> None:
    """Wherever it is torn apart, and with an empty piece between."""
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1):
            assert fed(ChunkedReader(), [data[:first], data[first:second], data[second:]]) == read


@pytest.mark.parametrize(("data", "read"), CHUNKS)
def test_a_body_may_come_bytewise(data: bytes, read: Read) -> None:
    """As slow networks and attackers send it."""
    assert fed(ChunkedReader(), in_pieces(data)) == read


def test_a_body_is_not_whole_before_its_last_byte() -> None:
    """No beginning of it is taken for all of it, or refused."""
    data = b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n"

    assert [chunked(data[:length]) for length in range(len(data))] == [None] * len(data)


def test_content_is_given_away_as_it_comes() -> None:
    """Nothing waits for the end of its chunk."""
    reader = ChunkedReader()

    assert [reader.feed(piece) for piece in (b"8\r\nab", b"cd", b"efgh", b"\r\n1", b"\r\ni")] == [
        b"ab",
        b"cd",
        b"efgh",
        b"",
        b"i",
    ]


@pytest.mark.parametrize("length", [1, 7, 100_000], ids=lambda length: f"{length}-at-a-time")
def test_a_chunks_line_may_be_as_long_as_the_limit(length: int) -> None:
    """In whatever pieces it comes, line end included."""
    line = b"1;" + b"a" * (LONGEST_CHUNK_LINE - 4) + b"\r\n"
    end = b"b\r\n0\r\n\r\n"

    assert len(line) == LONGEST_CHUNK_LINE
    assert fed(ChunkedReader(), in_pieces(line + end, length)) == (b"b", [], b"")
    with pytest.raises(BodyMalformedError):
        fed(ChunkedReader(), in_pieces(b"0" + line + end, length))


@pytest.mark.parametrize("length", [7, 100_000], ids=lambda length: f"{length}-at-a-time")
def test_a_trailer_section_may_be_as_long_as_the_limit(length: int) -> None:
    """In whatever pieces it comes, the empty line included."""
    section = b"A: " + b"a" * (LONGEST_TRAILERS - 7) + b"\r\n\r\n"

    assert len(section) == LONGEST_TRAILERS
    assert fed(ChunkedReader(), in_pieces(b"0\r\n" + section, length)) is not None
    with pytest.raises(BodyMalformedError):
        fed(ChunkedReader(), in_pieces(b"0\r\nA" + section, length))


# Any body, in any pieces


EXTENSIONS = st.sampled_from([b"", b";a", b';b="c\\"d"', b"; e = f"])


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes, Fields]:
    """A body as it is sent, its content and its trailers."""
    contents = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=5))
    extensions = draw(st.lists(EXTENSIONS, min_size=6, max_size=6))
    trailers = draw(st.lists(st.sampled_from([(b"A", b"b"), (b"X-Sum", b"1;2"), (b"c", b"")]), max_size=3))
    style = draw(st.sampled_from([b"%x", b"%X", b"%04x"]))
    lines = [
        style % len(content) + extension + b"\r\n" + content + b"\r\n"
        for content, extension in zip(contents, extensions, strict=False)
    ]
    section = b"".join(b"%b: %b\r\n" % item for item in trailers)
    return b"".join(lines) + b"0" + extensions[5] + b"\r\n" + section + b"\r\n", b"".join(contents), trailers


@st.composite
def splits(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """*data* in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@settings(deadline=None, max_examples=200)
@given(st.data(), chunked_bodies(), st.binary(max_size=10))
def test_any_chunked_body_is_read_the_same_in_any_pieces(
    data: st.DataObject, body: tuple[bytes, bytes, Fields], behind: bytes
) -> None:
    """Content, trailers, and what came behind it."""
    sent, content, trailers = body

    pieces = data.draw(splits(sent + behind))

    assert fed(ChunkedReader(), pieces) == (content, trailers, behind)


@settings(deadline=None, max_examples=300)
@given(
    st.data(),
    st.lists(
        st.sampled_from([b"0", b"1", b"a", b"f", b";", b"\r\n", b"\n", b"\r", b" ", b"x", b"A: b", b":"]),
        max_size=20,
    ),
)
def test_anything_is_read_or_refused_the_same_in_any_pieces(data: st.DataObject, tokens: list[bytes]) -> None:
    """What is no chunked body in one piece is none in others, nor the other way round."""
    sent = b"".join(tokens)

    def outcome(pieces: list[bytes]) -> Read | str | None:
        try:
            return fed(ChunkedReader(), pieces)
        except BodyMalformedError:
            return "refused"

    assert outcome(data.draw(splits(sent))) == outcome([sent])
