"""How token requests are encoded and token responses decoded: a codec for each content type of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from profiles.content_types import csv_rows, forms, json_documents, multipart, text_lines, xml_documents
from profiles.content_types.documents import Document, kind_of, parse_document
from profiles.content_types.parameters import Parameters, plain
from profiles.model import ContentType

DEEPEST = 64
"""Levels of a decoded answer: what is nested deeper is no token response, and would overflow its readers."""


class Codec(NamedTuple):
    """One content type.

    `encode` gives the body and its media type, and raises ValueError naming the parameter that cannot be
    written; `decode` raises ValueError for what is not written in this type.
    """

    encode: Callable[[Parameters], tuple[bytes, str]]
    decode: Callable[[Document], Any]


def _decode_part(part: Document) -> Any:
    """A part of a multipart answer: by its own media type, else as JSON, else its text."""
    kind = kind_of(part.media_type) or ContentType.JSON
    if kind in (ContentType.FORM_DATA, ContentType.RELATED):
        raise ValueError("is a multipart in a multipart")
    try:
        return CODECS[kind].decode(part)
    except ValueError:
        return part.text


CODECS: Mapping[ContentType, Codec] = {
    ContentType.URLENCODED: Codec(forms.encode_urlencoded, forms.decode),
    ContentType.JSON: Codec(json_documents.encode, json_documents.decode),
    ContentType.XML: Codec(xml_documents.encode, xml_documents.decode),
    ContentType.RSS: Codec(xml_documents.encode_rss, xml_documents.decode),
    ContentType.CSV: Codec(csv_rows.encode, csv_rows.decode),
    ContentType.TEXT: Codec(text_lines.encode, text_lines.decode),
    ContentType.TWITTER: Codec(forms.encode_twitter, forms.decode),
    ContentType.FORM_DATA: Codec(
        multipart.encode_form_data, lambda document: multipart.decode_form_data(document, _decode_part)
    ),
    ContentType.RELATED: Codec(
        multipart.encode_related, lambda document: multipart.decode_related(document, _decode_part)
    ),
    ContentType.ORACLE_ADF: Codec(json_documents.encode_adf, json_documents.decode_adf),
}


def encode(parameters: Parameters, content_type: ContentType) -> tuple[bytes, str]:
    """The body of a token request, and its media type. The same parameters give the same bytes.

    Raises ValueError naming the parameter that the type cannot hold, never its value.
    """
    return CODECS[content_type].encode(plain(parameters))


def decode(body: bytes, media_type: str | None, expected: ContentType) -> Any:
    """A token response's body as plain data; docs/profile-reference.md has the shape for each type.

    Read by its own media type where that is specific, and by the profile's where it is missing or
    generic. Where it is plainly wrong, the notations that cannot be taken for each other are tried. An
    answer that is no more than one word is that word. Raises ValueError where nothing fits.
    """
    document = parse_document(body, media_type)
    for read in _readers(document, expected):
        try:
            data = read(document)
        except (ValueError, RecursionError):
            continue
        if not _is_too_deep(data):
            return data
    raise ValueError("is written in no way that the proxy reads")


def _readers(document: Document, expected: ContentType) -> Iterable[Callable[[Document], Any]]:
    kinds = (
        kind_of(document.media_type),
        expected,
        ContentType.JSON,
        ContentType.XML,
        ContentType.URLENCODED,
    )
    return dict.fromkeys([*(CODECS[kind].decode for kind in kinds if kind), text_lines.decode_word])


def _is_too_deep(data: Any) -> bool:
    """Goes down level by level, because to recurse is what must not be done here."""
    level = [data]
    for _ in range(DEEPEST):
        level = [below for item in level for below in _below(item)]
        if not level:
            return False
    return True


def _below(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()
