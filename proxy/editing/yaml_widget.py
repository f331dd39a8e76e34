"""The input for settings with names of the user's own at any depth: YAML text, its secrets encrypted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from proxy.editing.plain_values import same
from proxy.editing.reading import Reading
from proxy.editing.secret_settings import is_telling, shows_secret, visited_parameters
from proxy.editing.secret_texts import Seal, sealed_text
from proxy.editing.yaml_writing import dumped
from proxy.setting_keys import KeyPath
from proxy.yaml_documents import YamlSyntaxError, parse_document

KEPT_AS_IT_IS = "(kept as it is)"
"""For a number or a date under a telling name: it cannot be encrypted and stay one."""

_NAMES = re.compile(r"""([\w.-]+)["']?\s*[:=]\s*""")


@dataclass(frozen=True, slots=True)
class Yaml:
    """A mapping with names of the user's own, as YAML text; empty for none, `{}` for an empty one."""

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:
        if raw is None or raw is ...:
            return {name: ""}
        # What is no mapping is wrong there, and may be anything.
        is_wrong = not isinstance(raw, dict)
        shown = visited_parameters(raw, lambda item, _: _without_secret(item, seal), telling=is_wrong)
        return {name: dumped(shown)}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        entered = reading.entered(name)
        if not entered.strip():
            return raw if raw is None else ...
        try:
            document = parse_document(entered)
        except YamlSyntaxError as error:
            reading.report(name, f"line {error.fault.line} {error.fault.message}")
            reading.instead[name] = without_telling_lines(entered)
            return raw
        for fault in document.faults:
            reading.report(name, f"line {fault.line}: {fault.message}")
        read = self._written(document.value, reading, name, raw)
        if not same(read, document.value) or document.faults:
            reading.instead |= self.shown(read, name, reading.seal)
        return raw if same(read, raw) else read

    def _written(self, value: Any, reading: Reading, name: str, raw: Any) -> Any:
        def written(item: Any, path: KeyPath) -> Any:
            if item == KEPT_AS_IT_IS:
                return _kept_at(raw, path, reading, name)
            return (
                sealed_text(item, reading.seal) if isinstance(item, str) and shows_secret(item, ()) else item
            )

        return visited_parameters(value, written, telling=not isinstance(value, dict))


def without_telling_lines(text: str) -> str:
    """YAML that cannot be read, without what stands behind a telling name, or indented below it."""
    lines: list[str] = []
    inside: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if inside is not None and line.strip() and (indent > inside or line.lstrip().startswith("-")):
            continue
        inside = None
        telling = next((name for name in _NAMES.finditer(line) if is_telling(name[1])), None)
        if telling is not None:
            line, inside = line[: telling.end()].rstrip(), indent  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines)


def _without_secret(item: Any, seal: Seal) -> Any:
    if isinstance(item, str):
        return sealed_text(item, seal) if shows_secret(item, ()) else item
    return item if item is None or isinstance(item, bool) else KEPT_AS_IT_IS


def _kept_at(raw: Any, path: KeyPath, reading: Reading, name: str) -> Any:
    for step in path:
        try:
            raw = raw[step]
        except (LookupError, TypeError):
            raw = ...
    if raw is None or raw is ... or isinstance(raw, (str, dict, list)):
        reading.report(name, "holds a number or a date that was kept elsewhere: type it again")
        return None
    return raw
