"""The texts that the API takes: bounded, and without what no name and no address can hold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from profiles.end_users import LONGEST_NAME
from profiles.model import PROFILE_NAME
from profiles.placeholders import NAME

LONGEST_PROFILE_NAME = 250
"""With its suffix it is the name of a file."""

LONGEST_URL = 8000
LONGEST_KEY = 200
LONGEST_ENTRY = 10_000
MOST_ENTRIES = 200

DEEPEST = 30
"""Objects and lists within each other; a profile has six."""

_KEY = re.compile(NAME)


class Asked(BaseModel):
    """A request's body: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


def _checked_keys(mapping: Any) -> Any:
    """Before anything else looks at them: what is wrong with an entry is told with its key."""
    if not isinstance(mapping, Mapping):
        return mapping
    if len(mapping) > MOST_ENTRIES:
        raise PydanticCustomError("too_many", f"Must have {MOST_ENTRIES} entries at most")
    if not all(isinstance(key, str) and _KEY.fullmatch(key) and len(key) <= LONGEST_KEY for key in mapping):
        raise PydanticCustomError("keys", "Has a key that is no name of a capture or form field")
    return mapping


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("unprintable", "Must be printable characters")
    return text


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """What a YAML file can hold, and no deeper than whoever looks at it can follow."""
    level: list[Any] = [settings]
    for _ in range(DEEPEST):
        if not level:
            return settings
        level = [below for value in level for below in _below(value)]
    raise PydanticCustomError("deep", "Is nested too deep")


def _below(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str) and _UNFIT.search(value):
        raise PydanticCustomError("unfit", "Has a text that no file can hold")
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("infinite", "Has a number that is none")
    return ()


_UNFIT = re.compile("[\x00\ud800-\udfff]")

_NO_NUL = r"^[^\x00]*$"
_NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$"

Key = Annotated[str, StringConstraints(max_length=LONGEST_KEY, pattern=f"^{NAME}$")]

Capture = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_NO_CONTROL)]
"""What a match entry captures is as long at most (`path_patterns`)."""

Captures = Annotated[
    dict[Key, Capture],
    BeforeValidator(_checked_keys),
    Field(json_schema_extra={"maxProperties": MOST_ENTRIES}),
]

Entered = Annotated[
    dict[Key, Annotated[str, StringConstraints(max_length=LONGEST_ENTRY, pattern=_NO_NUL)]],
    BeforeValidator(_checked_keys),
    Field(json_schema_extra={"maxProperties": MOST_ENTRIES}),
]

User = Annotated[
    str, StringConstraints(max_length=LONGEST_NAME, pattern=_NO_CONTROL), AfterValidator(_printable)
]

ProfileName = Annotated[
    str,
    Path(
        pattern=rf"^{PROFILE_NAME.pattern}$",
        max_length=LONGEST_PROFILE_NAME,
        description="The name of a profile.",
        examples=["orders"],
    ),
]

SentSettings = Annotated[
    dict[str, Any],
    AfterValidator(_plain),
    Field(
        description="As in the profile reference. Secrets are references (`${env:NAME}`) or texts, which are "
        'encrypted; `{"set": true}` keeps the one that is there, as `••••` does in the query of a URL.',
        examples=[
            {
                "match": [{"host": "api.example.com"}],
                "credentials": {"username": "bot", "password": "${env:ORDERS_PASSWORD}"},
                "grant": {"token_endpoint": "https://login.example.com/token"},
            }
        ],
    ),
]

Version = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_CONTROL)]

Search = Annotated[
    str, Query(max_length=200, description="A text in the name or the description, in any case.")
]

PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Which page, from 1 on.")]
