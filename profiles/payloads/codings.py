"""Content codings (RFC 9110 section 8.4): undone before a field is written, and put back after."""

from __future__ import annotations

import gzip
import zlib
from typing import Protocol, cast

import brotli
import zstandard

from profiles.errors import PayloadNotInjectable, PayloadTooLarge


class Inflater(Protocol):
    """What zlib's decompress objects offer."""

    eof: bool
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def parse(content_encoding: str | None) -> tuple[str, ...]:
    """The codings in the order in which they were applied. Raises PayloadNotInjectable for a strange one."""
    names = tuple(
        name
        for name in (part.strip().lower() for part in (content_encoding or "").split(","))
        if name and name != "identity"
    )
    for name in names:
        if name not in ("gzip", "x-gzip", "deflate", "br", "zstd"):
            raise PayloadNotInjectable("the body has a content coding that the proxy does not know")
    return names


def decode(content: bytes, names: tuple[str, ...], limit: int) -> bytes:
    """The body without its codings. Raises PayloadTooLarge past *limit*, ValueError for a broken one."""
    for name in reversed(names):
        try:
            content = _decoded(content, name, limit)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError):
            raise ValueError("is not in the coding that it names") from None
        if len(content) > limit:
            raise PayloadTooLarge(f"the decoded body is larger than {limit} bytes")
    return content


def encode(content: bytes, names: tuple[str, ...]) -> bytes:
    """The body in the codings that the client chose."""
    for name in names:
        match name:
            case "gzip" | "x-gzip":
                content = gzip.compress(content, mtime=0)
            case "deflate":
                content = zlib.compress(content)
            case "br":
                content = brotli.compress(content, quality=4)
            case "zstd":
                content = zstandard.ZstdCompressor().compress(content)
    return content


def _decoded(content: bytes, name: str, limit: int) -> bytes:
    """At most one byte more than *limit*, so that a bomb costs no memory."""
    match name:
        case "gzip" | "x-gzip":
            return _inflate(content, 31, limit)
        case "deflate":
            try:
                return _inflate(content, 15, limit)
            except zlib.error:
                # Some senders leave out the zlib wrapper (RFC 9110 section 8.4.1.2 note).
                return _inflate(content, -15, limit)
        case "br":
            return _brotli(content, limit)
        case _:
            with zstandard.ZstdDecompressor().stream_reader(content) as reader:
                return reader.read(limit + 1)


def _inflate(content: bytes, wbits: int, limit: int) -> bytes:
    inflater = cast("Inflater", zlib.decompressobj(wbits))
    plain = inflater.decompress(content, limit + 1)
    if not inflater.eof and len(plain) <= limit:
        raise EOFError
    return plain


def _brotli(content: bytes, limit: int) -> bytes:
    decompressor = brotli.Decompressor()
    plain = bytearray()
    # Small steps: what one step gives cannot be bounded otherwise.
    for start in range(0, len(content), 1024):
        plain += decompressor.process(content[start : start + 1024])
        if len(plain) > limit:
            return bytes(plain)
    if not decompressor.is_finished():
        raise EOFError
    return bytes(plain)
