"""What `grantproxy init --preset` writes: a profile that extends the preset, its blanks as comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from proxy.presets.catalogue import Blank, Preset

_WIDTH = 100
_COMMENT_COLUMN = 60


def preset_configuration(name: str, preset: Preset, *, in_folder: bool = False) -> str:
    """A configuration with one profile of the preset's name; *in_folder*: as a file of profiles.d has it."""
    indent = "" if in_folder else "    "
    head = [] if in_folder else ["profiles:", f"  {name}:"]
    lines = [
        *_commented(f"{preset.title}. {preset.description}"),
        f"# Read from {preset.page}",
        "#",
        "# What only you know is commented out: fill it in, then run `grantproxy check`.",
        "",
        *head,
        f"{indent}extends: {name}",
        *_section(preset.blanks, 0, indent),
        "",
        f"{indent}# What the preset says; a key that is written above wins:",
        *(f"{indent}# {line}" for line in _dumped(preset.profile).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def _section(blanks: Sequence[Blank], depth: int, indent: str, inner: str = "") -> Iterator[str]:
    """The blanks under one mapping; *inner* is the indentation after the comment sign.

    A section of optional blanks only is a comment from its head on: it may be left as it is.
    """
    seen: set[str] = set()
    for blank in blanks:
        key = blank.path[depth]
        if key in seen:
            continue
        seen.add(key)
        below = [other for other in blanks if other.path[depth] == key]
        if len(blank.path) == depth + 1:
            yield _line(blank, f"{indent}# {inner}{key}")
        elif inner or all(other.optional for other in below):
            yield f"{indent}# {inner}{key}:"
            yield from _section(below, depth + 1, indent, inner + "  ")
        else:
            yield f"{indent}{key}:"
            yield from _section(below, depth + 1, indent + "  ")


def _line(blank: Blank, start: str) -> str:
    example = blank.example
    if isinstance(example, list) and len(example) == 1 and isinstance(example[0], Mapping):
        example = example[0]  # `match` with one entry needs no list
    optional = "optional: " if blank.optional else ""
    return f"{f'{start}: {_inline(example)}':<{_COMMENT_COLUMN}}  # {optional}{blank.says}"


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _dumped(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _commented(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False))
