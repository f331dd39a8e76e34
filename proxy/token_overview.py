"""What a running proxy tells of its tokens, as a table: whose, how old, how long; never the token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from profiles.tokens import TokenState

COLUMNS = ("profile", "captures", "user", "token", "age", "expires", "refresh", "guard")


def columns(connectors: Mapping[str, Any]) -> tuple[str, ...]:
    """The headings: one more where a profile has a connector."""
    return (*COLUMNS, "connector") if connectors else COLUMNS


def rows(
    states: Sequence[Mapping[str, Any]],
    profiles: Iterable[str],
    now: float,
    connectors: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[tuple[str, ...]]:
    """The states (`profiles.tokens.TokenState` as the control socket gives them) as rows under `columns`.

    A profile that was not used yet has a row that says so. *now* is in seconds since the epoch; *connectors*
    are those of the profiles that have one (`profiles.connectors.overview_of`).
    """
    used = {state["profile"] for state in states}
    found = [_row(state, now) for state in states]
    found += [(name, "", "", "none yet", "", "", "", "") for name in profiles if name not in used]
    if connectors:
        found = [(*row, _connector(connectors.get(row[0]))) for row in found]
    return sorted(found)


def records(
    states: Sequence[Mapping[str, Any]], connectors: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The same for programs; a profile with a connector has a record before it was used as well."""
    used = {state["profile"] for state in states}
    found = [{**state, "captures": dict(state["captures"])} for state in states]
    found += [_unused(name) for name in connectors if name not in used]
    return [{**record, "connector": connectors.get(record["profile"])} for record in found]


def _unused(profile: str) -> dict[str, Any]:
    nothing = TokenState(
        profile=profile,
        captures=(),
        user="",
        obtained_at=None,
        expires_at=None,
        has_refresh_token=False,
        locked_since=None,
        cooling_until=None,
        renewing=False,
    )
    return {**asdict(nothing), "captures": {}}


def _connector(connector: Mapping[str, Any] | None) -> str:
    if connector is None:
        return ""
    if connector["available"] is None:
        return f"{connector['address']}: not tried yet"
    if connector["available"]:
        return f"{connector['address']}: available"
    return f"{connector['address']}: unavailable, it {connector['reason']}"


def _row(state: Mapping[str, Any], now: float) -> tuple[str, ...]:
    obtained, expires = state["obtained_at"], state["expires_at"]
    return (
        state["profile"],
        " ".join(f"{name}={value}" for name, value in state["captures"]),
        state["user"],
        _token(state, now),
        "" if obtained is None else duration(now - obtained),
        "" if expires is None else f"in {duration(expires - now)}" if expires > now else "expired",
        "yes" if state["has_refresh_token"] else "no",
        _guard(state, now),
    )


def _token(state: Mapping[str, Any], now: float) -> str:
    if state["renewing"]:
        return "renewing"
    if state["expires_at"] is None:
        return "none"
    return "valid" if state["expires_at"] > now else "expired"


def _guard(state: Mapping[str, Any], now: float) -> str:
    if state["locked_since"] is not None:
        return f"locked for {duration(now - state['locked_since'])}"
    if state["cooling_until"] is not None:
        return f"cooling for {duration(state['cooling_until'] - now)}"
    return "open"


def duration(seconds: float) -> str:
    """`42s`, `5m`, `3h 20m` or `2d 4h`: two units at most."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left}s"
    if left < 3600:
        return f"{left // 60}m"
    if left < 86400:
        return f"{left // 3600}h {left % 3600 // 60}m"
    return f"{left // 86400}d {left % 86400 // 3600}h"
