"""The text of an answer's first bytes, for patterns to be searched in: decoded as far as the bytes go."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable

import brotli
import zstandard

from profiles.payloads.charsets import codec_of
from profiles.payloads.media_types import parse_media_type
from profiles.payloads.unfit import BodyUnfit
from profiles.requests import HeaderFields

MOST_CODINGS = 4
"""Nobody codes a body more often."""

_ZSTD_STEP = 256
"""What one step gives cannot be bounded otherwise: four bytes of input can stand for 128 KiB."""

_ZSTD_WINDOW = 8 * 1024 * 1024
"""The largest that RFC 9659 section 3 lets a sender use."""


def text_of(headers: HeaderFields, body: bytes, limit: int) -> str:
    """The text of *body*, which may be cut anywhere: codings undone up to *limit* bytes, charset heeded.

    What is broken, unknown or no text is taken as it is.
    """
    codings = [
        name
        for value in _values(headers, b"content-encoding")
        for name in value.replace(" ", "").lower().split(",")
        if name not in ("", "identity")
    ]
    if len(codings) <= MOST_CODINGS and all(name in _DECODERS for name in codings):
        for name in reversed(codings):
            body = _DECODERS[name](body, limit) or body
    return body.decode(_codec_of(headers, body), "replace")


def _values(headers: HeaderFields, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name.lower() == wanted]


def _codec_of(headers: HeaderFields, body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for value in _values(headers, b"content-type"):
        try:
            charset = parse_media_type(value).charset
            return codec_of(charset) if charset else "utf-8-sig"
        except BodyUnfit:
            break
    return "utf-8-sig"


def _gunzip(body: bytes, limit: int) -> bytes:
    return _inflate(body, 31, limit)


def _undeflate(body: bytes, limit: int) -> bytes:
    # Some senders leave out the zlib wrapper (RFC 9110 section 8.4.1.2 note).
    has_wrapper = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _inflate(body, 15 if has_wrapper else -15, limit)


def _inflate(body: bytes, wbits: int, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    try:
        return inflater.decompress(body, limit)
    except zlib.error:
        return body


def _unbrotli(body: bytes, limit: int) -> bytes:
    decompressor = brotli.Decompressor()
    try:
        return bytes(decompressor.process(body, output_buffer_limit=limit))[:limit]
    except brotli.error:
        return body


def _unzstd(body: bytes, limit: int) -> bytes:
    inflater = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    plain = bytearray()
    for at in range(0, len(body), _ZSTD_STEP):
        if inflater.eof or len(plain) >= limit:
            break
        try:
            plain += inflater.decompress(body[at : at + _ZSTD_STEP])
        except zstandard.ZstdError:
            return bytes(plain)
    return bytes(plain[:limit])


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
