"""Writes out what aliases in a YAML text stand for, so that it can stand alone; comments stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.editing.yaml_layout import Node, layout
from proxy.editing.yaml_lines import column_of
from proxy.editing.yaml_writing import entry, inline

_MERGE = "<<"


def without_aliases(text: str, value: Any) -> str:
    """*text*, which reads as *value* where its aliases are known, with each written out. Where that cannot be
    done it does not read as *value* afterwards."""
    root = layout(text)
    try:
        edits = list(_written_out(text, root, value)) if root is not None else []
    except (LookupError, TypeError, AttributeError):
        # A key that is no text, or a mapping that has been merged in a way of its own.
        return text
    for start, end, replacement in reversed(edits):
        text = text[:start] + replacement + text[end:]
    return text


def _written_out(text: str, node: Node, value: Any) -> Iterator[tuple[int, int, str]]:
    """The places of aliases, and what is to stand there, in their order."""
    if node.kind == "alias":
        yield node.start, node.end, inline(value)
    elif node.kind == "list":
        for index, (_, item) in enumerate(node.entries):
            yield from _written_out(text, item, value[index])
    elif node.kind == "mapping":
        named = {key.text for key, _ in node.entries if key is not None}
        for key, below in node.entries:
            if key is None or key.text != _MERGE:
                yield from _written_out(text, below, value[key.text if key else None])
                continue
            merged = {name: item for name, item in value.items() if name not in named}
            if node.is_flow:
                written = ", ".join(f"{inline(name)}: {inline(item)}" for name, item in merged.items())
            else:
                column = column_of(text, key.start)
                lines = (entry(inline(name, in_flow=False), item, column) for name, item in merged.items())
                written = f"\n{' ' * column}".join(lines)
            yield key.start, below.end, written
