"""What can be said of every profile at one instant: overview, profile page, events and API show the same.

Pure: a composition, the last hour and an instant go in. No token and no secret comes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from profiles.tokens import TokenState
from proxy.composition import Composition
from proxy.console.history import History

SHOWN_NAMES = 10
"""Of the profiles that a warning is about."""


class Status(StrEnum):
    """How it stands with a profile or with one of its tokens, the worst first."""

    LOCKED = "locked"
    FAILING = "failing"
    COOLING = "cooling"
    RENEWING = "renewing"
    VALID = "valid"
    EXPIRED = "expired"
    NONE = "none"
    UNUSED = "unused"

    @property
    def label(self) -> str:
        """In words."""
        return _LABELS[self]

    @property
    def kind(self) -> str:
        """How urgent it is, as the style sheet has it: `bad`, `warn`, `busy`, `good` or `calm`."""
        return _KINDS.get(self, "calm")


_LABELS = {
    Status.LOCKED: "locked",
    Status.FAILING: "failing",
    Status.COOLING: "cooling down",
    Status.RENEWING: "renewing",
    Status.VALID: "valid",
    Status.EXPIRED: "expired",
    Status.NONE: "no token",
    Status.UNUSED: "never used",
}
_KINDS = {
    Status.LOCKED: "bad",
    Status.FAILING: "bad",
    Status.COOLING: "warn",
    Status.RENEWING: "busy",
    Status.VALID: "good",
}


@dataclass(frozen=True, slots=True)
class ProfileState:
    """One profile at a glance. `note` says more than the status, and `at` is the instant that it ends in.

    `users` counts the end users who have authorized, None for a preauthorized profile; `requests` and
    `renewals` are those of the last hour.
    """

    name: str
    description: str
    status: Status
    note: str
    at: float | None
    users: int | None
    requests: int
    renewals: int

    def as_json(self) -> dict[str, Any]:
        """For the script of the overview, which shows what the page's template does."""
        return {
            "status": self.status.value,
            "label": self.status.label,
            "kind": self.status.kind,
            "note": self.note,
            "at": self.at,
            "users": self.users,
            "requests": self.requests,
            "renewals": self.renewals,
        }


@dataclass(frozen=True, slots=True)
class Warned:
    """What somebody should look at, and the profiles that it is about; `more` were too many to name."""

    text: str
    profiles: tuple[str, ...] = ()
    more: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "profiles": self.profiles, "more": self.more}


