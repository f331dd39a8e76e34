"""The variables of a Postman collection, `{{name}}` in any text of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from proxy.importers.draft import literal

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_DEEPEST = 10


class Variables:
    """The values that the collection itself gives; those of environments are not in its file."""

    def __init__(self, listed: Iterable[Any]) -> None:
        self._values: dict[str, str] = {}
        for item in listed:
            if isinstance(item, dict) and not item.get("disabled"):
                name, value = item.get("key") or item.get("id"), item.get("value")
                if isinstance(name, str) and isinstance(value, (str, int, float)) and value != "":
                    self._values[name] = str(value)

    def resolved(self, text: str) -> str:
        """*text* with every variable that has a value replaced, also those in values."""
        for _ in range(_DEEPEST):
            further = _VARIABLE.sub(lambda found: self._values.get(found[1], found[0]), text)
            if further == text:
                break
            text = further
        return text

    def referring(self, text: str, reference: Callable[[str], str]) -> str:
        """*text* resolved; what no variable of the collection gives becomes a *reference* by its name."""
        parts = _VARIABLE.split(self.resolved(text))
        return "".join(reference(part) if index % 2 else literal(part) for index, part in enumerate(parts))


def has_variable(text: str) -> bool:
    """Whether something in *text* is still to be filled in."""
    return _VARIABLE.search(text) is not None
