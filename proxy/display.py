"""How commands speak: results on stdout, the rest on stderr; Rich on a terminal, else plain text."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

MASK = "••••"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """*text* without what a terminal acts on: an origin's answer must not move the cursor or hide a line."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def show_line(text: str = "", *, style: str | None = None) -> None:
    """One result line on stdout."""
    _show(sys.stdout, text, style)


def show_notice(text: str, *, style: str | None = None) -> None:
    """One line on stderr, for whoever watches: a warning, a hint, an error."""
    _show(sys.stderr, text, style)


def show_error(text: str) -> None:
    """What went wrong, as the last word of a command that fails."""
    _show(sys.stderr, f"grantproxy: {text}", "red")


def show_json(value: Any) -> None:
    """One JSON document on stdout, for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings: ruled on a terminal, aligned columns for everything else."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if _is_terminal(sys.stdout):
        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in cells:
            table.add_row(*row)
        Console(file=sys.stdout, markup=False, highlight=False, emoji=False).print(table, markup=False)
        return
    lines = [[column.upper() for column in columns], *cells]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _show(stream: TextIO, text: str, style: str | None) -> None:
    text = printable(text)
    if style is not None and _is_terminal(stream):
        # Rich leaves colours out by itself where NO_COLOR is set.
        console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True)
        console.print(text, style=style)
    else:
        stream.write(text + "\n")
