"""Compares plain values of YAML documents, where 1, 1.0 and true are three things."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Sequence
from typing import Any


def canonical(value: Any) -> Hashable:
    """Equal for values that a document would hold alike; the order of a mapping's keys says nothing."""
    if isinstance(value, dict):
        return "mapping", frozenset((key, canonical(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "list", tuple(canonical(item) for item in value)
    return type(value).__name__, repr(value)


def same(one: Any, other: Any) -> bool:
    """Whether both are the same in kind and content."""
    return canonical(one) == canonical(other)


def aligned(old: Sequence[Any], new: Sequence[Any]) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """Which of *old* became which of *new*, and after which of *old* (-1: before all) others come."""
    matcher = difflib.SequenceMatcher(
        a=[canonical(value) for value in old], b=[canonical(value) for value in new], autojunk=False
    )
    pairs: dict[int, int] = {}
    added: list[tuple[int, int]] = []
    for _, start, end, from_, to in matcher.get_opcodes():
        both = min(end - start, to - from_)
        pairs |= {start + index: from_ + index for index in range(both)}
        added += [(start + both - 1, index) for index in range(from_ + both, to)]
    return pairs, added
