"""The input for settings with names of the user's own at any depth: YAML text, its secrets encrypted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from proxy.editing.plain_values import same
from proxy.editing.reading import Reading, normalised
from proxy.editing.secret_settings import is_telling, shows_secret, visited_parameters
from proxy.editing.secret_texts import HOLE, Seal, sealed_text, secret_looking, without_holes
from proxy.editing.yaml_writing import dumped
from proxy.setting_keys import KeyPath
from proxy.yaml_documents import YamlSyntaxError, parse_document

KEPT_AS_IT_IS = "(kept as it is)"
"""For a number or a date under a telling name: it cannot be encrypted and stay one."""

LONGEST = 64 * 1024
MOST_NODES = 2_000
"""Of what is entered: many times what a token request has, and little enough to be looked at while it is
typed."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENDLESS_NUMBER = re.compile(r"[-+]?[0-9][0-9A-Fa-fox_:.]{999,}")
_NAME = re.compile(r"""(?P<name>[\w.-]+)["']?[ \t]*(?:[:=][ \t]*)?""")


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
        excess, end = _excess_of(entered)
        if excess:
            # What stands in the file already may be so, for whoever writes there may write what they like.
            if entered != normalised(self.shown(raw, name, reading.seal)[name]):
                reading.report(name, excess)
                reading.instead[name] = without_secrets(entered[:end])
            return raw
        try:
            document = parse_document(entered)
        except YamlSyntaxError as error:
            shown = reading.instead[name] = without_secrets(entered)
            cut = "" if shown == entered else "; what follows the first secret is not shown again"
            reading.report(name, f"line {error.fault.line} {error.fault.message}{cut}")
            return raw
        for fault in document.faults:
            reading.report(name, f"line {fault.line}: {fault.message}")
        read = self._written(document.value, reading, name, raw)
        if document.faults:
            reading.instead[name] = without_secrets(entered)
        elif not same(read, document.value):
            reading.instead |= self.shown(read, name, reading.seal)
        return raw if same(read, raw) else read

    def _written(self, value: Any, reading: Reading, name: str, raw: Any) -> Any:
        def written(item: Any, path: KeyPath) -> Any:
            if item == KEPT_AS_IT_IS:
                return _kept_at(raw, value, path, reading, name)
            return (
                sealed_text(item, reading.seal) if isinstance(item, str) and shows_secret(item, ()) else item
            )

        return visited_parameters(value, written, telling=not isinstance(value, dict))


def without_secrets(text: str) -> str:
    """YAML that cannot be read, up to the first secret that may be in it: where that ends nobody knows."""
    holes = without_holes(text)
    looking = secret_looking(holes)
    end = len(text) if looking is None else looking.start()
    for name in _NAME.finditer(holes):
        if is_telling(name["name"]) and _is_followed_by_text(holes, name.end()):
            return text[: min(end, name.end())]
    return text[:end]


def _is_followed_by_text(holes: str, at: int) -> bool:
    """Whether more than references and placeholders stands in the line, or below where that is empty."""
    line, _, below = holes[at:].partition("\n")
    rest = line.strip(" \t\"',{}")
    return bool(rest.replace(HOLE, "")) or (not rest and bool(below.strip()))


def _excess_of(text: str) -> tuple[str, int]:
    """Why *text* is more than is entered into a form, and how far it may be shown. No reason where it is not,
    or where it is no YAML."""
    if len(text) > LONGEST:
        return f"is longer than {LONGEST:,} characters: write it in the file", len(text)
    nodes = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                # What is named by an anchor may be used as a secret further on.
                refusal = "takes no anchors (&name) and no aliases (*name): write out what they stand for"
                return refusal, event.start_mark.index if event.start_mark else 0
            if isinstance(event, yaml.ScalarEvent) and _ENDLESS_NUMBER.fullmatch(event.value):
                return "has a number of more than 1,000 digits", len(text)
            nodes += isinstance(event, yaml.NodeEvent)
            if nodes > MOST_NODES:
                return f"has more than {MOST_NODES:,} values: write it in the file", len(text)
    except yaml.YAMLError:
        pass
    return "", len(text)


def _without_secret(item: Any, seal: Seal) -> Any:
    if isinstance(item, str):
        return sealed_text(item, seal) if shows_secret(item, ()) else item
    return item if item is None or isinstance(item, bool) else KEPT_AS_IT_IS


def _kept_at(raw: Any, entered: Any, path: KeyPath, reading: Reading, name: str) -> Any:
    for step in path:
        if isinstance(raw, list) and isinstance(entered, list) and len(raw) != len(entered):
            # Which of them is gone, or has come, cannot be told.
            raw = ...
        try:
            raw, entered = raw[step], entered[step]
        except (LookupError, TypeError):
            raw = ...
            break
    if raw is None or raw is ... or isinstance(raw, (str, dict, list)):
        reading.report(name, "holds a number or a date that was kept elsewhere: type it again")
        return None
    return raw
