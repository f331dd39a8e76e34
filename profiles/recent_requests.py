"""The last requests of each profile, for whoever looks on: what the access log says, without the log."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from profiles.access_records import AccessRecord

REMEMBERED = 50
"""Requests of one profile."""

MAXIMUM_PROFILES = 1000
"""Over it, the profile whose first request came longest ago is forgotten."""


class RecentRequest(NamedTuple):
    """One request at its end; *at* is its instant in seconds since the epoch."""

    record: AccessRecord
    at: float


class RecentRequests:
    """Kept in memory, on the way of every request: a look-up and an append, and plain ones."""

    def __init__(self) -> None:
        self._by_profile: dict[str, deque[tuple[AccessRecord, float]]] = {}

    def add(self, record: AccessRecord, at: float) -> None:
        """One more request has ended; those that no profile owns are not remembered."""
        name = record.profile
        if name is None:
            return
        requests = self._by_profile.get(name)
        if requests is None:
            if len(self._by_profile) >= MAXIMUM_PROFILES:
                del self._by_profile[next(iter(self._by_profile))]
            requests = self._by_profile[name] = deque(maxlen=REMEMBERED)
        requests.append((record, at))

    def of(self, profile: str) -> tuple[RecentRequest, ...]:
        """The profile's last requests, the newest first."""
        requests = self._by_profile.get(profile, ())
        return tuple(RecentRequest(record, at) for record, at in reversed(requests))
