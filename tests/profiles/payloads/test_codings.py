"""Content codings: undone and put back, bounded, and never half read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import PayloadNotInjectable, PayloadTooLarge
from profiles.payloads import codings

FORM = "application/x-www-form-urlencoded"


def deflate_raw(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(content) + deflater.flush()


def inflate_raw(content: bytes) -> bytes:
    return zlib.decompress(content, -15)


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def unzstd(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(content)


Code = Callable[[bytes], bytes]
CODINGS = [
    pytest.param("gzip", gzip.compress, gzip.decompress, id="gzip"),
    pytest.param("X-GZip", gzip.compress, gzip.decompress, id="x-gzip"),
    pytest.param("deflate", zlib.compress, zlib.decompress, id="deflate"),
    pytest.param("deflate", deflate_raw, inflate_raw, id="deflate-without-wrapper"),
    pytest.param("br", brotli.compress, brotli.decompress, id="br"),
    pytest.param("zstd", zstd, unzstd, id="zstd"),
    pytest.param("identity", bytes, bytes, id="identity"),
    pytest.param(
        "deflate, identity, gzip",
        lambda content: gzip.compress(zlib.compress(content)),
        lambda content: zlib.decompress(gzip.decompress(content)),
        id="several",
    ),
]
COMPRESSING = [param for param in CODINGS if param.id != "identity"]


@pytest.mark.parametrize(("name", "code", "decode"), CODINGS)
def test_field_is_written_under_the_coding(inject, name: str, code: Code, decode: Code) -> None:
    """The body is decoded, gets its field, and is coded as it was."""
    assert decode(inject(FORM, code(b"a=1"), ("k", "v"), coding=name)) == b"a=1&k=v"


@pytest.mark.parametrize(("name", "code", "decode"), COMPRESSING)
def test_empty_body_is_coded_too(inject, name: str, code: Code, decode: Code) -> None:
    """A document that is made for an empty body comes in the coding that the head promises."""
    written = inject(FORM, b"", ("k", "v"), coding=name)

    # Which deflate an empty body was in, nobody knows; the RFC's is with the wrapper.
    assert (zlib.decompress if name == "deflate" else decode)(written) == b"k=v"


@pytest.mark.parametrize(("name", "code", "decode"), COMPRESSING)
def test_body_that_grows_past_the_limit_is_refused(inject, name: str, code: Code, decode: Code) -> None:
    """A bomb is not unpacked further than the limit."""
    with pytest.raises(PayloadTooLarge):
        inject(FORM, code(bytes(5_000_000)), ("k", "v"), coding=name, limit=20_000)


@pytest.mark.parametrize(("name", "code", "decode"), COMPRESSING)
def test_body_of_exactly_the_limit_is_taken(inject, name: str, code: Code, decode: Code) -> None:
    """The limit itself is not over the limit."""
    assert (
        decode(inject(FORM, code(b"a" * 1000), ("k", "v"), coding=name, limit=1000)) == b"a" * 1000 + b"&k=v"
    )


@pytest.mark.parametrize(("name", "code", "decode"), COMPRESSING)
@pytest.mark.parametrize("cut", [1, 4])
def test_body_that_is_cut_short_is_refused(inject, name: str, code: Code, decode: Code, cut: int) -> None:
    """Half a body is not passed on as if it were the whole."""
    coded = code(b"a=1&b=" + bytes(range(32, 120)) * 40)

    with pytest.raises(PayloadNotInjectable, match="not in the coding"):
        inject(FORM, coded[:-cut], ("k", "v"), coding=name)


@pytest.mark.parametrize(("name", "code", "decode"), COMPRESSING)
def test_what_stands_behind_the_end_is_refused(inject, name: str, code: Code, decode: Code) -> None:
    """Nothing of a body is dropped without a word."""
    with pytest.raises(PayloadNotInjectable, match="not in the coding"):
        inject(FORM, code(b"a=1") + b"junk", ("k", "v"), coding=name)


@pytest.mark.parametrize(
    ("name", "code", "decode"), [param for param in CODINGS if param.id in ("gzip", "zstd")]
)
def test_several_members_are_one_body(inject, name: str, code: Code, decode: Code) -> None:
    """RFC 1952 and RFC 8878 let members and frames follow each other."""
    assert decode(inject(FORM, code(b"a=1&") + code(b"b=2"), ("k", "v"), coding=name)) == b"a=1&b=2&k=v"


@pytest.mark.parametrize(
    "name", ["compress", "aes128gcm", "gzip, unknown", "br;q=1", ", ".join(["gzip"] * 5)]
)
def test_coding_that_is_not_known_is_refused(inject, name: str) -> None:
    """What cannot be decoded cannot take a field; neither is a body unpacked without end."""
    with pytest.raises(PayloadNotInjectable, match="content coding"):
        inject(FORM, b"a=1", ("k", "v"), coding=name)


@settings(deadline=None)
@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.binary(max_size=200))
def test_no_bytes_raise_anything_but_refusals(inject, name: str, content: bytes) -> None:
    """Garbage under any coding is refused or taken."""
    try:
        inject(FORM, content, ("k", "v"), coding=name)
    except (PayloadNotInjectable, PayloadTooLarge):
        return


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd"]), max_size=3),
    st.binary(min_size=1, max_size=300),
)
def test_encoding_undoes_decoding(names: list[str], content: bytes) -> None:
    """Codings are taken off in the reverse of the order in which they were put on."""
    coded = codings.encode(content, tuple(names))

    assert codings.decode(coded, tuple(names), 1000) == (content, tuple(names))
