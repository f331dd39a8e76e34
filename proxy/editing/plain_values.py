"""Compares plain values of YAML documents, where 1, 1.0 and true are three things."""

from __future__ import annotations

from collections.abc import Hashable
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
