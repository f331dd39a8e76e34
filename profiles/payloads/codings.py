"""Content codings (RFC 9110 section 8.4): undone before a field is written, and put back after."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Protocol

import brotli
import zstandard

from profiles.errors import PayloadNotInjectable, PayloadTooLarge
from profiles.payloads.unfit import BodyUnfit

MOST_CODINGS = 4
"""Nobody codes a body more often; each one costs a pass over `payload_limit` bytes."""

_ZSTD_WINDOW = 8 * 1024 * 1024
"""The largest that RFC 9659 section 3 lets a sender use."""

_ZSTD_STEP = 256
"""What one step gives cannot be bounded otherwise: four bytes of input can stand for 128 KiB."""


def parse(content_encoding: str | None) -> tuple[str, ...]:
    """The codings in the order in which they were applied. Raises PayloadNotInjectable for a strange one."""
    names = tuple(
        name
        for name in (part.strip().lower() for part in (content_encoding or "").split(","))
        if name and name != "identity"
    )
    if len(names) > MOST_CODINGS:
        raise PayloadNotInjectable("the body has too many content codings")
    for name in names:
        if name not in ("gzip", "x-gzip", "deflate", "br", "zstd"):
            raise PayloadNotInjectable("the body has a content coding that the proxy does not know")
    return names


def decode(content: bytes, names: tuple[str, ...], limit: int) -> tuple[bytes, tuple[str, ...]]:
    """The body without its codings, and what `encode` is to put back.

    Raises PayloadTooLarge past *limit*, and BodyUnfit for what is broken or cut short.
    """
    found: list[str] = []
    for given in reversed(names):
        # Some senders leave out the zlib wrapper (RFC 9110 section 8.4.1.2 note).
        name = "raw-deflate" if given == "deflate" and not _has_zlib_wrapper(content) else given
        try:
            content = _DECODERS[name](content, limit)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError):
            raise BodyUnfit("is not in the coding that it names") from None
        if len(content) > limit:
            raise PayloadTooLarge(f"the decoded body is larger than {limit} bytes")
        found.append(name)
    return content, tuple(reversed(found))


def encode(content: bytes, names: tuple[str, ...]) -> bytes:
    """The body in the codings that the client chose."""
    for name in names:
        content = _ENCODERS[name](content)
    return content


class _Inflater(Protocol):
    """What a decompressor of one member or frame offers, zlib's and zstandard's alike."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def _has_zlib_wrapper(content: bytes) -> bool:
    """Whether a header of RFC 1950 section 2.2 stands in front."""
    return len(content) >= 2 and content[0] & 0x0F == 8 and int.from_bytes(content[:2]) % 31 == 0


def _gunzip(content: bytes, limit: int) -> bytes:
    """All members: several in a row are one body (RFC 1952 section 2.2)."""
    plain = bytearray()
    while content and len(plain) <= limit:
        inflater = zlib.decompressobj(31)
        plain += inflater.decompress(content, limit + 1 - len(plain))
        content = _behind(inflater, full=len(plain) > limit)
    return bytes(plain)


def _inflate(content: bytes, wbits: int, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    plain = inflater.decompress(content, limit + 1)
    if _behind(inflater, full=len(plain) > limit):
        raise EOFError
    return plain


def _unbrotli(content: bytes, limit: int) -> bytes:
    decompressor = brotli.Decompressor()
    plain = bytearray(decompressor.process(content, output_buffer_limit=limit + 1))
    while len(plain) <= limit and not decompressor.can_accept_more_data():
        plain += decompressor.process(b"", output_buffer_limit=limit + 1)
    if len(plain) <= limit and not decompressor.is_finished():
        raise EOFError
    return bytes(plain)


def _unzstd(content: bytes, limit: int) -> bytes:
    """All frames: several in a row are one body (RFC 8878 section 3)."""
    plain = bytearray()
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    at = 0
    while at < len(content) and len(plain) <= limit:
        frame = decompressor.decompressobj()
        while at < len(content) and not frame.eof and len(plain) <= limit:
            plain += frame.decompress(content[at : at + _ZSTD_STEP])
            at += _ZSTD_STEP
        at = min(at, len(content)) - len(_behind(frame, full=len(plain) > limit))
    return bytes(plain)


def _behind(inflater: _Inflater, *, full: bool) -> bytes:
    """What stands behind the member. Raises EOFError where it has no end, unless reading stopped *full*."""
    if not inflater.eof and not full:
        raise EOFError
    return inflater.unused_data


def _deflate_raw(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(content) + deflater.flush()


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": lambda content, limit: _inflate(content, 15, limit),
    "raw-deflate": lambda content, limit: _inflate(content, -15, limit),
    "br": _unbrotli,
    "zstd": _unzstd,
}
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": zlib.compress,
    "raw-deflate": _deflate_raw,
    "br": lambda content: brotli.compress(content, quality=4),
    "zstd": lambda content: zstandard.ZstdCompressor().compress(content),
}
