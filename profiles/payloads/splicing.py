"""Changes to a document at places that are known, so that everything else stays as it was written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Edit[Text: (str, bytes)](NamedTuple):
    """`text` takes the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: Text


def splice[Text: (str, bytes)](source: Text, edits: Iterable[Edit[Text]]) -> Text:
    """*source* with *edits* made; they do not overlap."""
    pieces: list[Text] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [source[at : edit.start], edit.text]
        at = edit.end
    pieces.append(source[at:])
    return source[:0].join(pieces)
