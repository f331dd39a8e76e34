"""Writes plain values as YAML text, in the style of the examples and so that it reads back as what it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

INDENT = 2
LONGEST_ROW = 100
"""Characters: a longer mapping in a list, or list of scalars, is written one entry a line."""

_ENDLESS = 10**9


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _: Any) -> bool:
        """No anchors: the same value may stand in two places."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # What would be a line break in the file is an escape, so that a value stays on its line.
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def inline(value: Any, *, in_flow: bool = True) -> str:
    """*value* on one line; *in_flow*: so that it may stand in a flow collection too."""
    if in_flow or isinstance(value, (dict, list)):
        # In a list of one, because what is harmless alone may end a flow collection.
        return dumped([value], flow=True).removesuffix("\n")[1:-1]
    return dumped(value).removesuffix("...\n").removesuffix("\n")


def dumped(value: Any, *, flow: bool = False) -> str:
    """*value* as a document of its own."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=flow,
        width=_ENDLESS,
        allow_unicode=True,
        sort_keys=False,
    )
    return text


def document(settings: Mapping[str, Any]) -> str:
    """A whole file."""
    return "".join(entry(inline(key, in_flow=False), value, 0) + "\n" for key, value in settings.items())


def entry(key: str, value: Any, column: int) -> str:
    """`key: value` at *column*, which the first line is not indented to; *key* is YAML text."""
    if is_inline(value):
        return f"{key}: {inline(value, in_flow=False)}"
    below = " " * (column + INDENT)
    return "\n".join([f"{key}:", *(f"{below}{line}" for line in _lines(value, column + INDENT))])


def item(value: Any, column: int) -> str:
    """`- value` with its dash at *column*, which the first line is not indented to."""
    if is_inline(value) or (isinstance(value, dict) and _is_row(value)):
        return f"- {inline(value, in_flow=False)}"
    below = " " * (column + INDENT)
    first, *others = _lines(value, column + INDENT)
    return "\n".join([f"- {first}", *(f"{below}{line}" for line in others)])


def is_inline(value: Any) -> bool:
    """Whether it stands on the line of its key: a scalar, a short list of scalars, nothing at all."""
    if isinstance(value, list):
        return not any(isinstance(below, (dict, list)) for below in value) and _is_short(value)
    return not isinstance(value, dict) or not value


def _lines(value: Any, column: int) -> Iterator[str]:
    """A collection's entries; those of more than one line come indented but for their first."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield entry(inline(key, in_flow=False), below, column)
    else:
        for below in value:
            yield item(below, column)


def _is_row(value: Mapping[str, Any]) -> bool:
    return all(is_inline(below) for below in value.values()) and _is_short(value)


def _is_short(value: Any) -> bool:
    return len(inline(value)) <= LONGEST_ROW
