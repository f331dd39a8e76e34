"""The last requests of each profile, for whoever looks on: what the access log says, without the log."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from cachetools import LRUCache

from profiles.access_records import AccessRecord

REMEMBERED = 50
"""Requests of one profile."""

MAXIMUM_PROFILES = 256
"""Those that were asked for most lately; a busy one does not push out what is known of the others."""


class RecentRequest(NamedTuple):
    """One request at its end; *at* is its instant in seconds since the epoch."""

    record: AccessRecord
    at: float


class RecentRequests:
    """Kept in memory, on the way of every request: a look-up and an append."""

    def __init__(self) -> None:
        self._by_profile: LRUCache[str, deque[RecentRequest]] = LRUCache(MAXIMUM_PROFILES)

    def add(self, record: AccessRecord, at: float) -> None:
        """One more request has ended; those that no profile owns are not remembered."""
        name = record.profile
        if name is None:
            return
        requests = self._by_profile.get(name)
        if requests is None:
            requests = self._by_profile[name] = deque(maxlen=REMEMBERED)
        requests.append(RecentRequest(record, at))

    def of(self, profile: str) -> tuple[RecentRequest, ...]:
        """The profile's last requests, the newest first."""
        # Only who asks for requests counts as using a profile, not who looks at it.
        requests = dict(self._by_profile).get(profile, ())
        return tuple(reversed(requests))
