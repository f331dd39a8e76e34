"""Messages in parts: `multipart/form-data` (RFC 7578) and `multipart/related` (RFC 2387)."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from typing import Any

import httpx

from profiles.content_types.codec import Answered, Codec, Parameters
from profiles.content_types.documents import JSON, decode_json
from profiles.content_types.feeds import decode_xml
from profiles.placeholders import text_of


def _encode_form_data(parameters: Parameters) -> tuple[bytes, str]:
    """A part for each parameter, without a file name."""
    for key in parameters:
        if not key.isprintable() or '"' in key:
            raise ValueError(f"{key!a} cannot be the name of a part")
    parts = [(key, (None, text_of(key, value).encode())) for key, value in parameters.items()]
    if not parts:
        raise ValueError("a form without a part cannot be sent")
    # httpx writes the same for any URL; nothing is sent here.
    request = httpx.Request("POST", "http://unused.invalid", files=parts)
    return request.read(), request.headers["Content-Type"]


def _encode_related(parameters: Parameters) -> tuple[bytes, str]:
    """One part, the root: the parameters as JSON."""
    document, _ = JSON.encode(parameters)
    message = MIMEMultipart("related", type="application/json", policy=policy.HTTP)
    message.attach(MIMEApplication(document, "json", _eight_bit, policy=policy.HTTP))
    head, _, body = message.as_bytes().partition(b"\r\n\r\n")
    fields = message_from_bytes(head, policy=policy.HTTP)
    return body, str(fields["Content-Type"])


def _eight_bit(message: Message) -> None:
    """HTTP carries bytes as they are (RFC 9112 section 2.1)."""
    message["Content-Transfer-Encoding"] = "binary"


def _decode_form_data(answered: Answered) -> Any:
    """The parts by their names, each as text."""
    named = ((part.get_param("name", header="content-disposition"), part) for part in _parts(answered))
    found = {name: _as_answered(part).text for name, part in named if isinstance(name, str)}
    if not found:
        raise ValueError("has no part with a name")
    return found


def _decode_related(answered: Answered) -> Any:
    """The root part: the one that `start` names, else the first (RFC 2387 section 3.2)."""
    parts = list(_parts(answered))
    start = answered.header.get_param("start")
    root = next((part for part in parts if start is not None and part["Content-ID"] == start), parts[0])
    content = _as_answered(root)
    try:
        return decode_json(content)
    except ValueError:
        return decode_xml(content)


def _parts(answered: Answered) -> Iterator[Message]:
    content_type = str(answered.header["Content-Type"])
    if answered.header.get_boundary() is None or not content_type.isascii() or "\n" in content_type:
        raise ValueError("is no message in parts")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii")
    message = message_from_bytes(head + answered.body)
    if not message.is_multipart():
        raise ValueError("is no message in parts")
    for part in message.get_payload():
        if isinstance(part, Message):
            yield part


def _as_answered(part: Message) -> Answered:
    payload = part.get_payload(decode=True)
    return Answered.of(payload if isinstance(payload, bytes) else b"", part.get("Content-Type"))


FORM_DATA = Codec(_encode_form_data, _decode_form_data)
RELATED = Codec(_encode_related, _decode_related)
