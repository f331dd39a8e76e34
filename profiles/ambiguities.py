"""Finds profiles that claim the same requests with equal precision: none of them is the right one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from profiles.host_patterns import HostPattern, Precision
from profiles.path_patterns import Depth
from profiles.segment_patterns import ANYTHING, SegmentPattern
from profiles.selection import MatchRule


class Ambiguity(NamedTuple):
    """Two profiles that claim the same requests with equal precision."""

    first: str
    second: str
    rule: MatchRule


def ambiguities(entries: Iterable[tuple[str, MatchRule]]) -> list[Ambiguity]:
    """For each entry, the first of the others before it that some request fits as well."""
    roots: dict[Hashable, _Node] = defaultdict(_Node)
    found = []
    for name, rule in entries:
        root, steps = roots[rule.rank], _steps_of(rule)
        for other, other_rule in _overlapping(root, steps):
            if other != name and _claim_together(rule, other_rule):
                found.append(Ambiguity(other, name, rule))
                break
        _insert(root, steps, (name, rule))
    return found


class _Border(Enum):
    """Between host and path: no wildcard reaches across."""

    PATH = "/"


Step = str | SegmentPattern | Depth | _Border


def _steps_of(rule: MatchRule) -> list[Step]:
    """Host from its end, then path, as one row of steps."""
    return [*_host_steps(rule.host), _Border.PATH, *rule.path.segments]


def _host_steps(host: HostPattern) -> list[Step]:
    steps: list[Step] = list(reversed(host.labels))
    return [*steps, ANYTHING, Depth.ANY] if host.precision is Precision.WILDCARD else steps


@dataclass(slots=True)
class _Node:
    """A place in the tree of all steps. In one that `loops`, any further step but a border stays there."""

    loops: bool = False
    named: dict[str | _Border, _Node] = field(default_factory=dict)
    patterns: dict[str, tuple[SegmentPattern, _Node]] = field(default_factory=dict)
    """By the patterns' source."""
    deep: _Node | None = None
    entries: list[tuple[str, MatchRule]] = field(default_factory=list)


def _insert(node: _Node, steps: list[Step], entry: tuple[str, MatchRule]) -> None:
    for step in steps:
        if step is Depth.ANY:
            node.deep = node.deep or _Node(loops=True)
            node = node.deep
        elif isinstance(step, SegmentPattern):
            _, node = node.patterns.setdefault(step.source, (step, _Node()))
        else:
            node = node.named.setdefault(step, _Node())
    node.entries.append(entry)


def _overlapping(root: _Node, steps: list[Step]) -> list[tuple[str, MatchRule]]:
    """The entries of the tree that some host and path fits together with *steps*."""
    found: list[tuple[str, MatchRule]] = []
    seen: set[tuple[int, int]] = set()
    todo = [(root, 0)]
    while todo:
        node, index = todo.pop()
        if (id(node), index) in seen:
            continue
        seen.add((id(node), index))
        if node.deep is not None:
            todo.append((node.deep, index))
        if index == len(steps):
            found += node.entries
            continue
        step = steps[index]
        if step is Depth.ANY:
            todo.append((node, index + 1))
            todo += [(child, index) for child in _children(node)]
            continue
        if node.loops and step is not _Border.PATH:
            todo.append((node, index + 1))
        todo += [(child, index + 1) for child in _fitting(node, step)]
    return found


def _children(node: _Node) -> list[_Node]:
    """Where one more step leads that is no border."""
    named = [child for name, child in node.named.items() if name is not _Border.PATH]
    return named + [child for _, child in node.patterns.values()]


def _fitting(node: _Node, step: str | SegmentPattern | _Border) -> list[_Node]:
    if isinstance(step, SegmentPattern):
        named = [child for name, child in node.named.items() if isinstance(name, str) and step.matches(name)]
        return named + [child for pattern, child in node.patterns.values() if pattern.overlaps(step)]
    child = node.named.get(step)
    found = [] if child is None else [child]
    if isinstance(step, str):
        found += [below for pattern, below in node.patterns.values() if pattern.matches(step)]
    return found


def _claim_together(first: MatchRule, second: MatchRule) -> bool:
    """Whether scheme, port and method of some request fit both rules."""
    if None not in (first.scheme, second.scheme) and first.scheme != second.scheme:
        return False
    if None not in (first.port, second.port) and first.port != second.port:
        return False
    return not first.methods or not second.methods or bool(first.methods & second.methods)
