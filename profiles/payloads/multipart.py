"""Fields in multipart/form-data bodies (RFC 7578): the client's other parts stay byte for byte.

Read strictly: what two readers could take for different parts, or for parts of different names, is
refused, because the client's own field must not survive in either reading.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from profiles.payloads.media_types import MediaType, unquoted
from profiles.payloads.unfit import BodyUnfit
from profiles.placeholders import text_of

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_LINE = re.compile(rb"([!-9;-~]+):[ \t]*((?:[^\r\n\0]|\r\n[ \t])*)(?:\r\n(?![ \t])|\Z)")
_DISPOSITION = re.compile(r"form-data\s*", re.IGNORECASE)
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*', re.DOTALL)


def write(content: bytes, media_type: MediaType, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Takes every part of our names out and puts ours at the end. Raises BodyUnfit for a broken body."""
    boundary = media_type.parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise BodyUnfit("names no boundary")
    delimiter = b"--" + boundary.encode("ascii")
    preamble, parts, epilogue = _split(content, delimiter)
    names = {key for key, _ in fields}
    kept = [part for part in parts if names.isdisjoint(_spellings_of_name(part))]
    kept += [_part(key, text_of(key, value), delimiter) for key, value in fields]
    return preamble + b"".join(delimiter + part for part in kept) + delimiter + b"--" + epilogue


def _part(key: str, value: str, delimiter: bytes) -> bytes:
    try:
        body = value.encode()
        disposition = f'Content-Disposition: form-data; name="{_quoted(key)}"'.encode()
    except UnicodeEncodeError:
        raise BodyUnfit("cannot hold the field") from None
    if delimiter in body:
        raise BodyUnfit("has a boundary that occurs in the field's value")
    return b"\r\n" + disposition + b"\r\n\r\n" + body + b"\r\n"


def _split(content: bytes, delimiter: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Preamble, parts and epilogue. A part begins behind its delimiter and ends with the line break ahead of
    the next one (RFC 2046 section 5.1.1)."""
    if not content:
        return b"", [], b"\r\n"
    escaped = re.escape(delimiter)
    found = list(re.finditer(rb"(?:\A|(?<=\r\n))" + escaped + rb"(--)?[ \t]*(?=\r\n|\Z)", content))
    if not found or found[-1][1] is None or any(match[1] for match in found[:-1]):
        raise BodyUnfit("is not framed by its boundary")
    # Any other line that begins with the delimiter is one to readers who take a bare CR or LF for a line
    # break, or who compare no more than the beginning, as the RFC allows.
    if len(re.findall(rb"(?:\A|(?<=[\r\n]))" + escaped, content)) != len(found):
        raise BodyUnfit("can be read as different parts")
    parts = [content[one.end() : two.start()] for one, two in itertools.pairwise(found)]
    return content[: found[0].start()], parts, content[found[-1].end() :]


def _spellings_of_name(part: bytes) -> set[str]:
    """What readers may take for the part's name. Raises BodyUnfit unless it has one, given once."""
    head, separator, _ = part.partition(b"\r\n\r\n")
    if not separator:
        raise BodyUnfit("has a part without an end to its head")
    dispositions = []
    at = 2
    while at < len(head):
        line = _LINE.match(head, at)
        if line is None:
            raise BodyUnfit("has a part with a broken head")
        at = line.end()
        if line[1].lower() == b"content-disposition":
            dispositions.append(line[2])
    if len(dispositions) != 1:
        raise BodyUnfit("has a part without one Content-Disposition")
    name = _name_in(re.sub(rb"\r\n[ \t]+", b" ", dispositions[0]).decode("utf-8", "replace"))
    plain = unquoted(name)
    # Browsers write %22 for a quote, others a quoted pair.
    raw = name.strip('"')
    return {plain, raw, unquote(plain), unquote(raw)}


def _name_in(disposition: str) -> str:
    """The name parameter, as it is written."""
    found = _DISPOSITION.match(disposition)
    names = []
    at = found.end() if found else -1
    while 0 <= at < len(disposition):
        parameter = _PARAMETER.match(disposition, at)
        if parameter is None:
            break
        at = parameter.end()
        # name*, name*0: RFC 7578 section 4.2 forbids them, and some readers heed them.
        if parameter[1].lower().partition("*")[0] == "name":
            names.append(parameter)
    if at != len(disposition) or len(names) != 1 or "*" in names[0][1] or "=?" in names[0][2]:
        raise BodyUnfit("has a part whose name can be read in different ways")
    return names[0][2]


def _quoted(key: str) -> str:
    """A name as browsers quote it (WHATWG HTML, multipart/form-data encoding algorithm)."""
    return key.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
