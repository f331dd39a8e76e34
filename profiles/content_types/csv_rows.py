"""text/csv (RFC 4180): a header row and a row of values."""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import Any

from profiles.content_types.documents import Document
from profiles.content_types.parameters import Parameters, texts

DELIMITERS = ",;\t|"

_NO_NAME = re.compile(r"""[\x00-\x1f\x7f,;|<>{}\[\]="']""")


def encode(parameters: Parameters) -> tuple[bytes, str]:
    """The names, then the values; quoted where they have to be."""
    values = texts(parameters)
    out = io.StringIO(newline="")
    csv.writer(out).writerows([values.keys(), values.values()])
    return out.getvalue().encode(), "text/csv; charset=utf-8"


def decode(document: Document) -> Any:
    """The first row of values by the names in the header row; other rows are not looked at.

    The delimiter is the one of comma, semicolon, tab and bar that finds most columns. Raises ValueError
    for a header row that is none, or a row of values of another length.
    """
    text = document.text.strip("\r\n")
    rows = [row for row in (_first_two(text, delimiter) for delimiter in DELIMITERS) if row]
    if not rows:
        raise ValueError("is not a header row and a row of values")
    names, values = max(rows, key=lambda row: len(row[0]))
    return dict(zip(names, values, strict=True))


def _first_two(text: str, delimiter: str) -> tuple[list[str], list[str]] | None:
    """The header row and the first row of values, or None where this is not the delimiter."""
    try:
        rows = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 2))
    except csv.Error:
        return None
    if len(rows) < 2 or len(rows[0]) != len(rows[1]):
        return None
    names = [name.strip() for name in rows[0]]
    return None if any(not name or _NO_NAME.search(name) for name in names) else (names, rows[1])
