"""Reads one YAML document into plain values, together with the line on which every key stands.

Never constructs anything but text, numbers, booleans, dates, null, lists and mappings, and never quotes
the document: PyYAML's own errors come with a snippet of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.constructor import SafeConstructor

from proxy.setting_keys import KeyPath

MAX_DEPTH = 60
MAX_NODES = 2_000_000
"""Nodes after aliases are expanded: many times 10,000 profiles, and an end to a "billion laughs"."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = SafeConstructor()
_MERGE_TAG = "tag:yaml.org,2002:merge"

_SYNTAX = (
    ("mapping values are not allowed", "a colon stands where none may: check the indentation or quote it"),
    ("cannot start any token", "a value starts with a character that needs quotes, or a tab indents"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("another document", "there is a second document (after ---), and only one is read"),
    ("undefined alias", "a value that starts with * must be put in quotes"),
    ("second occurrence", "an anchor (&name) is defined twice"),
    ("tag", "a value that starts with ! must be put in quotes"),
    ("escape", "there is an unknown escape sequence in a double-quoted value"),
    ("',' or ']'", "a list that starts with [ is never closed"),
    ("',' or '}'", "a mapping that starts with { is never closed"),
    ("expected key", "the indentation does not fit the lines above"),
    ("block", "the indentation does not fit the lines above"),
    ("could not find expected ':'", "a colon is missing after the key"),
)  # fmt: skip
"""Part of PyYAML's problem, and what a newcomer makes of it."""


class Fault(NamedTuple):
    """Something wrong in the document: on which line (from 1), under which key, and what."""

    line: int
    message: str
    path: KeyPath = ()


class YamlSyntaxError(Exception):
    """The text is not one YAML document. `fault` says where; no part of the text is in it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class Document:
    """A document's values, the line of each, and faults that did not keep it from being read."""

    value: Any = field(default=None, repr=False)
    lines: dict[KeyPath, int] = field(default_factory=dict, repr=False)
    faults: list[Fault] = field(default_factory=list)


def parse_document(text: str) -> Document:
    """Reads *text*. `value` is None for an empty document. Raises YamlSyntaxError."""
    try:
        _check_size(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.reader.ReaderError:
        line = next((number for number, part in enumerate(text.splitlines(), 1) if not part.isprintable()), 1)
        raise YamlSyntaxError(Fault(line, "there is a character that YAML does not allow")) from None
    except yaml.MarkedYAMLError as error:
        raise YamlSyntaxError(_syntax_fault(error)) from None
    document = Document()
    if root is not None:
        _Reader(document).read_root(root)
    return document


def _check_size(text: str) -> None:
    # libyaml composes by recursion in C, which a few thousand brackets would bring down with a signal.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise YamlSyntaxError(Fault(line, "is nested too deeply"))


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or ""
    message = next(
        (plain for part, plain in _SYNTAX if part in problem), "the text does not read as YAML here"
    )
    return Fault(mark.line + 1 if mark else 1, f"is not valid YAML: {message}")


class _Reader:
    """Turns composed nodes into plain values, noting lines and faults on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = itertools.count(1)
        self._open: set[int] = set()

    def read_root(self, root: yaml.Node) -> None:
        self._document.lines[()] = root.start_mark.line + 1
        self._document.value = self._read(root, ())

    def _read(self, node: yaml.Node, path: KeyPath) -> Any:
        if next(self._count) > MAX_NODES:
            raise YamlSyntaxError(Fault(_line(node), "its aliases (*name) expand to too much"))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise YamlSyntaxError(Fault(_line(node), "an anchor (&name) contains its own alias (*name)"))
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._fault(node, "a value that starts with ! must be put in quotes", path)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, path)
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        try:
            return _CONSTRUCTOR.construct_object(node)
        # A date such as 2001-99-99 or an unknown !tag; both exceptions quote the value.
        except (yaml.YAMLError, ValueError):
            self._fault(node, "cannot be read as what it looks like: put it in quotes", path)
            return node.value

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            self._document.lines[*path, index] = _line(item)
            values.append(self._read(item, (*path, index)))
        return values

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, "a key must be text", path)
                continue
            # As it is written: a key `on` or `1` is meant as text, whatever YAML makes of it.
            key = str(key_node.value)
            if key_node.tag == _MERGE_TAG:
                continue
            if key in values:
                first = self._document.lines[*path, key]
                self._fault(key_node, f"is there twice, first on line {first}", (*path, key))
                continue
            self._document.lines[*path, key] = _line(key_node)
            values[key] = self._read(value_node, (*path, key))
        for merged in _merged_mappings(node):
            self._merge(merged, values, path)
        return values

    def _merge(self, node: yaml.Node, values: dict[str, Any], path: KeyPath) -> None:
        """`<<: *name`: what stands in the mapping itself wins over what is merged into it."""
        if not isinstance(node, yaml.MappingNode) or id(node) in self._open:
            self._fault(node, "<< takes a mapping, or a list of mappings", path)
            return
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key not in values and key_node.tag != _MERGE_TAG:
                self._document.lines[*path, key] = _line(key_node)
                values[key] = self._read(value_node, (*path, key))
        self._open.add(id(node))
        for merged in _merged_mappings(node):
            self._merge(merged, values, path)
        self._open.discard(id(node))

    def _fault(self, node: yaml.Node, message: str, path: KeyPath) -> None:
        self._document.faults.append(Fault(_line(node), message, path))


def _merged_mappings(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    for key, value in node.value:
        if key.tag == _MERGE_TAG:
            yield from value.value if isinstance(value, yaml.SequenceNode) else (value,)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