class Survey:
    """One look at all profiles, at *now* in seconds since the epoch. What is not asked for is not made."""

    def __init__(self, composition: Composition, history: History, now: float) -> None:
        history.sample()
        self.composition = composition
        self.now = now
        self._history = history
        self._failing = history.failing
        self._tokens: dict[str, list[TokenState]] = {}
        for state in composition.tokens.overview():
            self._tokens.setdefault(state.profile, []).append(state)

    def tokens_of(self, name: str) -> list[TokenState]:
        """The profile's tokens, those without one that are locked included, by tenant and user."""
        return sorted(self._tokens.get(name, ()), key=lambda state: (state.captures, state.user))

    def state_of(self, name: str) -> ProfileState:
        profile = self.composition.profiles[name]
        tokens, hour = self._tokens.get(name, []), self._history.of(name)
        status = self.status_of(name)
        note, at = _note(status, tokens, self.now)
        is_per_user = profile.settings.mode == "per_user"
        return ProfileState(
            name,
            profile.settings.description,
            status,
            note,
            at,
            len({item.user for item in tokens if _is_authorized(item, self.now)}) if is_per_user else None,
            sum(hour.requests),
            sum(hour.renewals),
        )

    def status_of(self, name: str) -> Status:
        """The worst of its tokens' states."""
        return self._statuses[name]

    @cached_property
    def _statuses(self) -> dict[str, Status]:
        return {name: self._status(name, self._tokens.get(name)) for name in self.composition.profiles}

    def _status(self, name: str, tokens: list[TokenState] | None) -> Status:
        is_failing = name in self._failing
        if not tokens:
            if is_failing:
                return Status.FAILING
            return Status.NONE if self._history.knows(name) else Status.UNUSED
        if len(tokens) == 1 and not is_failing:
            return status_of_token(tokens[0], self.now)
        found = {status_of_token(item, self.now) for item in tokens}
        if is_failing:
            found.add(Status.FAILING)
        return next(status for status in Status if status in found)

    @cached_property
    def counts(self) -> dict[Status, int]:
        """How many profiles are in each state, the worst first; those in which none is are left out."""
        counts = Counter(self._statuses.values())
        return {status: counts[status] for status in Status if counts[status]}

    def names(self, query: str = "", status: str = "") -> list[str]:
        """The profiles whose name or description has *query* in it, and that are in *status* if any."""
        wanted = query.casefold()
        return [
            name
            for name, profile in sorted(self.composition.profiles.items())
            if (wanted in name.casefold() or wanted in profile.settings.description.casefold())
            and (not status or self.status_of(name) == status)
        ]

    @cached_property
    def warnings(self) -> list[Warned]:
        """What somebody should look at, the most urgent first."""
        profiles = self.composition.profiles
        found = [
            *_about("Credentials were refused, and are not tried again.", self._in(Status.LOCKED)),
            *_about("The last token requests failed.", self._in(Status.FAILING)),
        ]
        for connector in self.composition.connectors:
            if connector.condition.available is False:
                users = (name for name, profile in profiles.items() if profile.connector == connector)
                text = f"The connector {connector} is unavailable: it {connector.condition.reason}."
                found += _about(text, users)
        found += [Warned(str(problem)) for problem in self.composition.configuration.warnings]
        cleartext = (name for name, profile in profiles.items() if profile.settings.allow_cleartext)
        return [*found, *_about("Credentials may travel unencrypted: allow_cleartext is on.", cleartext)]

    def _in(self, wanted: Status) -> Iterator[str]:
        return (name for name, status in self._statuses.items() if status is wanted)


def status_of_token(state: TokenState, now: float) -> Status:
    """How it stands with one token."""
    if state.locked_since is not None:
        return Status.LOCKED
    if state.cooling_until is not None:
        return Status.COOLING
    if state.renewing:
        return Status.RENEWING
    if state.expires_at is None:
        return Status.NONE
    return Status.VALID if state.expires_at > now else Status.EXPIRED


def _is_authorized(state: TokenState, now: float) -> bool:
    return state.has_refresh_token or status_of_token(state, now) in (Status.VALID, Status.COOLING)


def _note(status: Status, tokens: list[TokenState], now: float) -> tuple[str, float | None]:
    """What there is to say of *status*, with the instant that it ends in."""
    those = [item for item in tokens if status_of_token(item, now) == status]
    few = f"{len(those)} of {len(tokens)} tokens, " if len(tokens) > 1 else ""
    match status:
        case Status.LOCKED:
            return f"{few}since", min(item.locked_since or now for item in those)
        case Status.FAILING:
            valid = [item.expires_at or now for item in tokens if status_of_token(item, now) is Status.VALID]
            failed = "the last token request failed"
            return (f"{failed}, a token is valid until", max(valid)) if valid else (failed, None)
        case Status.COOLING:
            return f"{few}until", max(item.cooling_until or now for item in those)
        case Status.VALID:
            first = min(item.expires_at or now for item in those)
            return (f"{len(those)} tokens, the first until" if len(those) > 1 else "until"), first
        case Status.EXPIRED:
            return f"{few}since", max(item.expires_at or now for item in those)
        case _:
            return few.removesuffix(", "), None


def _about(text: str, names: Iterable[str]) -> list[Warned]:
    """One warning about many profiles, or none about none."""
    found = sorted(names)
    return [Warned(text, tuple(found[:SHOWN_NAMES]), max(0, len(found) - SHOWN_NAMES))] if found else []
