"""Reads and saves profiles for programs, with the same checks as the form: settings in, problems out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from profiles.errors import Problem
from proxy.composition import Composition
from proxy.configuration_files import Configuration
from proxy.display import MASK
from proxy.editing.drafts import Draft, begin_profile, draft_profile, open_profile
from proxy.editing.kept_secrets import shown_to_programs, with_kept_secrets
from proxy.editing.overrides import overriding_variables
from proxy.editing.secret_settings import sealed_settings
from proxy.editing.written_profiles import CannotEdit
from proxy.sealed_secrets import SealedSecrets
from proxy.secret_key import SecretKeyUnavailable
from proxy.yaml_documents import MAX_DEPTH

MOST_VALUES = 5_000
"""Of settings that are sent: writing as many as YAML takes a second."""

NOTHING_KEPT = f'there is nothing to keep here: {{"set": true}}, or {MASK} in a URL, stands for what is set'


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """A profile as it is written. `settings` has `{"set": true}` for each secret, or MASK in a URL; `digest`
    names this version; `variables` are those of the environment that win, by the dotted keys of settings."""

    name: str
    file: Path
    digest: str
    settings: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, str]


def shown_profile(configuration: Configuration, name: str) -> ShownProfile | None:
    """The profile as it is written; None where there is none of that name. Raises CannotEdit."""
    written = open_profile(configuration, name)
    if written is None:
        return None
    known = configuration.settings.profiles
    return ShownProfile(
        name,
        written.place,
        written.digest,
        shown_to_programs(written.settings),
        overriding_variables(name, written.settings, configuration.environ, known),
    )


def drafted_settings(
    configuration: Configuration,
    name: str,
    settings: Mapping[str, Any],
    *,
    is_new: bool = False,
    before: Composition | None = None,
) -> Draft | None:
    """A draft of *settings*, as programs send them; None where a profile that is not new is not there.

    References in their texts are references, other secrets are encrypted, and `{"set": true}` keeps the one
    that is there. `draft.written.digest` names the version that is replaced; `drafts.save` writes it. Raises
    CannotEdit, NameRefused.
    """
    written = begin_profile(configuration, name) if is_new else open_profile(configuration, name)
    if written is None:
        return None
    _check_size(settings)
    filled, missing = with_kept_secrets(dict(settings), written.settings)
    try:
        sealed = sealed_settings(filled, SealedSecrets(configuration.key_source).seal)
    except SecretKeyUnavailable as error:
        raise CannotEdit(f"secrets cannot be encrypted: {error}") from None
    draft = draft_profile(configuration, written, sealed, before=before)
    # What is missing is null there, of which nothing else needs to be said.
    others = tuple(problem for problem in draft.problems if problem.key not in missing)
    return replace(draft, problems=(*(Problem(NOTHING_KEPT, key=key) for key in missing), *others))


def _check_size(settings: Any) -> None:
    """Counts mappings, lists and values without going down into them by recursion. Raises CannotEdit."""
    level: list[Any] = [settings]
    depth = values = 0
    while level:
        depth += 1
        values += len(level)
        if depth > MAX_DEPTH + 1:
            raise CannotEdit("the settings are nested too deeply")
        if values > MOST_VALUES:
            raise CannotEdit(f"the settings have more than {MOST_VALUES:,} values: write them in the file")
        level = [
            below
            for value in level
            if isinstance(value, (Mapping, list))
            for below in (value.values() if isinstance(value, Mapping) else value)
        ]
