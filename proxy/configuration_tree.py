"""The configuration between text and settings: plain values, where each stands, and what is wrong so far."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from profiles.errors import Problem
from proxy.setting_keys import KeyPath, dotted


class Position(NamedTuple):
    """Where a value was written: a line (from 1) of a file, or an environment variable or option."""

    file: Path | None = None
    line: int | None = None
    variable: str | None = None


class Positions:
    """Where every key of the configuration stands. Holds no value, and may be kept as long as one likes."""

    def __init__(self, by_path: Mapping[KeyPath, Position]) -> None:
        self._by_path = by_path

    def at(self, path: KeyPath) -> Position:
        """Where *path* stands; where its nearest parent stands if it is not written down itself."""
        # A list of one entry may be written as the entry alone (`match`), and then has no index.
        for steps in (path, tuple(step for step in path if step != 0)):
            if steps in self._by_path:
                return self._by_path[steps]
        return self.at(path[:-1]) if path else Position()

    def problem(self, message: str, key: str) -> Problem:
        """A problem with the dotted *key*, which need not be written down itself."""
        path = self._paths.get(key)
        parent = key
        while path is None and parent:
            # Keys can hold dots themselves, so the path is found by its dotted form and not by splitting.
            parent = parent.rpartition(".")[0]
            path = self._paths.get(parent) or self._paths.get(parent.replace(".0.", "."))
        file, line, variable = self.at(path or ())
        return Problem(message, key=key, file=file, line=line, variable=variable)

    @cached_property
    def _paths(self) -> dict[str, KeyPath]:
        return {dotted(path): path for path in self._by_path}


@dataclass(eq=False)
class ConfigurationTree:
    """What the files and the environment say, merged. Never shown: the values are the user's secrets."""

    data: dict[str, Any] = field(default_factory=dict, repr=False)
    by_path: dict[KeyPath, Position] = field(default_factory=dict, repr=False)
    problems: list[Problem] = field(default_factory=list)
    reported: set[KeyPath] = field(default_factory=set)
    """Paths that have had their problem: whatever else is found at or below them follows from it."""

    @property
    def positions(self) -> Positions:
        return Positions(self.by_path)

    def report(self, path: KeyPath, message: str, *, key: KeyPath | None = None) -> None:
        """Notes what is wrong at *path*, once; *key* where the problem is to be named by another path."""
        if any(path[:length] in self.reported for length in range(len(path) + 1)):
            return
        file, line, variable = self.positions.at(path)
        shown = dotted(path if key is None else key)
        self.problems.append(Problem(message, key=shown, file=file, line=line, variable=variable))

    def report_for_good(self, path: KeyPath, message: str) -> None:
        """Notes what is wrong at *path*, and takes anything else found there for its consequence."""
        self.report(path, message)
        self.reported.add(path)

    def value(self, path: KeyPath) -> Any:
        """What stands at *path*; None where nothing does."""
        node: Any = self.data
        for step in path:
            if isinstance(node, dict):
                node = node.get(step)
            elif isinstance(node, list) and isinstance(step, int) and step < len(node):
                node = node[step]
            else:
                return None
        return node

    def put(self, path: KeyPath, value: Any, position: Position) -> None:
        """Writes *value* at *path*, and the mappings and lists above it where there are none yet.

        A list index may be that of an entry or the next one; whatever else is on the way is replaced.
        """
        node: Any = self.data
        for depth, (step, below) in enumerate(itertools.pairwise(path), start=1):
            child = self.value(path[:depth])
            if not isinstance(child, (dict, list)):
                child = [] if isinstance(below, int) else {}
                _assign(node, step, child)
                self.by_path[path[:depth]] = position
            node = child
        _assign(node, path[-1], value)
        self.by_path[path] = position

    def texts(self) -> Iterator[tuple[KeyPath, str]]:
        """Every text in the tree. The tree may be written to between two of them."""
        yield from _texts(self.data, ())


def _assign(node: Any, step: str | int, value: Any) -> None:
    if isinstance(node, list) and step == len(node):
        node.append(value)
    else:
        node[step] = value


def _texts(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, dict):
        for key in list(node):
            yield from _texts(node[key], (*path, key))
    elif isinstance(node, list):
        for index in range(len(node)):
            yield from _texts(node[index], (*path, index))
