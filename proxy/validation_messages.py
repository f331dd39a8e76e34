"""Says in plain words, and without the value, what pydantic found wrong with a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from proxy.near_misses import did_you_mean
from proxy.setting_keys import KeyPath, keys_at

_MESSAGES = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be a mapping, with keys of its own below it",
    "model_attributes_type": "must be a mapping, with keys of its own below it",
    "dict_type": "must be a mapping, with keys of its own below it",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has characters that are not allowed here",
    "path_type": "must be a path",
    "path_not_file": "no such file",
    "byte_size": "must be a size such as 512KiB or 10MiB",
    "byte_size_unit": "must be a size such as 512KiB or 10MiB",
}

_LIMITS = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be {} or more"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be {} or less"),
}

_NO_PROFILE = "there is no profile: write one below profiles, or one a file in profiles.d"


def findings(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong, as path and message. pydantic's own texts are not used, for some quote the input."""
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and detail["input"]:
            # A tuple whose entries are wrong is said to lack them as well.
            continue
        path = tuple(step for step in detail["loc"] if step != "[key]")
        yield path, _message(path, detail["type"], detail.get("ctx", {}), detail["input"], model)


def _message(path: KeyPath, kind: str, context: Mapping[str, Any], value: Any, model: type[BaseModel]) -> str:
    if path == ("profiles",) and kind in ("missing", "too_short"):
        return _NO_PROFILE
    if kind == "extra_forbidden":
        return "unknown key" + did_you_mean(str(path[-1]), keys_at(model, path[:-1]))
    if kind == "value_error":
        # Raised by our own validators, whose texts name keys and never values.
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        return f"must be {_without_quotes(context['expected'])}"
    if value is None:
        return "has no value"
    if kind == "string_type":
        return "must be text" if isinstance(value, (dict, list)) else "must be text: put it in quotes"
    if kind in _LIMITS:
        name, message = _LIMITS[kind]
        return message.format(context[name])
    return _MESSAGES.get(kind, "has a value that does not fit")


def _without_quotes(expected: object) -> str:
    return str(expected).replace("'", "")
