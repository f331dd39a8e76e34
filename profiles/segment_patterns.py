"""One label of a host, or one segment of a path, with captures or stars in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

MOST_CAPTURES = 2
"""In one label or segment: with more of them, the ways to divide a long text among them grow out of hand."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What stands for a capture: its characters, and the regular expression that holds it to its form."""

    characters: frozenset[str]
    pattern: str


@dataclass(frozen=True, slots=True)
class _Step:
    """One character of *characters* (None: any), or with `repeats` any number of them."""

    characters: frozenset[str] | None
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class SegmentPattern:
    """A compiled label or segment. `source` is its part of a regular expression."""

    source: str
    _steps: tuple[_Step, ...]
    _regex: re.Pattern[str]

    def matches(self, text: str) -> bool:
        """Whether the pattern means the literal *text*."""
        return self._regex.fullmatch(text) is not None

    def overlaps(self, other: SegmentPattern) -> bool:
        """Whether some text fits both: both are walked at once, as far as they agree on a character."""
        mine, theirs = self._steps, other._steps
        seen: set[tuple[int, int]] = set()
        todo = [(0, 0)]
        while todo:
            here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            i, j = here
            if i == len(mine) and j == len(theirs):
                return True
            if i < len(mine) and mine[i].repeats:
                todo.append((i + 1, j))
            if j < len(theirs) and theirs[j].repeats:
                todo.append((i, j + 1))
            if i < len(mine) and j < len(theirs) and _agree(mine[i], theirs[j]):
                todo.append((i + (not mine[i].repeats), j + (not theirs[j].repeats)))
        return False


def _agree(first: _Step, second: _Step) -> bool:
    if first.characters is None or second.characters is None:
        return True
    return not first.characters.isdisjoint(second.characters)


ANYTHING = SegmentPattern("[^/]+", (_Step(None), _Step(None, repeats=True)), re.compile("[^/]+"))
"""A whole label or segment that is not empty: `*`."""


def compile_segment(text: str, alphabet: Alphabet, *, literal: Callable[[str], str]) -> SegmentPattern | str:
    """Compiles `api-{tenant}` or `report-*.json`; a text without either comes back as *literal* spells it.

    Raises ValueError.
    """
    if text == "*":
        return ANYTHING
    without = CAPTURE.sub("", text)
    if "{" in without or "}" in without:
        raise ValueError("holds a brace that opens or closes no capture")
    parts = CAPTURE.split(text)
    if len(parts) == 1 and "*" not in text:
        return literal(text)
    if len(parts) > 2 * MOST_CAPTURES + 1:
        raise ValueError(f"holds more than {MOST_CAPTURES} captures between two of its separators")
    if len(parts) > 1 and "*" in text:
        raise ValueError("holds a capture and * between the same two separators")
    if any(not between for between in parts[2:-1:2]):
        raise ValueError("holds two captures with nothing between them")
    source = _starred(text, literal) if "*" in text else _capturing(parts, alphabet, literal)
    return SegmentPattern(source, tuple(_steps(parts, alphabet, literal)), re.compile(source))


def _starred(text: str, literal: Callable[[str], str]) -> str:
    """Stars as `fnmatch` translates them: what lies between two is taken where it first comes, and no
    other division is tried, so that the time grows with the length and not with a power of it."""
    first, *between, last = (re.escape(literal(piece)) for piece in text.split("*"))
    return first + "".join(f"(?>[^/]*?{piece})" for piece in between if piece) + "[^/]*" + last


def _capturing(parts: list[str], alphabet: Alphabet, literal: Callable[[str], str]) -> str:
    return "".join(
        f"(?P<{part}>{alphabet.pattern})" if index % 2 else re.escape(literal(part))
        for index, part in enumerate(parts)
    )


def _steps(parts: list[str], alphabet: Alphabet, literal: Callable[[str], str]) -> list[_Step]:
    steps: list[_Step] = []
    for index, part in enumerate(parts):
        if index % 2:
            steps += [_Step(alphabet.characters), _Step(alphabet.characters, repeats=True)]
            continue
        for number, piece in enumerate(part.split("*")):
            if number:
                steps.append(_Step(None, repeats=True))
            steps += [_Step(frozenset(character)) for character in literal(piece)]
    return steps
