"""What the settings of a profile have in common: unknown keys are errors, and nothing shows a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict


class Settings(BaseModel):
    """What all settings share: unknown keys are errors, no error quotes its input, no repr shows a text."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True, populate_by_name=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # References are resolved anywhere, so any text may hold a secret: a URL, a pattern, a header's value.
        for name in type(self).model_fields:
            value = getattr(self, name, None)
            if name == "key":
                yield name, value
            elif isinstance(value, Mapping):
                yield name, sorted(map(str, value))
            elif _shows_no_text(value):
                yield name, value


def _shows_no_text(value: Any) -> bool:
    """Whether a repr may show *value*: choices, numbers, and settings that keep to the same rule."""
    if isinstance(value, tuple):
        return bool(value) and all(map(_shows_no_text, value))
    return isinstance(value, (bool, int, float, Enum, Settings))


def _seconds(value: float) -> float:
    if not 0 <= value < 1e9:
        raise ValueError("must be a number of seconds that is not negative")
    return value


Seconds = Annotated[float, AfterValidator(_seconds)]
