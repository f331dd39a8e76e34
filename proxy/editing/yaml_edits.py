"""Changes single values in a YAML text; whatever did not change stays as it was, byte for byte.

A library that loads a document and dumps it again hangs each comment on what stands before it: a setting that
is taken out takes the next one's comment along, and one that is added comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from proxy.editing.plain_values import aligned, same
from proxy.editing.yaml_layout import Node, layout
from proxy.editing.yaml_lines import begins_line, column_of, end_of_entry, line_start
from proxy.editing.yaml_writing import document, entry, inline, is_inline, item
from proxy.yaml_documents import YamlSyntaxError, parse_document


class CannotRewrite(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """The text is written in a way that cannot be changed piece by piece; it is still as it was."""


def rewritten(text: str, wanted: Mapping[str, Any], order: Sequence[str] = ()) -> str:
    """*text*, which holds a mapping or nothing, changed so that it reads as *wanted*.

    *order* is that of the keys of any mapping in it, as far as it has one: what is new comes after what
    stands before it there, else at the end. Raises CannotRewrite.
    """
    try:
        current = parse_document(text)
        root = layout(text)
    except YamlSyntaxError as error:
        raise CannotRewrite(f"its line {error.fault.line} {error.fault.message}") from None
    if current.faults:
        fault = current.faults[0]
        raise CannotRewrite(f"its line {fault.line} {fault.message}")
    edits = _Edits(text, {key: index for index, key in enumerate(order)})
    if root is not None and not isinstance(current.value, (dict, type(None))):
        raise CannotRewrite("it holds no mapping: no lines like `key: value`")
    if root is None or not any(key in wanted for key in current.value or ()):
        edits.whole(root, wanted)
    else:
        edits.change(root, current.value, dict(wanted), _Place(0, in_flow=root.is_flow))
    changed = edits.applied()
    if not reads_as(changed, wanted):
        raise CannotRewrite("it shares settings by anchors (&name), or has them in an unusual place")
    return changed


def reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    """Whether *text* is a document that holds *wanted* and nothing else."""
    try:
        read = parse_document(text)
    except YamlSyntaxError:
        return False
    return not read.faults and same({} if read.value is None else read.value, dict(wanted))


class _Place(NamedTuple):
    """Where a value stands: its key, or its dash, at a column."""

    column: int
    in_flow: bool
    key: Node | None = None


class _Edits:
    """Replacements in a text; those for one place stay in the order in which they were made."""

    def __init__(self, text: str, order: Mapping[str, int]) -> None:
        self._text = text
        self._order = order
        self._edits: list[tuple[int, int, str]] = []

    def applied(self) -> str:
        parts, end = [], 0
        for start, stop, replacement in sorted(self._edits, key=lambda edit: edit[:2]):
            parts += [self._text[end:start], replacement]
            end = max(end, stop)
        return "".join([*parts, self._text[end:]])

    def whole(self, root: Node | None, wanted: Mapping[str, Any]) -> None:
        """The document anew, below whatever comments there are."""
        written = document(wanted) or "{}\n"
        if root is None:
            separator = "" if not self._text or self._text.endswith("\n") else "\n"
            self._replace(len(self._text), len(self._text), separator + written)
        else:
            self._replace(root.start, root.end, written.removesuffix("\n"))

    def change(self, node: Node, old: Any, new: Any, place: _Place) -> None:
        """Changes *node*, which holds *old*, so that it holds *new*."""
        if same(old, new):
            return
        if node.kind == "mapping" and isinstance(old, dict) and isinstance(new, dict):
            if any(key is not None and key.text in new for key, _ in node.entries):
                self._change_mapping(node, old, new)
                return
        elif self._has_items(node) and isinstance(old, list) and isinstance(new, list) and old and new:
            self._change_list(node, old, new)
            return
        self._exchange(node, new, place)

    def _exchange(self, node: Node, new: Any, place: _Place) -> None:
        """Writes *new* in the place of all that *node* is."""
        if place.in_flow or (node.is_inline and is_inline(new)):
            # An empty value begins right behind its colon, or its dash.
            space = " " if self._text[node.start - 1 : node.start] in (":", "-") else ""
            written = self._in_the_same_quotes(node, new) or inline(new, in_flow=place.in_flow)
            self._replace(node.start, node.end, space + written)
        elif place.key is None:
            self._replace(node.start, node.end, item(new, place.column).removeprefix("- "))
        else:
            key = self._text[place.key.start : place.key.end]
            self._replace(place.key.start, node.end, entry(key, new, place.column))

    def _in_the_same_quotes(self, node: Node, new: Any) -> str | None:
        quote = self._text[node.start : node.start + 1]
        if quote not in ("'", '"') or not isinstance(new, str) or not new.isprintable():
            return None
        escaped = new.replace("'", "''") if quote == "'" else new.replace("\\", r"\\").replace('"', r"\"")
        return quote + escaped + quote

    def _change_mapping(self, node: Node, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        column = column_of(self._text, node.start)
        entries = [(key, value) for key, value in node.entries if key is not None]
        own = [key.text for key, _ in entries]
        for key, value in entries:
            if key.text in new and key.text in old:
                self.change(value, old[key.text], new[key.text], _Place(column, node.is_flow, key))
        gone = [name not in new and name != "<<" for name in own]
        self._take_out(node.is_flow, [(key.start, value.end) for key, value in entries], gone)
        for name, value in new.items():
            # What is merged in from elsewhere (`<<`) is there already, though not here.
            if name not in own and not (name in old and same(old[name], value)):
                _, before = entries[self._place_of(name, own, gone)]
                if node.is_flow:
                    self._replace(before.end, before.end, f", {inline(name)}: {inline(value)}")
                else:
                    self._insert_lines(before.end, column, entry(inline(name, in_flow=False), value, column))

    def _place_of(self, name: str, own: Sequence[str], gone: Sequence[bool]) -> int:
        """The entry after which *name* is to come."""
        kept = [index for index, is_gone in enumerate(gone) if not is_gone]
        if name not in self._order:
            return kept[-1]
        earlier = [index for index in kept if self._order.get(own[index], -1) < self._order[name]]
        return earlier[-1] if earlier else kept[0]

    def _change_list(self, node: Node, old: Sequence[Any], new: Sequence[Any]) -> None:
        items = [value for _, value in node.entries]
        starts = [start for start in self._starts_of_items(node) if start is not None]
        pairs, added = aligned(old, new)
        column = column_of(self._text, node.start)
        for before, after in pairs.items():
            self.change(items[before], old[before], new[after], _Place(column, node.is_flow))
        gone = [index not in pairs for index in range(len(items))]
        self._take_out(node.is_flow, list(zip(starts, [value.end for value in items], strict=True)), gone)
        for before, after in added:
            has_one_before = before >= 0 and not all(gone[: before + 1])
            if node.is_flow and has_one_before:
                self._replace(items[before].end, items[before].end, f", {inline(new[after])}")
            elif node.is_flow:
                start = starts[gone.index(False)]
                self._replace(start, start, f"{inline(new[after])}, ")
            elif before >= 0:
                self._insert_lines(items[before].end, column, item(new[after], column))
            else:
                start = line_start(self._text, starts[0])
                self._replace(start, start, f"{' ' * column}{item(new[after], column)}\n")

    def _take_out(self, is_flow: bool, spans: Sequence[tuple[int, int]], gone: Sequence[bool]) -> None:
        """Takes the entries that are *gone* out of their collection, in which at least one stays."""
        first = gone.index(False)
        has_own_line = begins_line(self._text, spans[0][0])
        if first and (is_flow or not has_own_line):
            # What stays comes to where the first one stood: behind the bracket, or the dash of a list.
            self._replace(spans[0][0], spans[first][0], "")
        for index, (start, end) in enumerate(spans):
            if not gone[index]:
                continue
            if is_flow and index > first:
                before = spans[index - 1][1]
                if "#" not in self._text[before:start]:
                    self._replace(before, end, "")
                else:
                    # A comment there is about the entry before; the comma behind that may stay.
                    self._replace(start, spans[index + 1][0] if index + 1 < len(spans) else end, "")
            elif not is_flow and (index > first or has_own_line):
                self._replace(
                    line_start(self._text, start),
                    end_of_entry(self._text, end, column_of(self._text, start)),
                    "",
                )

    def _insert_lines(self, end: int, column: int, text: str) -> None:
        """Writes an entry below the one that ends at *end*."""
        at = end_of_entry(self._text, end, column)
        line_break = "" if self._text[at - 1 : at] == "\n" else "\n"
        self._replace(at, at, f"{line_break}{' ' * column}{text}\n")

    def _starts_of_items(self, node: Node) -> list[int | None]:
        """Where each item begins, its dash included; None where more than a dash stands before it."""
        if node.is_flow:
            return [value.start for _, value in node.entries]
        dashes = [self._text[: value.start].rstrip(" ") for _, value in node.entries]
        return [
            len(before) - 1 if before.endswith("-") and begins_line(self._text, len(before) - 1) else None
            for before in dashes
        ]

    def _has_items(self, node: Node) -> bool:
        return node.kind == "list" and None not in self._starts_of_items(node)

    def _replace(self, start: int, end: int, text: str) -> None:
        self._edits.append((start, end, text))
