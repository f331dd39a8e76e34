"""The tenants that a profile names: what each has of its own, and how a request's tenant is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from profiles import host_patterns, path_patterns
from profiles.errors import TenantUnknown
from profiles.form_fields import preset_values
from profiles.model import ProfileSettings
from profiles.origins import normalize_host
from profiles.selection import MatchRule

TENANT = "tenant"
"""The capture and placeholder that a tenant is told by."""


@dataclass(frozen=True, slots=True, eq=False)
class Entered:
    """What is entered into the form fields, for one tenant or for all: typed values, and a digest of them
    and of everything else that a token depends on. The repr shows neither."""

    form_values: Mapping[str, Any] = field(repr=False)
    fingerprint: str = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tenants:
    """All tenants of a profile; `default` is the one where a match captured none."""

    profile: str
    entered: Mapping[str, Entered] = field(repr=False)
    default: str | None

    @property
    def names(self) -> list[str]:
        return sorted(self.entered)

    def of(self, captures: Mapping[str, str]) -> Entered:
        """What the request's tenant has. Raises TenantUnknown: another's token is never a substitute."""
        name = captures.get(TENANT, self.default)
        entered = self.entered.get(name or "")
        if entered is None:
            raise TenantUnknown(f"there is no tenant {name}", profile=self.profile)
        return entered


def compile_tenants(
    name: str,
    settings: ProfileSettings,
    rules: Sequence[MatchRule],
    *,
    fingerprint_of: Callable[[Mapping[str, SecretStr]], str],
    report: Callable[[str, str], None],
) -> Tenants | None:
    """The tenants that the profile *name* has in `tenancy.tenants`, or None where it names none.

    What is wrong goes to *report*, as a key within the profile and a message.
    """
    written = settings.tenancy.tenants
    if written is None:
        return None
    places = _places(rules)
    entered: dict[str, Entered] = {}
    for tenant, own in written.items():
        key = f"tenancy.tenants.{tenant}"
        try:
            spelt = _spelt(tenant, places)
        except ValueError as error:
            report(key, str(error))
            continue
        if spelt in entered:
            report(key, "is the same tenant as another: host names are compared without case")
        for unknown in sorted(set(own.credentials) - {item.key for item in settings.form_fields}):
            report(f"{key}.credentials.{unknown}", "is no form field: form_fields does not name it")
        credentials = {**settings.credentials, **own.credentials}
        values, missing = preset_values(settings, credentials)
        for lack in missing:
            report(f"{key}.credentials.{lack.key}", lack.message)
        entered[spelt] = Entered(values, fingerprint_of(credentials))
    default = settings.tenancy.tenant
    if default is not None:
        default = default.lower() if places == {"host"} else default
        if default not in entered:
            report("tenancy.tenant", "is none of tenancy.tenants")
    else:
        for index in _without_tenant(rules):
            report(f"match.{index}", "captures no {tenant}, and tenancy.tenant names none")
    return Tenants(name, entered, default)


def _places(rules: Sequence[MatchRule]) -> set[str]:
    """Where the match entries capture the tenant: in the host, in the path, or in both kinds of entries."""
    places = {"host" for rule in rules if TENANT in rule.host.captures}
    return places | {"path" for rule in rules if TENANT in rule.path.captures}


def _without_tenant(rules: Sequence[MatchRule]) -> Iterator[int]:
    return (index for index, rule in enumerate(rules) if TENANT not in rule.captures)


def _spelt(tenant: str, places: set[str]) -> str:
    """The name as captures spell it. Raises ValueError for one that none could hold."""
    if places == {"host"}:
        tenant = _as_label(tenant)
    patterns = {"host": host_patterns.CAPTURED.pattern, "path": path_patterns.CAPTURED.pattern}
    if not any(re.fullmatch(patterns[place], tenant) for place in places or patterns):
        raise ValueError("is no name that a capture could hold: see the profile reference on match")
    return tenant


def _as_label(tenant: str) -> str:
    """In lower case, an international name in its A-label, as clients ask for it."""
    try:
        return normalize_host(f"{tenant}.invalid").removesuffix(".invalid")
    except ValueError:
        return tenant
