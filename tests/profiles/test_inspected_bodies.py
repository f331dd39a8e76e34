"""What of an answer's first bytes a pattern is searched in."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.inspected_bodies import text_of

LIMIT = 64 * 1024
PLAIN = b'{"code": 601, "message": "' + "dépassé".encode() + b'"}'
# Of many blocks, and not to be pressed into a few bytes: each coding gives something before its end.
LONG = PLAIN + b"".join(b"%x," % (number * 2654435761 % 2**32) for number in range(20_000))


def raw_deflate(content):
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(content) + deflater.flush()


CODERS = [
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("x-gzip", gzip.compress, id="x-gzip"),
    pytest.param("GZip", gzip.compress, id="case"),
    pytest.param("deflate", zlib.compress, id="deflate"),
    pytest.param("deflate", raw_deflate, id="deflate-without-wrapper"),
    pytest.param("br", brotli.compress, id="br"),
    pytest.param("zstd", zstandard.ZstdCompressor().compress, id="zstd"),
    pytest.param("identity", bytes, id="identity"),
    pytest.param("gzip, br", lambda content: brotli.compress(gzip.compress(content)), id="two-codings"),
]


def coded(coding):
    return ((b"Content-Encoding", coding.encode()), (b"Content-Type", b"application/json"))


@pytest.mark.parametrize(("coding", "encode"), CODERS)
def test_codings_are_undone(coding, encode):
    """A compressed answer is read as its text."""
    assert text_of(coded(coding), encode(PLAIN), LIMIT) == PLAIN.decode()


@pytest.mark.parametrize(("coding", "encode"), CODERS[:6])
def test_a_coded_answer_that_was_cut_is_read_as_far_as_it_goes(coding, encode):
    """Only so much of an answer is held back, and the cut is where it is."""
    cut = encode(LONG)[:LIMIT]

    assert text_of(coded(coding), cut, LIMIT).startswith('{"code": 601')


@pytest.mark.parametrize(("coding", "encode"), CODERS)
def test_no_more_is_undone_than_the_limit(coding, encode):
    """An answer of zeros that unfolds to a hundred megabytes costs what any other does (hazard 17)."""
    bomb = encode(b"\0" * 10_000_000)[:LIMIT]

    assert len(text_of(coded(coding), bomb, LIMIT)) <= LIMIT


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        pytest.param((), "é".encode(), "é", id="utf-8-where-nothing-is-said"),
        pytest.param((), b"\xef\xbb\xbfa", "a", id="utf-8-with-mark"),
        pytest.param(
            ((b"Content-Type", b"text/html; charset=ISO-8859-1"),), b"\xe9", "é", id="charset-parameter"
        ),
        pytest.param(
            ((b"content-type", b'application/json;charset="utf-16-le"'),), b"a\0", "a", id="quoted-charset"
        ),
        pytest.param((), b"\xff\xfea\0", "a", id="utf-16-with-mark"),
        pytest.param(((b"Content-Type", b"a/b; charset=nonsense"),), b"a", "a", id="unknown-charset"),
        pytest.param(((b"Content-Type", b"a/b; charset=zip"),), b"a", "a", id="charset-that-is-none"),
        pytest.param(((b"Content-Type", b";;"),), b"a", "a", id="no-media-type"),
        pytest.param((), b"caf\xc3", "caf\ufffd", id="cut-inside-a-character"),
        pytest.param(((b"Content-Encoding", b"sdch"),), b"a", "a", id="unknown-coding"),
        pytest.param(((b"Content-Encoding", b"gzip"),), b"plain", "plain", id="coding-that-it-is-not-in"),
        pytest.param(((b"Content-Encoding", b"br"),), b"plain", "plain", id="not-brotli"),
        pytest.param(((b"Content-Encoding", b"zstd"),), b"plain", "plain", id="not-zstd"),
    ],
)
def test_the_text_is_as_the_header_section_says(headers, body, text):
    """Charset and coding count where they are known and true; else the bytes are searched as they are."""
    assert text_of(headers, body, LIMIT) == text


@pytest.mark.parametrize(("times", "undone"), [(4, True), (5, False)])
def test_nobody_codes_an_answer_five_times(times, undone):
    """Each coding costs a pass: more than four are not undone."""
    body = PLAIN
    for _ in range(times):
        body = gzip.compress(body)

    assert (text_of(coded(",".join(["gzip"] * times)), body, LIMIT) == PLAIN.decode()) is undone


@given(
    coding=st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"]),
    media_type=st.sampled_from([b"a/b", b"a/b; charset=utf-16", b"a/b; charset=x", b"a/b; charset=utf-7"]),
    body=st.binary(max_size=400),
)
@settings(max_examples=200, deadline=None)
def test_no_answer_is_an_error(coding, media_type, body):
    """Whatever an origin sends, there is a text to search in."""
    headers = ((b"Content-Encoding", coding.encode()), (b"Content-Type", media_type))

    assert isinstance(text_of(headers, body, LIMIT), str)
