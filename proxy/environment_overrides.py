"""Scalars that the environment overrides: `GRANTPROXY_PROFILES__ORDERS__CREDENTIALS__PASSWORD`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from profiles.model import DEFAULT_FORM_FIELDS
from proxy.configuration_tree import ConfigurationTree, Position
from proxy.near_misses import did_you_mean
from proxy.setting_keys import KeyPath, admits_none, entry_of, is_list, is_mapping, model_keys, unwrapped
from proxy.settings import ProxySettings

PREFIX = "GRANTPROXY_"
CONFIG = "GRANTPROXY_CONFIG"
SECRET_KEY = "GRANTPROXY_SECRET_KEY"  # noqa: S105  -- the name of a variable
NO_SETTINGS = frozenset({CONFIG, SECRET_KEY})

_SERVICE_LINK = re.compile(r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
"""What Kubernetes sets in every pod beside a Service of the name grantproxy, whether one likes it or not."""


class UnknownVariable(Exception):  # noqa: N818  -- told to the user
    """The name of a variable leads to no setting; the text says what may have been meant."""


def apply_environment(tree: ConfigurationTree, environ: Mapping[str, str]) -> None:
    """Writes every GRANTPROXY_ variable into *tree*; an unknown one is a problem with the nearest name."""
    for variable in sorted(environ):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in NO_SETTINGS:
            continue
        if _is_service_link(name.removeprefix(PREFIX), environ[variable]):
            continue
        position = Position(variable=variable)
        try:
            path, is_nullable = path_of(tree, name.removeprefix(PREFIX).split("__"))
        except UnknownVariable as unknown:
            # A path of its own, which nothing else stands at: the variable alone is to be shown.
            here: KeyPath = (variable,)
            tree.by_path[here] = position
            tree.report(here, str(unknown), key=())
            del tree.by_path[here]
        else:
            value = environ[variable]
            tree.put(path, None if is_nullable and value.lower() == "null" else value, position)


def path_of(tree: ConfigurationTree, steps: list[str]) -> tuple[KeyPath, bool]:
    """Where a variable's name leads, by the names that files and settings have, and whether null may stand
    there. Raises UnknownVariable."""
    path: KeyPath = ()
    annotation: Any = ProxySettings
    for step in steps:
        kind, node = unwrapped(annotation), tree.value(path)
        if is_list(kind) and isinstance(node, dict) and step == "0":
            # `match` with one entry may be written without the list, whose other keys are to stay.
            annotation = entry_of(kind)
            continue
        offered = _form_field_keys(tree, path) if path[-1:] == ("credentials",) else []
        key, annotation = _key_of(kind, node, step, offered)
        path = (*path, key)
    kind = unwrapped(annotation)
    if model_keys(kind) or is_mapping(kind):
        raise UnknownVariable("names a group of settings: two underscores and the name of one of them lack")
    return path, admits_none(annotation)


def _key_of(annotation: Any, node: Any, step: str, offered: Iterable[str]) -> tuple[str | int, Any]:
    """The key that one step of a variable's name means below *annotation*, and what stands there.

    *offered* are keys that may be meant although *node* does not have them yet.
    """
    keys = model_keys(annotation)
    if keys:
        known = _match(step, keys)
        if known is not None:
            return known, keys[known]
        raise UnknownVariable("names no setting" + did_you_mean(step, keys))
    if is_list(annotation) or isinstance(node, list):
        entries = node if isinstance(node, list) else []
        if not (step.isascii() and step.isdigit()) or int(step) > len(entries):
            raise UnknownVariable("names an entry that the list does not have")
        return int(step), entry_of(annotation)
    is_free = annotation is Any and isinstance(node, (dict, type(None)))  # `body` and `parameters` go deeper
    if not (is_mapping(annotation) or is_free):
        raise UnknownVariable("goes on below a setting that holds one value")
    below = entry_of(annotation)
    present = list(node) if isinstance(node, dict) else []
    own = _match(step, dict.fromkeys([*present, *offered]))
    if own is None and model_keys(unwrapped(below)):
        raise UnknownVariable("names nothing that the configuration has" + did_you_mean(step, present))
    return own if own is not None else step.lower(), below


def _match(step: str, known: Iterable[str]) -> str | None:
    found = [key for key in known if _folded(key) == _folded(step)]
    if len(found) > 1:
        # To choose one could hand a password to the wrong profile.
        raise UnknownVariable(f"could stand for any of {', '.join(found)}")
    return found[0] if found else None


def _form_field_keys(tree: ConfigurationTree, credentials: KeyPath) -> list[str]:
    """The keys that the credentials of a profile, or of a tenant of it, may have by its form fields."""
    profile = credentials[:2]
    fields = tree.value((*profile, "form_fields"))
    if not isinstance(fields, list):
        return [field.key for field in DEFAULT_FORM_FIELDS]
    return [str(field["key"]) for field in fields if isinstance(field, dict) and "key" in field]


def _folded(name: str) -> str:
    """What names have in common that a variable can spell one way only."""
    return name.lower().replace("-", "_").replace(".", "_")


def _is_service_link(name: str, value: str) -> bool:
    if name == "PORT":
        return value.startswith(("tcp://", "udp://", "sctp://"))
    return _SERVICE_LINK.fullmatch(name) is not None
