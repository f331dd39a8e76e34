"""Writes fields into a request's body: JSON, forms, multipart and XML, in whatever coding and charset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from profiles.errors import PayloadNotInjectable, PayloadTooLarge
from profiles.payloads import codings, forms, json_bodies, multipart, xml_bodies
from profiles.payloads.media_types import MediaType, parse_media_type
from profiles.payloads.unfit import BodyUnfit
from profiles.requests import HeaderFields

PayloadFields = Sequence[tuple[str, Any]]
Writer = Callable[[bytes, MediaType, PayloadFields], bytes]

_NO_LONGER_TRUE = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"content-md5",
        b"digest",
        b"content-digest",
        b"repr-digest",
    }
)
"""Fields that describe the body as it was before."""


def inject(
    content: bytes, headers: HeaderFields, fields: PayloadFields, *, limit: int
) -> tuple[bytes, HeaderFields]:
    """The body with *fields* in it, and the header section that fits it.

    Raises PayloadTooLarge for a body over *limit* bytes, encoded or decoded, and PayloadNotInjectable.
    """
    if len(content) > limit:
        raise PayloadTooLarge(f"the body is larger than {limit} bytes")
    media_type = _media_type(headers)
    write = _writer_for(media_type)
    names = codings.parse(_field(headers, b"content-encoding"))
    try:
        plain, names = codings.decode(content, names, limit) if content else (content, names)
        written = codings.encode(write(plain, media_type, fields), names)
    except BodyUnfit as unfit:
        raise PayloadNotInjectable(f"the {media_type.name} body {unfit}") from None
    except RecursionError:
        raise PayloadNotInjectable(f"the {media_type.name} body is nested too deeply") from None
    kept = tuple(item for item in headers if item[0].lower() not in _NO_LONGER_TRUE)
    return written, (*kept, (b"Content-Length", b"%d" % len(written)))


def _field(headers: HeaderFields, name: bytes) -> str | None:
    values = [value.decode("latin-1") for key, value in headers if key.lower() == name]
    return ", ".join(values) if values else None


def _media_type(headers: HeaderFields) -> MediaType:
    given = _field(headers, b"content-type")
    if given is None:
        raise PayloadNotInjectable("the request has no Content-Type that says how its body is written")
    try:
        return parse_media_type(given)
    except BodyUnfit as unfit:
        raise PayloadNotInjectable(f"the request {unfit}") from None


def _writer_for(media_type: MediaType) -> Writer:
    if media_type.is_kind("+json", "application/json"):
        return json_bodies.write
    if media_type.is_kind("+xml", "application/xml", "text/xml"):
        return xml_bodies.write
    match media_type.name:
        case "application/x-www-form-urlencoded":
            return forms.write
        case "multipart/form-data":
            return multipart.write
        case name:
            raise PayloadNotInjectable(f"a body of type {name} cannot take a field")
