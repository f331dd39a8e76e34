"""The characters of a body: which charset they are in, and how they are written back in it."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from profiles.payloads.unfit import BodyUnfit

_BYTE_ORDER_MARKS = (
    # The longer first: UTF-32's begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""What Python calls a text encoding although no message is written in it."""


class Characters(NamedTuple):
    """A decoded body, and what it takes to encode it again."""

    text: str
    codec: str
    byte_order_mark: bytes

    def encode(self, text: str, errors: str = "strict") -> bytes:
        """*text* as this body was written. Raises BodyUnfit."""
        try:
            return self.byte_order_mark + text.encode(self.codec, errors)
        except UnicodeError:
            raise BodyUnfit("has a charset that cannot hold the field") from None


def decode(content: bytes, charset: str | None) -> Characters:
    """Decodes a body that begins with an ASCII character (JSON and XML do). Raises BodyUnfit.

    A byte order mark wins over *charset* (RFC 7303 section 3.2); without either it is UTF-8.
    """
    for mark, codec in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return Characters(_decoded(content[len(mark) :], codec), codec, mark)
    codec = codec_of(charset or _width_of(content))
    if codec in ("utf-16", "utf-32"):
        # Python would expect a mark, and write one; the first character shows where the zeros are.
        codec += "-be" if content[:1] == b"\x00" else "-le"
    return Characters(_decoded(content, codec), codec, b"")


def codec_of(charset: str) -> str:
    """Python's name of a charset. Raises BodyUnfit."""
    try:
        codec = codecs.lookup(charset).name if re.fullmatch(r"[\w.:+-]+", charset, re.ASCII) else ""
        # Python looks up hex, zip and the like too, but refuses to write text in them.
        "a".encode(codec or "undefined", "replace")
    except (LookupError, UnicodeError):
        codec = ""
    if not codec or codec in _NO_CHARSETS:
        raise BodyUnfit("has a charset that the proxy does not know")
    return "utf-8" if codec == "utf-8-sig" else codec


def _width_of(content: bytes) -> str:
    """What the zeros around the first two characters say (RFC 4627 section 3)."""
    zeros = content[:4].count(0)
    return "utf-8" if zeros == 0 else "utf-32" if zeros == 3 else "utf-16"


def _decoded(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec)
    except (UnicodeError, LookupError):
        raise BodyUnfit("is not in its charset") from None
