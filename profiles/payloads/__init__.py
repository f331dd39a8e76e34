"""Writes fields into a request's body: JSON, forms, multipart and XML, in whatever coding and charset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.message import Message
from typing import Any

from profiles.errors import PayloadNotInjectable, PayloadTooLarge
from profiles.payloads import codings, forms, json_bodies, multipart, xml_bodies
from profiles.placeholders import text_of
from profiles.requests import HeaderFields

PayloadFields = Sequence[tuple[str, Any]]
Writer = Callable[[bytes, Message, PayloadFields], bytes]

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


def text(value: Any) -> str:
    """A value as text, for places that hold nothing else."""
    return text_of("", value)


def inject(
    content: bytes, headers: HeaderFields, fields: PayloadFields, *, limit: int
) -> tuple[bytes, HeaderFields]:
    """The body with *fields* in it, and the header section that fits it.

    Raises PayloadTooLarge for a body over *limit* bytes, encoded or decoded, and PayloadNotInjectable.
    """
    if len(content) > limit:
        raise PayloadTooLarge(f"the body is larger than {limit} bytes")
    media_type = _message(headers)
    write = _writer_for(media_type, has_type=_field(headers, b"content-type") is not None)
    names = codings.parse(_field(headers, b"content-encoding"))
    try:
        plain = codings.decode(content, names, limit) if content else content
        written = codings.encode(write(plain, media_type, fields), names)
    except ValueError as error:
        raise PayloadNotInjectable(f"the {media_type.get_content_type()} body {error}") from None
    except RecursionError:
        raise PayloadNotInjectable("the body is nested too deeply") from None
    kept = tuple(item for item in headers if item[0].lower() not in _NO_LONGER_TRUE)
    return written, (*kept, (b"Content-Length", b"%d" % len(written)))


def _field(headers: HeaderFields, name: bytes) -> str | None:
    values = [value.decode("latin-1") for key, value in headers if key.lower() == name]
    return ", ".join(values) if values else None


def _message(headers: HeaderFields) -> Message:
    """The media type with its parameters (RFC 9110 section 8.3), read by the standard library."""
    message = Message()
    message["Content-Type"] = _field(headers, b"content-type") or ""
    return message


def _writer_for(media_type: Message, *, has_type: bool) -> Writer:
    if not has_type:
        raise PayloadNotInjectable("the request has no Content-Type that says how its body is written")
    name = media_type.get_content_type()
    if name == "application/json" or name.endswith("+json"):
        return json_bodies.write
    if name == "application/x-www-form-urlencoded":
        return forms.write
    if name == "multipart/form-data":
        return multipart.write
    if name in ("application/xml", "text/xml") or name.endswith("+xml"):
        return xml_bodies.write
    raise PayloadNotInjectable(f"a body of type {name} cannot take a field")
