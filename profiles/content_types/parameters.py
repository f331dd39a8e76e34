"""The parameters of a token request as every encoder takes them: JSON's kinds of value, or a clear error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from profiles.placeholders import text_of

Parameters = Mapping[str, Any]


def plain(parameters: Parameters) -> dict[str, Any]:
    """A copy of text, numbers, booleans, null, lists and mappings; a date becomes its ISO 8601 text.

    Raises ValueError naming the key of what is something else, or is text that UTF-8 does not have.
    """
    return {_key(key): _plain(str(key), value) for key, value in parameters.items()}


def texts(parameters: Parameters) -> dict[str, str]:
    """Each value as text, for the types that have nothing else: numbers, booleans and nested values as
    JSON, null as nothing (RFC 6749 section 3.2: "sent without a value MUST be treated as if omitted")."""
    return {key: "" if value is None else text_of(key, value) for key, value in parameters.items()}


def unwritable(key: str, why: str) -> ValueError:
    """The error for a parameter that a content type cannot hold; *why* never quotes its value."""
    return ValueError(f"parameter {key!a} {why}")


def _key(key: Any) -> str:
    text = str(key)
    if not _is_utf8(text):
        raise unwritable(text, "has a name that UTF-8 does not have")
    return text


def _plain(key: str, value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case str() if _is_utf8(value):
            return value
        case date():
            return value.isoformat()
        case Mapping():
            return {_key(name): _plain(f"{key}.{name}", item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(f"{key}.{index}", item) for index, item in enumerate(value)]
    raise unwritable(key, "has a value that no token request can hold")


def _is_utf8(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON and the environment can bring in."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
