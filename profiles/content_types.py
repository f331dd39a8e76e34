"""How token requests are encoded and token responses decoded: one codec for each content type.

The source names ten content types; two are built. A further one is a `Codec` more in `CODECS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from profiles.model import ContentType
from profiles.placeholders import text_of

Parameters = Mapping[str, Any]


class Codec(NamedTuple):
    """One content type: `decode` raises ValueError for what is not written in it."""

    media_type: str
    encode: Callable[[Parameters], bytes]
    decode: Callable[[str], Any]


def _encode_urlencoded(parameters: Parameters) -> bytes:
    """Nested values as JSON text: the source calls the type "URL Encoded JSON"."""
    return urlencode([(key, text_of(key, value)) for key, value in parameters.items()]).encode("ascii")


def _decode_urlencoded(text: str) -> Any:
    pairs = parse_qsl(text.strip(), keep_blank_values=True, strict_parsing=True)
    if not pairs or any(
        not name or any(character in name for character in " <>{}\"'\r\n") for name, _ in pairs
    ):
        raise ValueError("is not urlencoded")
    return dict(pairs)


def _encode_json(parameters: Parameters) -> bytes:
    return json.dumps(dict(parameters), ensure_ascii=False).encode()


def _decode_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


CODECS: Mapping[ContentType, Codec] = {
    ContentType.URLENCODED: Codec(
        "application/x-www-form-urlencoded", _encode_urlencoded, _decode_urlencoded
    ),
    ContentType.JSON: Codec("application/json", _encode_json, _decode_json),
}


def encode(parameters: Parameters, content_type: ContentType) -> tuple[bytes, str]:
    """The body of a token request, and its media type."""
    codec = CODECS[content_type]
    return codec.encode(parameters), codec.media_type


def decode(body: bytes, media_type: str | None, expected: ContentType) -> Any:
    """A token response's body as plain data.

    Read by its own media type first; where that is missing, generic or wrong, as JSON (RFC 6749
    section 5.1) and as what the profile expects. Raises ValueError where nothing fits.
    """
    header = Message()
    header["Content-Type"] = media_type or ""
    text = _text(body, header.get_param("charset"))
    name = header.get_content_type() if media_type else ""
    own = next((codec for codec in CODECS.values() if codec.media_type == name), None)
    if name.endswith("+json"):
        own = CODECS[ContentType.JSON]
    candidates = [own, CODECS[ContentType.JSON], CODECS[expected], CODECS[ContentType.URLENCODED]]
    for codec in dict.fromkeys(candidate for candidate in candidates if candidate):
        try:
            return codec.decode(text)
        except ValueError:
            continue
    raise ValueError("is written in no way that the proxy reads")


def _text(body: bytes, charset: Any) -> str:
    try:
        return body.decode(str(charset) if charset else "utf-8-sig")
    except (LookupError, UnicodeDecodeError):
        return body.decode("latin-1")
