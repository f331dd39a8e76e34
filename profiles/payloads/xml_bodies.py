"""Fields in XML bodies, by dotted path of element names; no DTD, no entity, nothing external is read.

The document is not written anew: text is spliced into the client's own, so declaration, prefixes,
comments and white space stay as they are. Names are compared without their namespace; a created element
takes its parent's prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from profiles.payloads import charsets
from profiles.payloads.media_types import MediaType
from profiles.payloads.splicing import Edit, splice
from profiles.payloads.unfit import BodyUnfit, no_place
from profiles.placeholders import text_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_START_TAG = re.compile(rb"""<([^\s/>]+)(?:[^"'>]|"[^"]*"|'[^']*')*?(/?)>""")
_ATTRIBUTE = re.compile(rb"""\s([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
_DECLARED = re.compile(r"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 section 2.2 leaves out."""

_REFERENCES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)
"""White space as references, for a reader folds it (XML 1.0 sections 2.11 and 3.3.3)."""


def write(content: bytes, media_type: MediaType, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Sets each field's text, in every element that its path names, or in a new one. Raises BodyUnfit."""
    characters = charsets.decode(content, media_type.charset or _declared_charset(content))
    # Offsets are those of UTF-8, in which the parser is told to read whatever the declaration says.
    source = characters.text.encode()
    for key, value in fields:
        text = text_of(key, value)
        if NO_CHARACTER.search(text):
            raise BodyUnfit(f"cannot hold the value of {key}")
        source = splice(source, _edits(source, key, text.translate(_REFERENCES)))
    return characters.encode(source.decode(), "xmlcharrefreplace")


def _declared_charset(content: bytes) -> str | None:
    declared = _DECLARED.match(content[:200].replace(b"\x00", b"").decode("latin-1"))
    # The declaration itself has been read, so zeros in it tell the width better than its word.
    return declared[1] if declared and b"\x00" not in content[:4] else None


@dataclass(slots=True)
class _Element:
    """An element on the way of the path; offsets of its start tag and of its end tag."""

    start: int
    inner_start: int
    prefix: bytes
    name: bytes
    is_empty: bool
    end: int = 0
    children: list[_Element] = field(default_factory=list)


class _Path:
    """Collects the elements that a path names while the parser goes through the document."""

    def __init__(self, source: bytes, steps: Sequence[str]) -> None:
        self.root: _Element | None = None
        self._source = source
        self._steps = tuple(steps)
        self._open: list[_Element | None] = []
        self._parser: Any = XMLParser(target=self, encoding="utf-8", forbid_dtd=True)

    def read(self) -> _Element:
        """The root, with the children that are on the path. Raises BodyUnfit."""
        try:
            self._parser.feed(self._source)
            self._parser.close()
        except (ParseError, DefusedXmlException):
            raise BodyUnfit("is not XML that the proxy reads") from None
        assert self.root is not None
        return self.root

    def start(self, tag: str, _: dict[str, str]) -> None:
        local = tag.rpartition("}")[2]
        if not self._open:
            self.root = self._element()
            if len(self._steps) > 1 and self._steps[0] == local:
                self._steps = self._steps[1:]
            self._open.append(self.root)
            return
        parent, depth = self._open[-1], len(self._open) - 1
        if parent is None or depth >= len(self._steps) or self._steps[depth] != local:
            self._open.append(None)
            return
        element = self._element()
        parent.children.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        element = self._open.pop()
        if element is not None:
            element.end = element.inner_start if element.is_empty else self._parser.parser.CurrentByteIndex

    def steps(self) -> Sequence[str]:
        """The path below the root."""
        return self._steps

    def _element(self) -> _Element:
        start: int = self._parser.parser.CurrentByteIndex
        tag = _START_TAG.match(self._source, start)
        if tag is None:
            raise BodyUnfit("is not XML that the proxy reads")
        prefix, colon, _ = tag[1].rpartition(b":")
        return _Element(start, tag.end(), prefix + colon, tag[1], is_empty=bool(tag[2]))


def _edits(source: bytes, key: str, text: str) -> Iterator[Edit[bytes]]:
    steps = key.split(".")
    if not all(steps) or any(step.startswith("@") for step in steps[:-1]):
        raise no_place(key)
    path = _Path(source, steps)
    root = path.read()
    return _edits_below(source, root, path.steps(), key, text.encode())


def _edits_below(
    source: bytes, element: _Element, steps: Sequence[str], key: str, text: bytes
) -> Iterator[Edit[bytes]]:
    """What sets *text* at the end of *steps*, in every element of those names."""
    if not steps:
        yield _with_content(source, element, text, keep=False)
    elif steps[0].startswith("@"):
        yield _with_attribute(source, element, steps[0][1:], key, text)
    elif element.children:
        for child in element.children:
            yield from _edits_below(source, child, steps[1:], key, text)
    else:
        yield _with_content(source, element, _created(element, steps, key, text), keep=True)


def _created(element: _Element, steps: Sequence[str], key: str, text: bytes) -> bytes:
    """New elements, one in the other; a last step `@name` becomes an attribute of the innermost."""
    content = text
    attribute = b""
    for step in reversed(steps):
        if not _NAME.fullmatch(step.removeprefix("@")):
            raise no_place(key)
        if step.startswith("@"):
            attribute, content = b' %s="%s"' % (step[1:].encode(), text), b""
            continue
        name = element.prefix + step.encode()
        content = b"<%s%s>%s</%s>" % (name, attribute, content, name)
        attribute = b""
    return content


def _with_content(source: bytes, element: _Element, content: bytes, *, keep: bool) -> Edit[bytes]:
    """*content* in the place of what the element holds, or after it."""
    if element.is_empty:
        opened = source[element.start : element.inner_start - 2].rstrip()
        return Edit(element.start, element.inner_start, b"%s>%s</%s>" % (opened, content, element.name))
    return Edit(element.end if keep else element.inner_start, element.end, content)


def _with_attribute(source: bytes, element: _Element, name: str, key: str, text: bytes) -> Edit[bytes]:
    if not _NAME.fullmatch(name):
        raise no_place(key)
    for found in _ATTRIBUTE.finditer(source, element.start, element.inner_start):
        if found[1] == name.encode():
            return Edit(found.start(2), found.end(2), b'"%s"' % text)
    at = element.start + 1 + len(element.name)
    return Edit(at, at, b' %s="%s"' % (name.encode(), text))
