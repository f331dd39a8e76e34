"""A profile's settings as a form, and a form as settings; both ways nothing is lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from profiles.model import ProfileSettings
from proxy.editing.form_defaults import default_of, is_default
from proxy.editing.form_table import SETTINGS
from proxy.editing.reading import Reading
from proxy.editing.secret_settings import sealed_settings
from proxy.editing.secret_texts import Seal
from proxy.setting_keys import KeyPath, dotted, entry_of, is_list, is_mapping, model_keys, unwrapped

UNKNOWN = "unknown"
"""`unknown.0~remove` is the box to take the first unknown key out; its value is the dotted key."""


def form_of(settings: Mapping[str, Any], seal: Seal) -> dict[str, str]:
    """What the form has of the settings of a file, references as they stand; no secret is among it."""
    form: dict[str, str] = {}
    for key, setting in SETTINGS.items():
        form |= setting.widget.shown(_value_at(settings, tuple(key.split("."))), key, seal)
    return form


def settings_of(reading: Reading, base: Mapping[str, Any]) -> dict[str, Any]:
    """What the form says, over *base*, the settings as the file has them: what was not changed stays as it is
    written there. Every secret is encrypted, or a reference."""
    settings = copy.deepcopy(dict(base))
    removed = {value for name, value in reading.form.items() if name.startswith(f"{UNKNOWN}.")}
    for path in _unknown(base, ProfileSettings, ()):
        if dotted(path) in removed:
            _put(settings, path, ...)
    for key, setting in SETTINGS.items():
        path = tuple(key.split("."))
        raw = _value_at(settings, path)
        value = setting.widget.read(reading, key, key, raw)
        if raw is ... and is_default(value, default_of(key, reading.entered("extends"))):
            # It is in force without being written, and is written where it was.
            continue
        _put(settings, path, value)
    return sealed_settings(settings, reading.seal)


def unknown_keys(settings: Mapping[str, Any]) -> list[str]:
    """The dotted keys that no profile can have; what stands there is kept until somebody takes it out."""
    return [dotted(path) for path in _unknown(settings, ProfileSettings, ())]


def _unknown(node: Any, annotation: Any, path: KeyPath) -> Iterator[KeyPath]:
    kind = unwrapped(annotation)
    keys = model_keys(kind)
    if is_list(kind):
        # A list of one may stand without its brackets.
        for index, item in enumerate(node) if isinstance(node, list) else [(None, node)]:
            yield from _unknown(item, entry_of(kind), path if index is None else (*path, index))
    elif isinstance(node, dict) and (keys or is_mapping(kind)):
        for key, item in node.items():
            below = keys.get(key) if keys else entry_of(kind)
            if below is None:
                yield (*path, key)
            else:
                yield from _unknown(item, below, (*path, key))


def _value_at(settings: Any, path: KeyPath) -> Any:
    for step in path:
        if not isinstance(settings, dict) or step not in settings:
            return ...
        settings = settings[step]
    return settings


def _put(settings: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Writes *value* at *path*, or takes out what is there (`...`), and the mapping that is empty then."""
    node: Any = settings
    above: list[tuple[Any, str | int]] = []
    for step in path[:-1]:
        if isinstance(node, list):
            child = node[int(step)]
        else:
            child = node.get(step)
            if not isinstance(child, (dict, list)):
                if value is ...:
                    return
                child = node[step] = {}
        above.append((node, step))
        node = child
    last = path[-1]
    if value is not ...:
        node[last] = value
    elif last in node:
        del node[last]
        if above and not node and isinstance(above[-1][0], dict):
            del above[-1][0][above[-1][1]]
