"""Scalars that the environment overrides: `GRANTPROXY_PROFILES__ORDERS__CREDENTIALS__PASSWORD`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.configuration_tree import ConfigurationTree, Position
from proxy.near_misses import did_you_mean
from proxy.setting_keys import KeyPath, entry_of, is_list, is_mapping, model_keys, unwrapped
from proxy.settings import ProxySettings

PREFIX = "GRANTPROXY_"
CONFIG = "GRANTPROXY_CONFIG"
SECRET_KEY = "GRANTPROXY_SECRET_KEY"  # noqa: S105  -- the name of a variable
NO_SETTINGS = frozenset({CONFIG, SECRET_KEY})


class UnknownVariable(Exception):  # noqa: N818  -- told to the user
    """The name of a variable leads to no setting; the text says what may have been meant."""


def apply_environment(tree: ConfigurationTree, environ: Mapping[str, str]) -> None:
    """Writes every GRANTPROXY_ variable into *tree*; an unknown one is a problem with the nearest name."""
    for variable in sorted(environ):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in NO_SETTINGS:
            continue
        position = Position(variable=variable)
        try:
            path = path_of(tree, name.removeprefix(PREFIX).split("__"))
        except UnknownVariable as unknown:
            # A path of its own, which nothing else stands at: the variable alone is to be shown.
            here: KeyPath = (variable,)
            tree.by_path[here] = position
            tree.report(here, str(unknown), key=())
            del tree.by_path[here]
        else:
            tree.put(path, environ[variable], position)


def path_of(tree: ConfigurationTree, steps: list[str]) -> KeyPath:
    """Where a variable's name leads, by the names that files and settings have. Raises UnknownVariable."""
    path: KeyPath = ()
    annotation: Any = ProxySettings
    for step in steps:
        key, annotation = _key_of(annotation, tree.value(path), step)
        path = (*path, key)
    if model_keys(annotation) or is_mapping(annotation):
        raise UnknownVariable("names a group of settings: two underscores and the name of one of them lack")
    return path


def _key_of(annotation: Any, node: Any, step: str) -> tuple[str | int, Any]:
    """The key that one step of a variable's name means below *annotation*, and what stands there."""
    keys = model_keys(annotation)
    if keys:
        for key, below in keys.items():
            if _folded(key) == _folded(step):
                return key, unwrapped(below)
        raise UnknownVariable("names no setting" + did_you_mean(step, keys))
    if is_list(annotation) or isinstance(node, list):
        entries = node if isinstance(node, list) else []
        if not step.isdigit() or int(step) > len(entries):
            raise UnknownVariable("names an entry that the list does not have")
        return int(step), unwrapped(entry_of(annotation))
    if not is_mapping(annotation):
        raise UnknownVariable("goes on below a setting that holds one value")
    below = unwrapped(entry_of(annotation))
    present = list(node) if isinstance(node, dict) else []
    for key in present:
        if _folded(key) == _folded(step):
            return key, below
    if model_keys(below):
        raise UnknownVariable("names nothing that the configuration has" + did_you_mean(step, present))
    return step.lower(), below


def _folded(name: str) -> str:
    """What names have in common that a variable can spell one way only."""
    return name.lower().replace("-", "_").replace(".", "_")
