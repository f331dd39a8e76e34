"""What is entered into a form field, checked by the field's data type and made the value that is sent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from pydantic import SecretStr

from profiles.model import FormFieldSettings, ProfileSettings

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
"""What a browser takes in an e-mail field (WHATWG HTML, valid e-mail address)."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class FieldProblem(NamedTuple):
    """A form field that lacks its value, or has one of another type; the message never quotes it."""

    key: str
    message: str


def form_values(
    fields: Iterable[FormFieldSettings], entered: Mapping[str, SecretStr]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The values by form-field key, and what is wrong with those that are missing from them."""
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for field in fields:
        secret = entered.get(field.key)
        if secret is None or (field.required and not secret.get_secret_value()):
            problems += _missing(field, given=secret is not None)
            continue
        try:
            values[field.key] = typed(field, secret.get_secret_value())
        except ValueError as error:
            problems.append(FieldProblem(field.key, str(error)))
    return values, problems


def preset_values(
    settings: ProfileSettings, credentials: Mapping[str, SecretStr]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """What the profile itself has for its form fields, and what is wrong with that.

    Where each end user authorizes, they enter what is visible; a preset value is only where they begin, and
    a preset password is nothing at all: it would be one for everybody.
    """
    if settings.mode != "per_user":
        return form_values(settings.form_fields, credentials)
    preset = [
        item
        for item in settings.form_fields
        if item.visibility != "visible" or (item.key in credentials and item.type != "password")
    ]
    return form_values(preset, credentials)


def entered_values(
    settings: ProfileSettings, preset: Mapping[str, Any], entered: Mapping[str, str]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """What an end user has entered, by form-field key and typed, together with what is preset and not theirs
    to change; and what is wrong with it. An optional field that is left empty has no value."""
    visible = [item for item in settings.form_fields if item.visibility == "visible"]
    filled = {item.key: SecretStr(entered[item.key]) for item in visible if entered.get(item.key)}
    values, problems = form_values([item for item in visible if item.required or item.key in filled], filled)
    fixed = {item.key for item in settings.form_fields} - {item.key for item in visible}
    return {**{key: value for key, value in preset.items() if key in fixed}, **values}, problems


_ACCOUNTS = ("username", "user", "login", "email", "mail", "account")


def account_of(settings: ProfileSettings, entered: Mapping[str, str]) -> str:
    """What says whose password is entered: the field that is called so, or else all that are no password."""
    keys = [
        item.key for item in settings.form_fields if item.visibility == "visible" and item.type != "password"
    ]
    named = [key for key in keys if key.lower() in _ACCOUNTS]
    return "\n".join(entered.get(key, "") for key in named[:1] or keys)


def _missing(field: FormFieldSettings, *, given: bool) -> Iterator[FieldProblem]:
    how = "is empty" if given else "is missing"
    if field.required:
        yield FieldProblem(field.key, f"{how}, and its form field is required")
    elif field.visibility != "visible":
        shown = field.visibility.replace("-", "_")
        yield FieldProblem(field.key, f"{how}, and its form field is {shown}: nobody can enter a value")


def typed(field: FormFieldSettings, text: str) -> Any:
    """*text* as the field's data type has it: numbers and booleans are sent as such where a body can.

    Raises ValueError, without the text.
    """
    match field.data_type:
        case "number":
            return _number(text)
        case "boolean":
            if text not in ("true", "false"):
                raise ValueError("must be true or false, as its form field's data_type says")
            return text == "true"
        case "date":
            return _date(text)
        case "email":
            if not _EMAIL.fullmatch(text):
                raise ValueError("is no e-mail address, as its form field's data_type says")
            return text
        case _:
            return text


def _number(text: str) -> int | float | str:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError("is not a number, as its form field's data_type says")
    try:
        number = json.loads(text)
    except ValueError:
        # Not as JSON writes numbers: "0042" is a PIN and must not become 42, so the text is sent.
        return text
    return number if json.dumps(number) == text else text


def _date(text: str) -> str:
    problem = ValueError("is no date like 2031-01-31, as its form field's data_type says")
    if not _DATE.fullmatch(text):
        raise problem
    try:
        date.fromisoformat(text)
    except ValueError:
        raise problem from None
    return text
