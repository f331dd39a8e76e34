"""The form in which an end user authorizes: what of a profile's form fields is shown, and how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from profiles.model import FormFieldSettings
from profiles.profile import Profile

_INPUT_TYPES = {"number": "text", "boolean": "select", "date": "date", "email": "email", "string": "text"}
"""By data type. A number is text with digits: a PIN keeps its zeros, and no wheel turns it."""


@dataclass(frozen=True, slots=True)
class ShownField:
    """One form field as it is shown. `value` is what stands in it at first; never a password."""

    key: str
    title: str
    help: str
    input_type: str
    """An HTML input's type, or `select` for yes and no."""
    is_numeric: bool
    is_required: bool
    is_read_only: bool
    is_hidden: bool
    """Whether its value is not shown: a password, or what is kept elsewhere than in the profile."""
    value: str = field(default="", repr=False)


def shown_fields(
    profile: Profile,
    captures: Mapping[str, str],
    entered: Mapping[str, str] | None = None,
    *,
    referenced: Collection[str] = (),
) -> list[ShownField]:
    """All but the hidden ones, with what was *entered* before, else what is preset, but for the keys in
    *referenced*: what a reference stands for is a secret. Raises TenantUnknown."""
    preset = {
        key: value
        for key, value in profile.entered_for(captures).form_values.items()
        if key not in referenced
    }
    return [
        _shown(item, preset.get(item.key), entered, is_referenced=item.key in referenced)
        for item in profile.settings.form_fields
        if item.visibility != "hidden"
    ]


def _shown(
    item: FormFieldSettings, preset: Any, entered: Mapping[str, str] | None, *, is_referenced: bool
) -> ShownField:
    is_read_only = item.visibility != "visible"
    value = "" if preset is None else text_of(preset)
    if entered is not None and not is_read_only:
        value = entered.get(item.key, "")
    is_password = item.type == "password"
    return ShownField(
        key=item.key,
        title=item.title or item.key,
        help=item.help,
        input_type="password" if is_password else _INPUT_TYPES[item.data_type],
        is_numeric=item.data_type == "number",
        is_required=item.required,
        is_read_only=is_read_only,
        is_hidden=is_password or (is_read_only and is_referenced),
        value="" if is_password else value,
    )


def text_of(value: Any) -> str:
    """A form field's value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)
