"""The lines of a YAML text: where they begin, and how far down an entry reaches."""

from __future__ import annotations


def line_start(text: str, at: int) -> int:
    """Where the line begins in which *at* is."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the next line begins."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def column_of(text: str, at: int) -> int:
    return at - line_start(text, at)


def begins_line(text: str, at: int) -> bool:
    """Whether nothing but spaces stands before it in its line."""
    return not text[line_start(text, at) : at].strip(" ")


def end_of_entry(text: str, end: int, column: int) -> int:
    """Where the line after an entry begins that ends at *end* and stands at *column*.

    Comments that are indented deeper belong to it.
    """
    # A block scalar that keeps its line breaks ends behind one.
    at = end if text[end - 1 : end] == "\n" else line_end(text, end)
    position = at
    while position < len(text):
        line = text[position : line_end(text, position)]
        position += len(line)
        bare = line.lstrip(" ")
        if bare.startswith("#") and len(line) - len(bare) > column:
            at = position
        elif line.strip():
            break
    return at
