"""Fields in multipart/form-data bodies (RFC 7578): the client's other parts stay byte for byte."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from email.message import Message
from typing import Any

from python_multipart.multipart import parse_options_header

from profiles.placeholders import text_of


def write(content: bytes, media_type: Message, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Takes every part of our names out and puts ours at the end. Raises ValueError for a broken body."""
    boundary = media_type.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 70:
        raise ValueError("names no boundary")
    delimiter = b"--" + boundary.encode("latin-1")
    preamble, parts, epilogue = _split(content, delimiter)
    names = {key for key, _ in fields}
    kept = [part for part in parts if _name_of(part) not in names]
    for key, value in fields:
        body = text_of(key, value).encode()
        if delimiter in body:
            raise ValueError("has a boundary that occurs in the field's value")
        disposition = f'Content-Disposition: form-data; name="{_quoted(key)}"'.encode()
        kept.append(b"\r\n" + disposition + b"\r\n\r\n" + body + b"\r\n")
    return preamble + b"".join(delimiter + part for part in kept) + delimiter + b"--" + epilogue


def _split(content: bytes, delimiter: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Preamble, parts and epilogue. A part begins behind its delimiter and ends with the line break ahead of
    the next one (RFC 2046 section 5.1.1)."""
    if not content:
        return b"", [], b"\r\n"
    found = list(
        re.finditer(rb"(?:\A|(?<=\r\n))" + re.escape(delimiter) + rb"(--)?[ \t]*(?=\r\n|\Z)", content)
    )
    if not found or found[-1][1] is None or any(match[1] for match in found[:-1]):
        raise ValueError("is not framed by its boundary")
    parts = [content[one.end() : two.start()] for one, two in itertools.pairwise(found)]
    return content[: found[0].start()], parts, content[found[-1].end() :]


def _name_of(part: bytes) -> str | None:
    """The name in a part's Content-Disposition, decoded from whatever spelling."""
    head, separator, _ = part.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("has a part without an end to its head")
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", head)
    for line in unfolded.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            _, options = parse_options_header(value.strip())
            found = options.get(b"name")
            return found.decode("utf-8", "replace").replace("%22", '"') if found is not None else None
    return None


def _quoted(key: str) -> str:
    """A name as browsers quote it (WHATWG HTML, multipart/form-data encoding algorithm)."""
    return key.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
