"""A token response's body with what its Content-Type says, read leniently: servers get this wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value

from profiles.model import ContentType
from profiles.payloads import charsets
from profiles.payloads.unfit import BodyUnfit

LONGEST_FIELD = 1000
"""Characters of a Content-Type or Content-Disposition that are looked at: the parser of their parameters
takes quadratic time, and an honest one is shorter."""

_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']""")
_WIDE = re.compile(r"utf.?(?:16|32)|ucs", re.IGNORECASE)

_KINDS: Mapping[str, ContentType] = {
    "application/x-www-form-urlencoded": ContentType.URLENCODED,
    "application/json": ContentType.JSON,
    "text/json": ContentType.JSON,
    "application/xml": ContentType.XML,
    "text/xml": ContentType.XML,
    "application/rss+xml": ContentType.RSS,
    "text/csv": ContentType.CSV,
    "application/csv": ContentType.CSV,
    "text/tab-separated-values": ContentType.CSV,
    "multipart/form-data": ContentType.FORM_DATA,
}


@dataclass(frozen=True, slots=True)
class Document:
    """`media_type` is in lower case, and empty where there is none. The repr shows no content."""

    media_type: str
    parameters: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The content decoded: by its byte order mark, by the charset parameter, by an XML declaration, as
        UTF-8, and where none of them is true as Latin-1, which has a character for every byte."""
        declared = _DECLARED.match(self.content[:200])
        for charset in (self.parameters.get("charset"), declared and declared[1].decode(), None):
            if charset and _WIDE.match(charset) and b"\x00" not in self.content:
                # Any bytes in pairs are UTF-16; but every answer has ASCII in it, and that has zeros there.
                continue
            try:
                return charsets.decode(self.content, charset).text
            except BodyUnfit:
                continue
        return self.content.decode("latin-1")


def parse_document(content: bytes, content_type: str | None) -> Document:
    """A body under its Content-Type. Never refuses: a Content-Type that is none is taken as missing."""
    name, parameters = parameters_of(content_type or "")
    return Document(name, parameters, content)


def parameters_of(value: str) -> tuple[str, Mapping[str, str]]:
    """The word that a Content-Type or Content-Disposition starts with, and its parameters."""
    if len(value) > LONGEST_FIELD:
        return "", {}
    message = Message()
    message["Content-Type"] = value
    (word, _), *parameters = message.get_params([("", "")])
    return str(word).lower(), {
        # The first of a name wins; a value in RFC 2231's encoding comes as a tuple.
        name.lower(): text if isinstance(text, str) else collapse_rfc2231_value(text)
        for name, text in reversed(parameters)
    }


def kind_of(media_type: str) -> ContentType | None:
    """The content type that a specific media type stands for; None for a generic or foreign one."""
    if media_type.startswith("application/vnd.oracle.adf."):
        return ContentType.ORACLE_ADF
    if media_type.startswith("multipart/"):
        return _KINDS.get(media_type, ContentType.RELATED)
    if media_type.endswith("+json"):
        return ContentType.JSON
    if media_type.endswith("+xml"):
        return _KINDS.get(media_type, ContentType.XML)
    return _KINDS.get(media_type)
