"""multipart/form-data (RFC 7578) and multipart/related (RFC 2387)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from email.policy import HTTP
from typing import Any

import httpx

from profiles.content_types.documents import Document, kind_of, parameters_of, parse_document
from profiles.content_types.parameters import Parameters, texts

DecodePart = Callable[[Document], Any]

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,199}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046 section 5.1.1, but for the length, of which it allows 70."""
_FIRST_DELIMITER = re.compile(rb"\s{0,100}--([!-~]{1,200})\r?\n")
_INNER = re.compile(rb"content-type:\s*(?:multipart|message)/", re.IGNORECASE)
_ROOT = "<request>"


def encode_form_data(parameters: Parameters) -> tuple[bytes, str]:
    """A part for each parameter, its value as UTF-8 and without a media type of its own."""
    values = texts(parameters)
    boundary = _boundary_outside("\n".join([*values, *values.values()]))
    media_type = f"multipart/form-data; boundary={boundary}"
    if not values:
        return f"--{boundary}--\r\n".encode(), media_type
    request = httpx.Request(
        "POST",
        "http://localhost",
        headers={"Content-Type": media_type},
        files=[(key, (None, value)) for key, value in values.items()],
    )
    return request.read(), media_type


def encode_related(parameters: Parameters) -> tuple[bytes, str]:
    """One root part, the parameters as JSON, in ASCII because a part's default is 7bit."""
    content = json.dumps(parameters)
    boundary = _boundary_outside(content)
    media_type = f'multipart/related; boundary={boundary}; type="application/json"; start="{_ROOT}"'
    root = Message()
    root["Content-Type"] = "application/json"
    root["Content-ID"] = _ROOT
    root.set_payload(content)
    message = Message()
    message["Content-Type"] = media_type
    message.attach(root)
    return message.as_bytes(policy=HTTP).partition(b"\r\n\r\n")[2], media_type


def decode_form_data(document: Document, decode_part: DecodePart) -> Any:
    """Each part by its name: text, or what the part's own media type says. Of several the first wins.

    The members of a part that is the only one stand at the top too.
    """
    values: dict[str, Any] = {}
    for part in _parts(document):
        name = parameters_of(part.get("Content-Disposition", ""))[1].get("name")
        if name is None:
            raise ValueError("has a part without a name")
        values.setdefault(_utf8(name), _value_of(part, decode_part))
    if len(values) == 1:
        (only,) = values.values()
        return only | values if isinstance(only, dict) else values
    return values


def decode_related(document: Document, decode_part: DecodePart) -> Any:
    """The root part: the one that `start` names, else the first (RFC 2387 section 3.2), read by its own
    media type or by `type`."""
    parts = _parts(document)
    start = document.parameters.get("start")
    root = next((part for part in parts if start and part.get("Content-ID", "").strip() == start), parts[0])
    return decode_part(_document_of(root, document.parameters.get("type")))


def _parts(document: Document) -> list[Message]:
    """The parts, read as Latin-1, in which every byte is a character of the same number."""
    if _INNER.search(document.content):
        # The parser takes quadratic time for them.
        raise ValueError("holds a multipart in a multipart")
    boundary = document.parameters.get("boundary")
    first = _FIRST_DELIMITER.match(document.content)
    if boundary is None and first:
        boundary = first[1].decode("ascii")
    if boundary is None or not _BOUNDARY.fullmatch(boundary):
        raise ValueError("names no boundary")
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
    parts = Parser().parsestr(head + document.content.decode("latin-1")).get_payload()
    if not isinstance(parts, list) or not parts:
        raise ValueError("has no parts")
    return [part for part in parts if isinstance(part, Message)]


def _document_of(part: Message, otherwise: str | None = None) -> Document:
    content = part.get_payload(decode=True)
    return parse_document(content if isinstance(content, bytes) else b"", part.get("Content-Type", otherwise))


def _value_of(part: Message, decode_part: DecodePart) -> Any:
    document = _document_of(part)
    if kind_of(document.media_type):
        return decode_part(document)
    if "charset" in document.parameters:
        return document.text
    try:
        # RFC 7578 section 5.1.2. A value may begin with anything, so nothing is told from its first bytes.
        return document.content.decode()
    except UnicodeDecodeError:
        return document.text


def _utf8(name: str) -> str:
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def _boundary_outside(text: str) -> str:
    """A boundary that does not occur in *text*. Counted, not random, for the same request to be the same
    bytes; and no digest of the text, for it stands in a header and the text holds a password."""
    number = 0
    while (boundary := f"grantproxy-{number}") in text:
        number += 1
    return boundary
