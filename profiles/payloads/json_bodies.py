"""Fields in JSON bodies (RFC 8259), by dotted path or JSON pointer (RFC 6901).

The document is not written anew: the field is spliced into the client's own text, so numbers of any
length, doubled members, escapes and white space stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from profiles.payloads import charsets
from profiles.payloads.media_types import MediaType
from profiles.payloads.splicing import Edit, splice
from profiles.payloads.unfit import BodyUnfit, no_place

_SPACE = re.compile(r"[ \t\n\r]*")
_DOTTED = re.compile(r"(?:[^.\\]|\\.)+(?:\.(?:[^.\\]|\\.)+)*")
_STEP = re.compile(r"(?:[^.\\]|\\.)+")
_POINTER = re.compile(r"(?:[^~]|~[01])+")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def write(content: bytes, media_type: MediaType, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Sets each field, creating the objects on its way. Raises BodyUnfit where the document has no place."""
    characters = charsets.decode(content, media_type.charset)
    text = characters.text if characters.text.strip(" \t\n\r") else "{}"
    for key, value in fields:
        steps = parse_steps(key)
        text = splice(text, _edits(text, _start_of(text), steps, _Member(key, value, characters.codec)))
    return characters.encode(text)


def parse_steps(key: str) -> list[str]:
    """The steps of a JSON pointer (starting with `/`) or of a dotted path, in which `\\.` is a dot."""
    if key.startswith("/"):
        if not _POINTER.fullmatch(key):
            raise no_place(key)
        return [step.replace("~1", "/").replace("~0", "~") for step in key[1:].split("/")]
    if not _DOTTED.fullmatch(key):
        raise no_place(key)
    return [re.sub(r"\\(.)", r"\1", step) for step in _STEP.findall(key)]


class _Member(NamedTuple):
    """What is written: its key as configured, its value, and the codec that has to hold it."""

    key: str
    value: Any
    codec: str

    def text(self, steps: Sequence[str]) -> str:
        """The value inside an object for each of *steps*."""
        text = self._spelt(self.value)
        for step in reversed(steps):
            text = f"{{{self._spelt(step)}:{text}}}"
        return text

    def named(self, steps: Sequence[str]) -> str:
        """The same as a member of an object that is there."""
        return f"{self._spelt(steps[0])}:{self.text(steps[1:])}"

    def _spelt(self, value: Any) -> str:
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except ValueError:
            raise no_place(self.key) from None
        try:
            text.encode(self.codec)
        except UnicodeError:
            # Half a surrogate pair, or a charset that lacks the character: JSON can escape either.
            return json.dumps(value, separators=(",", ":"))
        return text


def _refuse_constant(_: str) -> NoReturn:
    raise BodyUnfit("holds a number that JSON does not have")


# Numbers are not read: Python would stop at 4300 digits, and only their length is of interest.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)


def _end_of(text: str, at: int) -> int:
    try:
        return _DECODER.raw_decode(text, at)[1]
    except json.JSONDecodeError:
        raise BodyUnfit("is not JSON") from None


def _start_of(text: str) -> int:
    """Where the document's value starts, once all of it is known to be JSON."""
    start = _after_space(text, 0)
    if _after_space(text, _end_of(text, start)) != len(text):
        raise BodyUnfit("is not JSON")
    return start


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _edits(text: str, at: int, steps: Sequence[str], member: _Member) -> list[Edit[str]]:
    """What sets the value at the end of *steps*, from the value that starts at *at*."""
    if not steps:
        return [Edit(at, _end_of(text, at), member.text(()))]
    if text.startswith("{", at):
        return _edits_of_object(text, at, steps, member)
    if text.startswith("[", at):
        return _edits_of_array(text, at, steps, member)
    if text.startswith("null", at):
        return [Edit(at, at + 4, member.text(steps))]
    raise no_place(member.key)


def _edits_of_object(text: str, at: int, steps: Sequence[str], member: _Member) -> list[Edit[str]]:
    edits: list[Edit[str]] = []
    end = at + 1
    for name, start, value_end in _items(text, at, named=True):
        end = value_end
        if name == steps[0]:
            # Every one of that name: which of them a reader takes is open (RFC 8259 section 4).
            edits += _edits(text, start, steps[1:], member)
    if edits:
        return edits
    return [Edit(end, end, ("," if end > at + 1 else "") + member.named(steps))]


def _edits_of_array(text: str, at: int, steps: Sequence[str], member: _Member) -> list[Edit[str]]:
    items = list(_items(text, at, named=False))
    if steps[0] == "-":
        end = items[-1][2] if items else at + 1
        return [Edit(end, end, ("," if items else "") + member.text(steps[1:]))]
    if not _INDEX.fullmatch(steps[0]) or int(steps[0]) >= len(items):
        raise no_place(member.key)
    return _edits(text, items[int(steps[0])][1], steps[1:], member)


def _items(text: str, at: int, *, named: bool) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each value in the object or array at *at*, which is known to be JSON."""
    at = _after_space(text, at + 1)
    while text[at] not in "]}":
        name = ""
        if named:
            name, end = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, end) + 1)
        end = _end_of(text, at)
        yield name, at, end
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
