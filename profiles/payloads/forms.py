"""Fields in application/x-www-form-urlencoded bodies: the client's other fields stay byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

from profiles.placeholders import text_of


def write(content: bytes, media_type: Message, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Takes every field of our names out, however spelt, and puts ours at the end."""
    charset = str(media_type.get_param("charset") or "utf-8")
    try:
        ours = [(key, text_of(key, value).encode(charset)) for key, value in fields]
        names = {key.encode(charset) for key, _ in fields}
    except (LookupError, UnicodeEncodeError):
        raise ValueError("has a charset that cannot hold the field") from None
    kept = [
        item
        for item in (content.split(b"&") if content else [])
        if unquote_to_bytes(item.partition(b"=")[0].replace(b"+", b" ")) not in names
    ]
    added = [f"{quote_plus(key.encode(charset))}={quote_plus(value)}".encode("ascii") for key, value in ours]
    return b"&".join([*kept, *added])
