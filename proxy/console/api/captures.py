"""What the API is told instead of what a match entry captures, held against what one could."""

from __future__ import annotations

from collections.abc import Mapping

from profiles.authorization import Captures
from profiles.profile import Profile
from profiles.tenants import TENANT
from proxy.console.api.problems import misfit


def check_captures(profile: Profile, captures: Mapping[str, str]) -> None:
    """Raises a Failure for what no match entry captures: it would take the place of a setting or an entry."""
    if not captures.keys() <= _known(profile):
        raise misfit("capture_unknown", "No entry of match captures that.", "captures")


def check_complete(profile: Profile, captures: Mapping[str, str]) -> None:
    """Raises a Failure where one is missing that token requests mention: no request would come without."""
    missing = (_known(profile) & profile.grant.names) - captures.keys()
    if profile.tenant_of({}) is not None:
        missing.discard(TENANT)
    if missing:
        raise misfit("capture_missing", f"Token requests mention {', '.join(sorted(missing))}.", "captures")


def held_for(profile: Profile, captures: Mapping[str, str]) -> Captures:
    """Those of *captures* that a token is held for. Raises a Failure for what no match entry captures."""
    check_captures(profile, captures)
    return profile.token_captures(tuple(captures.items()))


def _known(profile: Profile) -> set[str]:
    captured = {name for rule in profile.rules for name in rule.captures}
    return captured | ({TENANT} if profile.tenants is not None else set())
