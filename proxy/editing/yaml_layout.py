"""Where everything in a YAML document stands: its nodes, with their places in the text.

Built from the events of the very parser that reads configurations. A comment belongs to no node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the text, from its first character, which may be an anchor's or a tag's, to behind its last.

    `entries` are pairs of key and value for a mapping, and for a list those of None and item. `text` is a
    scalar's content.
    """

    kind: Literal["scalar", "mapping", "list", "alias"]
    start: int
    end: int
    is_flow: bool = False
    entries: tuple[tuple[Node | None, Node], ...] = ()
    text: str = ""

    @property
    def is_inline(self) -> bool:
        """Whether it stands on the line of its key, whatever is written there."""
        return self.kind in ("scalar", "alias") or self.is_flow


def layout(text: str) -> Node | None:
    """The root of *text*, or None where it is empty. It has to be one document that can be read."""
    events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            return _node(next(events), events, text)
    return None


def _node(event: Any, events: Iterator[Any], text: str) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return Node("alias", start, end)
    if isinstance(event, yaml.ScalarEvent):
        return Node("scalar", start, _end_of_scalar(start, end, text), text=str(event.value))
    is_flow = bool(event.flow_style)
    nodes: list[Node] = []
    for below in events:
        if isinstance(below, yaml.CollectionEndEvent):
            # A block collection is said to end where the next thing begins, comments in between included.
            end = _end_of(below) if is_flow or not nodes else nodes[-1].end
            break
        nodes.append(_node(below, events, text))
    if isinstance(event, yaml.SequenceStartEvent):
        return Node("list", start, end, is_flow, tuple((None, node) for node in nodes))
    return Node("mapping", start, end, is_flow, tuple(zip(nodes[::2], nodes[1::2], strict=True)))


def _end_of(event: Any) -> int:
    return int(event.end_mark.index)


def _end_of_scalar(start: int, end: int, text: str) -> int:
    """Without the line breaks behind a block scalar, unless it is said to keep them (`|+`)."""
    header = text[start:end].partition("\n")[0]
    return end if "+" in header and text[end - 1 : end] == "\n" else start + len(text[start:end].rstrip("\n"))
