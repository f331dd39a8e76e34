"""Fields in application/x-www-form-urlencoded bodies: the client's other fields stay byte for byte."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

from profiles.payloads import charsets
from profiles.payloads.media_types import MediaType
from profiles.payloads.unfit import BodyUnfit
from profiles.placeholders import text_of


def write(content: bytes, media_type: MediaType, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Takes every field of our names out, however spelt, and puts ours at the end. Raises BodyUnfit."""
    codec = charsets.codec_of(media_type.charset or "utf-8")
    if string.printable.encode(codec, "replace") != string.printable.encode():
        # A form is ASCII (WHATWG URL section 5). Whoever read it as UTF-16 would see other fields than we do.
        raise BodyUnfit("has a charset that no form is written in")
    try:
        ours = [(key.encode(codec), text_of(key, value).encode(codec)) for key, value in fields]
        names = {key for key, _ in ours} | {key.encode() for key, _ in fields}
    except UnicodeError:
        raise BodyUnfit("has a charset that cannot hold the field") from None
    kept = [
        item
        for item in (content.split(b"&") if content else [])
        if unquote_to_bytes(item.partition(b"=")[0].replace(b"+", b" ")) not in names
    ]
    added = [f"{quote_plus(key)}={quote_plus(value)}".encode("ascii") for key, value in ours]
    return b"&".join([*kept, *added])
