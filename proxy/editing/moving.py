"""Takes a profile out of a configuration's text, to be a file of its own; the rest of the text stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.editing.yaml_aliases import without_aliases
from proxy.editing.yaml_edits import CannotRewrite, reads_as, rewritten
from proxy.editing.yaml_layout import Node, layout
from proxy.editing.yaml_lines import column_of, end_of_entry, line_end, line_start
from proxy.editing.yaml_writing import document

PROFILES = "profiles"


class Apart(NamedTuple):
    """Both texts, and whether the profile's has the comments that were there."""

    rest: str
    own: str
    has_comments: bool = True


def taken_out(text: str, tree: Mapping[str, Any], name: str) -> Apart:
    """*text* without the profile, and the profile's text as a file of its own has it, comments included, with
    those that stand right above it.

    *text* reads as *tree*, which has the profile, and it is a mapping or null. Raises CannotRewrite.
    """
    profile = tree[PROFILES][name] or {}
    others = {key: value for key, value in tree[PROFILES].items() if key != name}
    rest, own = _without_lines(text, name)
    # A section of which nothing is left reads as null.
    if not reads_as(rest, {**tree, PROFILES: others or None}):
        # As in `profiles: {orders: {...}}`, where it has no lines of its own.
        rest = rewritten(text, {**tree, PROFILES: others})
    if not reads_as(own, profile):
        own = without_aliases(own, profile)
    if reads_as(own, profile):
        return Apart(rest, own)
    return Apart(rest, document(profile), has_comments="#" not in own)


def _without_lines(text: str, name: str) -> tuple[str, str]:
    """Both texts by cutting out lines; what is not written in lines comes out wrong."""
    profiles = _entry(layout(text), PROFILES)
    found = _entry(profiles[1], name) if profiles is not None else None
    if found is None:
        raise CannotRewrite("the profile is not written out in it, but shared by an anchor (&name)")
    key, value = found
    column = column_of(text, key.start)
    end = end_of_entry(text, value.end, column)
    start = _start_of_comments(text, line_start(text, key.start), column)
    above = "".join(f"{line.strip()}\n" for line in text[start : line_start(text, key.start)].splitlines())
    return text[:start] + text[end:], above + _own_text(text, key, value, end)


def _start_of_comments(text: str, at: int, column: int) -> int:
    """Where the comments begin that end at *at* and stand at *column*, without an empty line between."""
    while at:
        above = line_start(text, at - 1)
        bare = text[above:at].lstrip(" ")
        if not bare.startswith("#") or at - above - len(bare) != column:
            break
        at = above
    return at


def _own_text(text: str, key: Node, value: Node, end: int) -> str:
    if value.is_inline:
        written = text[value.start : value.end]
        # On one line there is no comment to keep, and lines read better.
        return f"{written}\n" if "\n" in written else ""
    first = line_end(text, key.end)
    _, sign, about = text[key.end : first].partition("#")
    column = column_of(text, value.start)
    # What is indented less, as a quoted text may go on, says nothing by its indentation.
    lines = (
        line[column:] if not line[:column].strip(" ") else line.lstrip(" ")
        for line in text[first:end].split("\n")
    )
    return (f"#{about.rstrip()}\n" if sign else "") + "\n".join(lines)


def _entry(node: Node | None, name: str) -> tuple[Node, Node] | None:
    for key, value in node.entries if node is not None else ():
        if key is not None and key.text == name:
            return key, value
    return None
