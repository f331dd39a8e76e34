"""Fields in XML bodies, by dotted path of element names; no DTD, no entity, nothing external is read.

Names are compared without their namespace, a created element takes its parent's. Comments outside the
root and the client's choice of prefixes are not kept; the document's meaning is.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from email.message import Message
from typing import Any
from xml.etree import ElementTree as ET

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from profiles.placeholders import text_of


def write(content: bytes, media_type: Message, fields: Sequence[tuple[str, Any]]) -> bytes:
    """Sets each field's text, in every element that its path names, or in a new one."""
    charset = media_type.get_param("charset")
    try:
        source: str | bytes = content.decode(str(charset)) if charset else content
        if isinstance(source, str):
            # The media type's charset wins over the declaration (RFC 7303 section 3.2).
            source = _without_declaration(source).encode()
        root = fromstring(source, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, UnicodeDecodeError, LookupError, ValueError):
        raise ValueError("is not XML that the proxy reads") from None
    for key, value in fields:
        _set(root, key, _text(key, value))
    for event, (prefix, uri) in _namespaces(source):
        if event == "start-ns" and not (prefix.startswith("ns") and prefix[2:].isdigit()):
            ET.register_namespace(prefix, uri)
    written: bytes = ET.tostring(root, encoding=str(charset or "utf-8"), xml_declaration=True)
    return written


def _without_declaration(text: str) -> str:
    text = text.lstrip("\ufeff")
    return text.partition("?>")[2] if text.startswith("<?xml") else text


def _namespaces(source: bytes) -> list[tuple[str, Any]]:
    # Parsed a second time: only iterparse tells prefixes. The first reading has refused every DTD.
    return list(ET.iterparse(io.BytesIO(source), events=("start-ns",)))  # noqa: S314


def _text(key: str, value: Any) -> str:
    text = text_of(key, value)
    if any(ord(character) < 32 and character not in "\t\n\r" for character in text):
        raise ValueError(f"cannot hold the value of {key}")
    return text


def _set(root: ET.Element, key: str, text: str) -> None:
    steps = key.split(".")
    if len(steps) > 1 and steps[0] == _local(root):
        steps = steps[1:]
    nodes = [root]
    for step in steps[:-1]:
        nodes = [child for node in nodes for child in _children(node, step)]
    last = steps[-1]
    if last.startswith("@"):
        for node in nodes:
            node.set(last[1:], text)
        return
    for element in [child for node in nodes for child in _children(node, last)]:
        for child in list(element):
            element.remove(child)
        element.text = text


def _children(node: ET.Element, name: str) -> list[ET.Element]:
    """The child elements of that name; a new one where there is none."""
    found = [child for child in node if _local(child) == name]
    if found:
        return found
    namespace = node.tag.partition("}")[0] + "}" if node.tag.startswith("{") else ""
    try:
        return [ET.SubElement(node, namespace + name)]
    except (TypeError, ValueError):
        raise ValueError(f"has no place for {name}") from None


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
