"""Templates with placeholders: compiled when a profile is loaded, rendered with the values of a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"

_DOUBLE = re.compile(r"\{\{\s*(" + NAME + r")\s*\}\}")
_EITHER = re.compile(r"\{\{\s*(" + NAME + r")\s*\}\}|\{(" + NAME + r")\}")


class MissingValue(LookupError):  # noqa: N818  -- named for what is missing
    """Nothing gives the placeholder a value; `args[0]` is its name."""


@dataclass(frozen=True, slots=True, repr=False)
class Template:
    """Literal text and placeholders in turn: `parts` begins and ends with a literal.

    The repr shows the names only, because literal text may be a secret too.
    """

    parts: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Template({', '.join(self.parts[1::2])})"

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        return frozenset(self.parts[1::2])

    @property
    def literal(self) -> str | None:
        """The whole text where it holds no placeholder."""
        return self.parts[0] if len(self.parts) == 1 else None

    def render(self, values: Mapping[str, Any], escape: Callable[[str], str] = str) -> str:
        """The text with *values*, each escaped for the place it lands in. Raises MissingValue."""
        if len(self.parts) == 1:
            return self.parts[0]
        return "".join(
            escape(text_of(name, lookup(values, name))) if index % 2 else name
            for index, name in enumerate(self.parts)
        )

    def value(self, values: Mapping[str, Any]) -> Any:
        """The value itself, with its type, where the template is one placeholder and nothing else."""
        if len(self.parts) == 3 and not self.parts[0] and not self.parts[2]:
            return lookup(values, self.parts[1])
        return self.render(values)

    def masked(self, mask: str) -> str:
        """The text with *mask* in the place of every value."""
        return "".join(mask if index % 2 else part for index, part in enumerate(self.parts))


def compile_template(text: str, *, single: bool = False) -> Template:
    """Compiles `{{name}}`, and `{name}` too where *single* (in URLs). Raises ValueError."""
    pattern = _EITHER if single else _DOUBLE
    parts: list[str] = []
    end = 0
    for found in pattern.finditer(text):
        parts += [text[end : found.start()], next(name for name in found.groups() if name)]
        end = found.end()
    parts.append(text[end:])
    literals = parts[::2]
    if any("{{" in literal or "}}" in literal for literal in literals) or (
        single and any("{" in literal or "}" in literal for literal in literals)
    ):
        raise ValueError("holds braces that are no placeholder")
    return Template(tuple(parts))


def lookup(values: Mapping[str, Any], name: str) -> Any:
    """The value of a placeholder: `token.a.b` walks into the token response. Raises MissingValue."""
    value: Any
    if name.startswith("token."):
        value = values.get("token")
        for step in name.split(".")[1:]:
            value = _member(value, step)
    else:
        value = values.get(name)
    if value is None:
        raise MissingValue(name)
    return value


def _member(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and step.isdigit()
        and int(step) < len(value)
    ):
        return value[int(step)]
    return None


def text_of(name: str, value: Any) -> str:
    """A value as text: JSON's spelling for what is no string. Raises MissingValue for null."""
    if isinstance(value, str):
        return value
    if value is None:
        raise MissingValue(name)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
