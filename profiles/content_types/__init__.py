"""How token requests are encoded and token responses decoded: the ten content types of the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiles.content_types import documents, feeds, forms, lines, multiparts
from profiles.content_types.codec import Answered, Codec, Parameters
from profiles.model import ContentType

CODECS: Mapping[ContentType, Codec] = {
    ContentType.URLENCODED: forms.URLENCODED,
    ContentType.JSON: documents.JSON,
    ContentType.XML: feeds.XML,
    ContentType.RSS: feeds.RSS,
    ContentType.CSV: lines.CSV,
    ContentType.TEXT: lines.TEXT,
    ContentType.TWITTER: forms.TWITTER,
    ContentType.FORM_DATA: multiparts.FORM_DATA,
    ContentType.RELATED: multiparts.RELATED,
    ContentType.ORACLE_ADF: documents.ORACLE_ADF,
}

_SPECIFIC: Mapping[str, Codec] = {
    "application/x-www-form-urlencoded": forms.URLENCODED,
    "application/json": documents.JSON,
    "text/json": documents.JSON,
    "application/xml": feeds.XML,
    "text/xml": feeds.XML,
    "application/rss+xml": feeds.RSS,
    "text/csv": lines.CSV,
    "text/tab-separated-values": lines.CSV,
    "multipart/form-data": multiparts.FORM_DATA,
    "multipart/related": multiparts.RELATED,
}
"""What a media type says that says something: text/plain, text/html and application/octet-stream do not."""

_SUFFIXES: Mapping[str, Codec] = {"+json": documents.JSON, "+xml": feeds.XML}
"""RFC 6839 section 3."""


def encode(parameters: Parameters, content_type: ContentType) -> tuple[bytes, str]:
    """The body of a token request, and its media type.

    Raises ValueError, naming the key, for what the content type cannot hold.
    """
    return CODECS[content_type].encode(parameters)


def decode(body: bytes, media_type: str | None, expected: ContentType) -> Any:
    """A token response's body as plain data: mappings, lists, texts, numbers.

    Read by its own media type where that is specific; where it is missing, generic or wrong, as what the
    profile expects, then as JSON (RFC 6749 section 5.1), XML and a form. Raises ValueError if nothing fits.
    """
    answered = Answered.of(body, media_type)
    name = answered.media_type
    own = _SPECIFIC.get(name) or next(
        (codec for suffix, codec in _SUFFIXES.items() if name.endswith(suffix)), None
    )
    fallbacks = (CODECS[expected], documents.JSON, feeds.XML, forms.URLENCODED)
    for codec in dict.fromkeys((own, *fallbacks) if own is not None else fallbacks):
        try:
            return codec.decode(answered)
        except ValueError:
            continue
    raise ValueError("is written in no way that the proxy reads")
