"""Fields in JSON bodies (RFC 8259), by dotted path or JSON pointer (RFC 6901).

The rest of the document keeps its meaning to the digit: numbers are carried as the text they came in,
and members keep their order.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from email.message import Message
from typing import Any, NoReturn, Self

_PATH_STEP = re.compile(r"((?:[^.\\]|\\.)+)(?:\.|$)")


class _Number(float):
    """A number that is written back as it was read, whatever a float can hold of it."""

    __slots__ = ("source",)
    source: str

    def __new__(cls, source: str) -> Self:
        number = super().__new__(cls, 0.0)
        number.source = source
        return number

    def __repr__(self) -> str:
        return self.source


def write(content: bytes, media_type: Message, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Sets each field, creating the objects on its way. Raises ValueError where the document has no place."""
    encoding = _encoding_of(content, media_type)
    bom = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        document = _parse(content.decode(encoding)) if content.strip() else {}
    except (UnicodeDecodeError, json.JSONDecodeError, LookupError):
        raise ValueError("is not JSON") from None
    for key, value in fields:
        document = _with(document, parse_steps(key), value, key)
    written = _dumps(document)
    return bom + written.encode("utf-8" if encoding == "utf-8-sig" else encoding)


def parse_steps(key: str) -> list[str]:
    """The steps of a JSON pointer (starting with `/`) or of a dotted path, in which `\\.` is a dot."""
    if key.startswith("/"):
        return [step.replace("~1", "/").replace("~0", "~") for step in key[1:].split("/")]
    return [re.sub(r"\\(.)", r"\1", step) for step in _PATH_STEP.findall(key)]


def _encoding_of(content: bytes, media_type: Message) -> str:
    charset = media_type.get_param("charset")
    # RFC 8259 section 8.1 knows UTF-8 only; what a byte order mark or the zeros say is believed all the same.
    return str(charset) if charset else json.detect_encoding(content)


def _parse(text: str) -> Any:
    return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_refuse_constant)


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("holds a number that JSON does not have")


def _with(node: Any, steps: list[str], value: Any, key: str) -> Any:
    """*node* with the value at the end of *steps*; a missing node becomes an object."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if node is None:
        node = {}
    if isinstance(node, dict):
        node[step] = _with(node.get(step), rest, value, key)
        return node
    if isinstance(node, list):
        if step == "-":
            node.append(_with(None, rest, value, key))
            return node
        if step.isdigit() and int(step) < len(node):
            node[int(step)] = _with(node[int(step)], rest, value, key)
            return node
    raise ValueError(f"has no place for {key}")


def _dumps(document: Any) -> str:
    """JSON text. The standard encoder writes subclasses of float by float.__repr__, so numbers are marked
    and put back; the mark holds a character that JSON text holds escaped only."""
    numbers: list[str] = []

    def marked(node: Any) -> Any:
        if isinstance(node, _Number):
            numbers.append(node.source)
            return "\x00"
        if isinstance(node, dict):
            return {key.replace("\x00", "\x00\x00"): marked(item) for key, item in node.items()}
        if isinstance(node, list):
            return [marked(item) for item in node]
        return node.replace("\x00", "\x00\x00") if isinstance(node, str) else node

    text = json.dumps(marked(document), ensure_ascii=False, separators=(",", ":"))
    sources = iter(numbers)
    return re.sub(r'"\\u0000"', lambda _: next(sources), text).replace("\\u0000\\u0000", "\\u0000")
