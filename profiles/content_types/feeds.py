"""XML and RSS. Elements are members by their local names, so that JMESPath finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from profiles.content_types.codec import Answered, Codec, Parameters
from profiles.placeholders import text_of

DEEPEST = 64

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document can hold, not even escaped (XML 1.0 section 2.2)."""


def _encode_xml(parameters: Parameters) -> tuple[bytes, str]:
    return _document(f"<request>{''.join(_elements(parameters))}</request>"), "application/xml"


def _encode_rss(parameters: Parameters) -> tuple[bytes, str]:
    """Title, link and description are what RSS 2.0 demands of a channel."""
    channel = "<title>token request</title><link/><description/>"
    item = f"<item>{''.join(_elements(parameters))}</item>"
    document = f'<rss version="2.0"><channel>{channel}{item}</channel></rss>'
    return _document(document), "application/rss+xml"


def _document(root: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()


def _elements(members: Mapping[str, Any]) -> Iterator[str]:
    """An element for each member; nested mappings are nested elements, lists repeated ones."""
    for key, value in members.items():
        if not _NAME.fullmatch(key):
            raise ValueError(f"{key} is no name of an XML element")
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, Mapping):
                content = "".join(_elements(item))
            else:
                content = _text(key, "" if item is None else text_of(key, item))
            yield f"<{key}>{content}</{key}>"


def _text(key: str, text: str) -> str:
    if _NO_CHARACTER.search(text):
        raise ValueError(f"{key} holds a character that XML cannot hold")
    # A carriage return that is not escaped is read as a line feed (XML 1.0 section 2.11).
    return escape(text, {"\r": "&#13;"})


def decode_xml(answered: Answered) -> Any:
    """The root's members, and the root itself under its name: both `access_token` and
    `response.access_token` find the element. Attributes are members called `@name`.

    No document type is read, so no entity is expanded.
    """
    root = _root(answered)
    return _named(root, _value(root))


def _decode_rss(answered: Answered) -> Any:
    """The members of the first item, in front of what `decode_xml` finds."""
    root = _root(answered)
    found = _named(root, _value(root))
    item = next((element for element in root.iter() if _local(element.tag) == "item"), None)
    value = _value(item) if item is not None else None
    return {**found, **value} if isinstance(value, dict) else found


def _root(answered: Answered) -> Element:
    # With a charset from outside the declaration inside does not count (RFC 7303 section 3).
    source = answered.body if answered.charset is None else answered.text
    if not source.lstrip():
        raise ValueError("is no XML")
    try:
        root: Element = fromstring(source, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, UnicodeError):
        raise ValueError("is no XML") from None
    if _depth(root) > DEEPEST:
        raise ValueError("is nested too deeply")
    return root


def _depth(root: Element) -> int:
    depth, level = 0, [root]
    while level:
        depth += 1
        level = [child for element in level for child in element]
    return depth


def _named(root: Element, value: Any) -> dict[str, Any]:
    name = _local(root.tag)
    return {name: value, **value} if isinstance(value, dict) else {name: value}


def _value(element: Element) -> Any:
    """An element's text, or its members where it has any; what is repeated is a list."""
    members: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = _local(child.tag), _value(child)
        if name not in members:
            members[name] = value
        elif isinstance(members[name], list):
            members[name].append(value)
        else:
            members[name] = [members[name], value]
    text = element.text or ""
    if not members:
        return text
    if not len(element) and text.strip():
        members["#text"] = text
    return members


def _local(name: str) -> str:
    return name.rpartition("}")[2]


XML = Codec(_encode_xml, decode_xml)
RSS = Codec(_encode_rss, _decode_rss)
