"""Which keys the settings have, read from their models, so that names can be looked up and suggested."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

KeyPath = tuple[str | int, ...]
"""From the root of the configuration to one value: keys of mappings and indices of lists."""


def dotted(path: KeyPath) -> str:
    """The path as problems show it: `profiles.orders.match.0.host`."""
    return ".".join(str(step) for step in path)


def unwrapped(annotation: Any) -> Any:
    """The annotation without Annotated and without the None of an optional setting."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next(member for member in get_args(annotation) if member is not type(None))
        else:
            return annotation


def admits_none(annotation: Any) -> bool:
    """Whether the setting may be null."""
    if get_origin(annotation) is Annotated:
        return admits_none(get_args(annotation)[0])
    return type(None) in get_args(annotation)


def model_keys(annotation: Any) -> dict[str, Any]:
    """Key to annotation for a settings model, by the names a file uses; empty for anything else."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}


def is_mapping(annotation: Any) -> bool:
    """Whether the setting is a mapping with names of the user's own."""
    return get_origin(annotation) is dict


def is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple)


def entry_of(annotation: Any) -> Any:
    """What the entries of a list or of a mapping are; Any where nobody says."""
    arguments = get_args(annotation)
    if is_mapping(annotation):
        return arguments[1]
    return arguments[0] if is_list(annotation) else Any


def keys_at(model: type[BaseModel], path: Iterable[str | int]) -> frozenset[str]:
    """The keys a file may have at *path* below *model*; empty where they are not fixed."""
    annotation: Any = model
    for step in path:
        annotation = unwrapped(annotation)
        keys = model_keys(annotation)
        annotation = keys.get(str(step), Any) if keys else entry_of(annotation)
    return frozenset(model_keys(unwrapped(annotation)))
