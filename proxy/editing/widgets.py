"""The inputs that hold one value: what each shows of a setting, and what setting it makes of its entry.

What was not changed is given back as it stands in the file, spelling and all; `...` stands for a setting that
is not written there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.display import MASK
from proxy.editing.hidden_queries import with_hidden_query, with_query_of
from proxy.editing.reading import Reading, normalised
from proxy.editing.secret_texts import Seal

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,18}\.\d{1,18}", re.ASCII)
_YES = frozenset({"true", "yes", "on", "1"})


class Widget(Protocol):
    """Both ways of one kind of input; *name* is the control's, *raw* what stands in the file."""

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:
        """What the form has of it: names of controls, and what is in each. No secret is among that."""
        ...

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        """The setting of that dotted *key* from what was entered."""
        ...


def text_of(raw: Any) -> str:
    """A scalar as text; nothing for what is no scalar."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return str(raw).lower()
    return "" if raw is None or raw is ... or isinstance(raw, (dict, list)) else str(raw)


def _left_empty(raw: Any) -> Any:
    """What an empty input means: nothing, unless something stands there that it does not show."""
    return raw if raw is None or isinstance(raw, (dict, list)) else ...


@dataclass(frozen=True, slots=True)
class Text:
    """One line, or several; *required*: written though it is empty."""

    lines: bool = False
    strips: bool = True
    required: bool = False

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:  # noqa: ARG002
        return {name: normalised(text_of(raw))}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        entered = reading.entered(name)
        if isinstance(raw, str) and normalised(raw) == entered:
            return raw
        entered = entered.strip() if self.strips else entered
        if entered or (self.required and not isinstance(raw, (dict, list))):
            return entered
        return _left_empty(raw)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL, whose query is not shown again: what is hidden in it is kept for as long as it stands so."""

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:  # noqa: ARG002
        return {name: normalised(with_hidden_query(text_of(raw)))}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        entered = reading.entered(name)
        written = raw if isinstance(raw, str) else ""
        if isinstance(raw, str) and normalised(with_hidden_query(raw)) == entered:
            return raw
        if not entered.strip():
            return _left_empty(raw)
        url = with_query_of(entered.strip(), written)
        if url is None:
            reading.report(name, f"{MASK} stands for nothing that is written here: type it")
            return raw
        return url


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or a size with its unit; what is neither is left to the settings' own check."""

    sized: bool = False

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:  # noqa: ARG002
        return {name: normalised(text_of(raw))}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        entered = reading.entered(name).strip()
        if entered == normalised(text_of(raw)).strip() and isinstance(raw, (str, int, float)):
            return raw
        if _INTEGER.fullmatch(entered):
            return int(entered)
        if _DECIMAL.fullmatch(entered):
            return float(entered)
        return entered or _left_empty(raw)


@dataclass(frozen=True, slots=True)
class Checkbox:
    """On or off; *default* where nothing is written."""

    default: bool

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:  # noqa: ARG002
        return {name: "true"} if self._is_on(raw) else {}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        is_on = name in reading.form
        if is_on == self._is_on(raw):
            return raw if isinstance(raw, (bool, str)) else ...
        return is_on

    def _is_on(self, raw: Any) -> bool:
        return text_of(raw).lower() in _YES if isinstance(raw, (bool, str)) else self.default


@dataclass(frozen=True, slots=True)
class Select:
    """One of several; nothing chosen is nothing written, unless it is *required*. *unset* says what nothing
    means, where there is no default."""

    options: tuple[tuple[str, str], ...]
    required: bool = False
    unset: str = "not said"

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:  # noqa: ARG002
        return {name: normalised(text_of(raw)) or (self.options[0][0] if self.required else "")}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        entered = reading.entered(name)
        if isinstance(raw, str) and normalised(raw) == entered:
            return raw
        return entered or _left_empty(raw)


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of texts: one a line, or *inline* with commas. *splits*: one text with spaces means several."""

    inline: bool = False
    splits: bool = False

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:  # noqa: ARG002
        return {name: self._joined(raw)}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        items = self._items(reading.entered(name))
        if items == self._items(self._joined(raw)) and (isinstance(raw, list) or self._is_text(raw)):
            return raw
        return items or _left_empty(raw)

    def _joined(self, raw: Any) -> str:
        items = raw.split() if self._is_text(raw) else raw if isinstance(raw, list) else [raw]
        return normalised((", " if self.inline else "\n").join(text_of(item) for item in items))

    def _items(self, entered: str) -> list[str]:
        parts = (part.strip() for part in entered.split("," if self.inline else "\n"))
        return [part for part in parts if part]

    def _is_text(self, raw: Any) -> bool:
        return self.splits and isinstance(raw, str)
