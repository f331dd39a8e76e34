"""application/xml and RSS 2.0: elements by name, without a DTD, an entity or anything external."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

import xmltodict
from defusedxml.ElementTree import fromstring

from profiles.content_types.documents import Document
from profiles.content_types.parameters import Parameters, unwritable
from profiles.payloads.xml_bodies import NO_CHARACTER
from profiles.placeholders import text_of


def encode(parameters: Parameters) -> tuple[bytes, str]:
    """The root `request` with an element for each parameter.

    A list is an element for each of its items (for an inner list, `item` elements), null an empty one. A
    key `@name` is an attribute, `#text` the text beside attributes. Raises ValueError for a key that is no
    XML name, and for control characters, which XML 1.0 does not have.
    """
    return _document({"request": _content(parameters, ())}), "application/xml"


def encode_rss(parameters: Parameters) -> tuple[bytes, str]:
    """The parameters as elements of one item, under the same rules as in `encode`."""
    # A channel has these three (RSS 2.0, "Required channel elements").
    channel = {"title": "request", "link": "", "description": "", "item": _content(parameters, ())}
    return _document({"rss": {"@version": "2.0", "channel": channel}}), "application/rss+xml"


def decode(document: Document) -> Any:
    """Elements by name, without namespace prefixes; repeated ones are a list, empty ones null.

    The root stands under its name and its members at the top too, so that both `access_token` and
    `response.access_token` find it; in a feed so do those of the channel and of the first item, which win.
    Beside an attribute (`@name`) an element's text is `#text`. Attributes of a namespace are left out.
    Raises ValueError for a DTD, and for an HTML page, which is XML at times and never a token response.
    """
    text = document.text.strip()
    try:
        root = fromstring(text, forbid_dtd=True)
    except ParseError:
        raise ValueError("is not XML") from None
    if _local(root.tag).lower() == "html":
        raise ValueError("is an HTML page")
    data = xmltodict.parse(text, postprocessor=_without_namespace)
    merged: dict[str, Any] = {}
    for level in _levels(data):
        merged |= level
    return merged


def _levels(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is found at the top: the root by its name, its members, and those of a feed's first item."""
    ((name, root),) = data.items()
    levels = [data, root]
    if name in ("rss", "RDF"):
        channel = _first(root, "channel")
        # RSS 1.0 has its items beside the channel.
        levels += [channel, _first(channel, "item") or _first(root, "item")]
    return [level for level in levels if isinstance(level, Mapping)]


def _first(element: Any, name: str) -> Any:
    child = element.get(name) if isinstance(element, Mapping) else None
    return child[0] if isinstance(child, list) else child


def _without_namespace(_: Any, key: str, value: Any) -> tuple[str, Any] | None:
    if key.startswith("@"):
        return None if ":" in key or key == "@xmlns" else (key, value)
    return key.rpartition(":")[2], value


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _document(tree: Mapping[str, Any]) -> bytes:
    # A reader turns a carriage return into a line feed unless it is a reference (XML 1.0 section 2.11).
    written: str = xmltodict.unparse(tree)
    return written.replace("\r", "&#13;").encode()


def _content(value: Any, path: tuple[str, ...]) -> Any:
    """A value as xmltodict writes it: a text, a mapping of children, or a list of either."""
    if isinstance(value, Mapping):
        return {key: _content(_checked(key, item, path), (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_content({"item": item} if isinstance(item, list) else item, path) for item in value] or ""
    key = ".".join(path)
    text = "" if value is None else text_of(key, value)
    if NO_CHARACTER.search(text):
        raise unwritable(key, "has a value with characters that XML does not have")
    return text


def _checked(key: str, value: Any, path: tuple[str, ...]) -> Any:
    """The value, where its key may stand in XML."""
    is_scalar = not isinstance(value, (Mapping, list))
    if key == "#text" and is_scalar:
        return value
    name = key[1:] if key.startswith("@") and is_scalar else key
    if not all(_is_name(part) for part in name.split(":", 1)):
        raise unwritable(".".join((*path, key)), "has a name that is none in XML")
    return value


def _is_name(text: str) -> bool:
    """Whether the parser takes it for an element's name, all of it."""
    try:
        return bool(fromstring(f"<{text}/>", forbid_dtd=True).tag == text)
    except (ParseError, ValueError):
        return False
