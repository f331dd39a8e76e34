"""What is in force where nothing is entered, as the models and a preset say it."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any

from pydantic import BaseModel, ByteSize

from profiles.model import ProfileSettings
from proxy.presets.catalogue import UnknownPreset, load_preset
from proxy.setting_keys import entry_of, is_list, is_mapping, unwrapped


def default_of(key: str, preset: str) -> str:
    """For the dotted *key*; nothing where there is no default, or none that is one text."""
    value: Any = _preset_settings(preset)
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return (
        _default(ProfileSettings, key) if value is None or isinstance(value, (dict, list)) else _text(value)
    )


@cache
def row_default_of(name: str, column: str) -> str:
    """For an attribute of the rows of a list (`form_fields`, or one that stands below a row)."""
    kind: Any = ProfileSettings
    for step in name.split("."):
        if not step.isdigit():
            field = kind.model_fields.get(step) if _is_model(kind) else None
            kind = unwrapped(field.annotation) if field is not None else None
        if is_list(kind) or is_mapping(kind):
            kind = unwrapped(entry_of(kind))
    return _default(kind, column) if _is_model(kind) else ""


def is_default(value: Any, default: str) -> bool:
    """Whether *value* says no more than *default*, which is said by one of the above."""
    return default != "" and isinstance(value, (str, int, float)) and _text(value) == default


def _preset_settings(preset: str) -> dict[str, Any]:
    try:
        return load_preset(preset).profile if preset else {}
    except UnknownPreset:
        return {}


def _default(model: type[BaseModel], key: str) -> str:
    *above, last = key.split(".")
    for step in above:
        model = unwrapped(model.model_fields[step].annotation)
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if last not in fields or fields[last].is_required():
        return ""
    return _text(fields[last].get_default(call_default_factory=True))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, ByteSize):
        return value.human_readable().removesuffix(".0B") if value < 1024 else value.human_readable()
    if isinstance(value, Enum):
        return str(value.value)
    return str(value) if isinstance(value, (str, int, float)) else ""


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
