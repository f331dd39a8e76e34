"""What a running proxy tells of its tokens, as a table: whose, how old, how long; never the token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = ("profile", "captures", "user", "token", "age", "expires", "refresh", "guard")


def rows(states: Sequence[Mapping[str, Any]], profiles: Iterable[str], now: float) -> list[tuple[str, ...]]:
    """The states (`profiles.tokens.TokenState` as the control socket gives them) as rows under `COLUMNS`.

    A profile that was not used yet has a row that says so. *now* is in seconds since the epoch.
    """
    used = {state["profile"] for state in states}
    found = [_row(state, now) for state in states]
    found += [(name, "", "", "none yet", "", "", "", "") for name in profiles if name not in used]
    return sorted(found)


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
