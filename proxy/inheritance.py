"""`extends: PRESET` in a profile: the preset's settings under the profile's own, before they are checked."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.configuration_tree import ConfigurationTree, Position
from proxy.environment_overrides import PREFIX
from proxy.presets.catalogue import Blank, Preset, UnknownPreset, load_preset
from proxy.setting_keys import KeyPath

_SECTIONS = ("tenancy", "credentials", "grant")
"""Mappings of a profile: one with every entry commented out reads as null, and means no entries."""

_STAND_INS: Mapping[str, Any] = {
    "match": [{"host": "blank.invalid"}],
    "tenancy.base_url": "https://blank.invalid",
    "grant.scope": [],
}


def split_environment(environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Our variables in two: those that name presets, which are to be known before the others are read."""
    # Only ours are looked at: whoever watches the environment takes what is looked at for a secret.
    ours = {name: environ[name] for name in environ if name.upper().startswith(PREFIX)}
    naming = {name: value for name, value in ours.items() if name.upper().endswith("__EXTENDS")}
    return naming, {name: value for name, value in ours.items() if name not in naming}


def merge_presets(tree: ConfigurationTree) -> None:
    """Writes under each profile with `extends` what its preset says: mappings deep, the profile's own wins.

    What comes from a preset stands, for errors, where `extends` does.
    """
    for path, profile, preset in _extending(tree, report=True):
        position = tree.positions.at((*path, "extends"))
        for section in _SECTIONS:
            if profile.get(section, ...) is None:
                del profile[section]
        _merge(tree, path, preset.profile, position)


def check_presets(tree: ConfigurationTree) -> None:
    """Reports every blank of a preset that neither file nor environment has filled.

    A value stands in for it, so that whatever else is wrong is found as well.
    """
    for path, profile, preset in _extending(tree, report=False):
        position = tree.positions.at((*path, "extends"))
        for blank in preset.blanks:
            if not blank.optional and _is_blank(tree.value((*path, *blank.path))) and _needs(profile, blank):
                message = f"preset {profile['extends']} needs {blank.says}, such as {_shown(blank.example)}"
                tree.report((*path, "extends"), message, key=(*path, *blank.path))
                stand_in = copy.deepcopy(_STAND_INS.get(blank.key, "blank"))
                _put(tree, (*path, *blank.path), stand_in, position)
        way = (*path, "grant", "client_authentication")
        # A preset says how a secret is sent; without one the client is a public one. What came from the
        # preset has the very position of `extends`, and not only an equal one.
        if tree.by_path.get(way) is position and _is_blank(tree.value((*path, "grant", "client_secret"))):
            del profile["grant"]["client_authentication"]


def _extending(tree: ConfigurationTree, *, report: bool) -> Iterator[tuple[KeyPath, dict[str, Any], Preset]]:
    profiles = tree.data.get("profiles")
    for name, profile in profiles.items() if isinstance(profiles, dict) else ():
        if not isinstance(profile, dict) or not isinstance(profile.get("extends"), str):
            continue
        path: KeyPath = ("profiles", name)
        try:
            yield path, profile, load_preset(profile["extends"])
        except UnknownPreset as unknown:
            if report:
                tree.report((*path, "extends"), str(unknown))
                _expect_no_more(tree, path, profile)


def _expect_no_more(tree: ConfigurationTree, path: KeyPath, profile: Mapping[str, Any]) -> None:
    """What an unknown preset would have brought is not missed a second time."""
    grant = profile.get("grant")
    tree.reported.update(
        (*path, key) for key in ("match", "grant", "credentials") if profile.get(key) is None
    )
    if isinstance(grant, dict) and "token_endpoint" not in grant:
        tree.reported.add((*path, "grant", "token_endpoint"))


def _merge(tree: ConfigurationTree, path: KeyPath, preset: Mapping[str, Any], position: Position) -> None:
    own = tree.value(path)
    for key, value in preset.items():
        if key not in own:
            _put(tree, (*path, key), copy.deepcopy(value), position)
        elif isinstance(value, dict) and isinstance(own[key], dict):
            _merge(tree, (*path, key), value, position)


def _put(tree: ConfigurationTree, path: KeyPath, value: Any, position: Position) -> None:
    tree.put(path, value, position)
    for below in _paths(value):
        tree.by_path[*path, *below] = position


def _paths(node: Any) -> Iterator[KeyPath]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (key,)
        for below in _paths(value):
            yield (key, *below)


def _is_blank(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _needs(profile: Mapping[str, Any], blank: Blank) -> bool:
    """Whether the profile, with what it has of its own, still asks for what the preset left blank."""
    if blank.path[0] == "credentials":
        # With form fields, users or tenants of its own the profile has rules of its own.
        tenancy = profile.get("tenancy")
        tenants = tenancy.get("tenants") if isinstance(tenancy, dict) else None
        return profile.get("mode") != "per_user" and "form_fields" not in profile and not tenants
    urls = list(_urls(profile))
    if blank.key == "tenancy.base_url":
        return any(url.startswith("/") for url in urls)
    if blank.key == "tenancy.tenant":
        return any("{tenant}" in url for url in urls) and "{tenant}" not in _matched(profile.get("match"))
    return True


def _urls(profile: Mapping[str, Any]) -> Iterator[str]:
    for section, keys in (("grant", ("token_endpoint", "refresh_endpoint")), ("tenancy", ("base_url",))):
        settings = profile.get(section)
        for key in keys if isinstance(settings, dict) else ():
            if isinstance(settings, dict) and isinstance(settings.get(key), str):
                yield settings[key]


def _matched(match: Any) -> str:
    """Hosts and paths of the match entries as one text, to look for a capture in."""
    entries = match if isinstance(match, list) else [match]
    return " ".join(
        str(entry.get(key, "")) for entry in entries if isinstance(entry, dict) for key in ("host", "path")
    )


def _shown(example: Any) -> str:
    if isinstance(example, list):
        return ", ".join(_shown(item) for item in example)
    if isinstance(example, dict):
        return " ".join(f"{key}: {value}" for key, value in example.items())
    return str(example)
