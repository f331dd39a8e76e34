"""Which environment variables win over what a profile's file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.configuration_tree import ConfigurationTree
from proxy.environment_overrides import PREFIX, apply_environment
from proxy.setting_keys import dotted


def overriding_variables(
    name: str, settings: Mapping[str, Any], environ: Mapping[str, str], others: Iterable[str]
) -> dict[str, str]:
    """The dotted key of each setting of the profile that a variable sets, and the variable's name.

    *others* are the names of all profiles, among which a variable's name is looked up.
    """
    tree = ConfigurationTree({"profiles": {**{other: {} for other in others}, name: _copied(settings)}})
    start = f"{PREFIX}PROFILES__"
    # Only ours are looked at: whoever watches the environment takes what is looked at for a secret.
    ours = {variable: environ[variable] for variable in environ if variable.upper().startswith(start)}
    apply_environment(tree, ours)
    return {
        dotted(path[2:]): position.variable
        for path, position in tree.by_path.items()
        if path[:2] == ("profiles", name)
        and position.variable is not None
        and not isinstance(tree.value(path), (dict, list))
    }


def _copied(value: Any) -> Any:
    """The mappings and lists anew, which are written to; of the values, only that they are there."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
