"""The last hour by minute: how many requests and token requests there were, in all and by profile.

Nothing on the way of a request knows of it: what the tallies have counted is looked at from time to time.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cachetools import LRUCache

from profiles.tallies import Tallies

MINUTES = 60

SECONDS_BETWEEN_SAMPLES = 10.0

MOST_PROFILES = 10_000
"""That were active lately; of more, those that were active last are known."""

_GRANTED = "granted"
_CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class LastHour:
    """Counts by minute, the current one last; `ends_at` is when that began, in seconds since the epoch."""

    requests: tuple[int, ...]
    renewals: tuple[int, ...]
    ends_at: float


class _Minutes:
    """A ring of counts; what is older than an hour is overwritten."""

    __slots__ = ("_counts", "_latest")

    def __init__(self, minute: int) -> None:
        self._counts = array("Q", bytes(8 * MINUTES))
        self._latest = minute

    def add(self, count: int, minute: int) -> None:
        self._advance(minute)
        self._counts[self._latest % MINUTES] += count

    def until(self, minute: int) -> tuple[int, ...]:
        """The counts of an hour, the oldest first."""
        self._advance(minute)
        start = (self._latest + 1) % MINUTES
        return (*self._counts[start:], *self._counts[:start])

    def _advance(self, minute: int) -> None:
        # A clock that is set back counts in its latest minute until it has caught up.
        for passed in range(max(self._latest + 1, minute - MINUTES + 1), minute + 1):
            self._counts[passed % MINUTES] = 0
        self._latest = max(self._latest, minute)


class History:
    """Fed by `sample`; *tallies* gives what has been counted so far, *clock* seconds since the epoch."""

    def __init__(self, tallies: Callable[[], Tallies], *, clock: Callable[[], float] = time.time) -> None:
        self._tallies = tallies
        self._clock = clock
        minute = self._minute()
        self._requests, self._renewals = _Minutes(minute), _Minutes(minute)
        self._by_profile: LRUCache[str, tuple[_Minutes, _Minutes]] = LRUCache(MOST_PROFILES)
        self._seen_requests: dict[tuple[str, str], int] = {}
        self._seen_token_requests: dict[tuple[str, str, str], int] = {}
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Samples until it is cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(SECONDS_BETWEEN_SAMPLES)

    def sample(self) -> None:
        """Takes in what was counted since the last time."""
        tallies, minute = self._tallies(), self._minute()
        for (profile, _), count in _grown(tallies.requests, self._seen_requests).items():
            self._requests.add(count, minute)
            if profile:
                self._of(profile, minute)[0].add(count, minute)
        failed: set[str] = set()
        granted: set[str] = set()
        for (profile, _, outcome), count in _grown(tallies.token_requests, self._seen_token_requests).items():
            self._renewals.add(count, minute)
            self._of(profile, minute)[1].add(count, minute)
            if outcome != _CANCELLED:
                (granted if outcome == _GRANTED else failed).add(profile)
        self._failing = (self._failing | failed) - granted

    def all(self) -> LastHour:
        """What all profiles had, and requests that none owns."""
        minute = self._minute()
        return LastHour(self._requests.until(minute), self._renewals.until(minute), minute * 60.0)

    def of(self, profile: str) -> LastHour:
        """What one profile had."""
        minute = self._minute()
        requests, renewals = self._by_profile.get(profile) or (_Minutes(minute), _Minutes(minute))
        return LastHour(requests.until(minute), renewals.until(minute), minute * 60.0)

    def knows(self, profile: str) -> bool:
        """Whether there was anything of the profile, as far back as one remembers."""
        return profile in self._by_profile

    @property
    def failing(self) -> frozenset[str]:
        """The profiles of whose last token requests none was granted."""
        return frozenset(self._failing)

    def _of(self, profile: str, minute: int) -> tuple[_Minutes, _Minutes]:
        minutes = self._by_profile.get(profile)
        if minutes is None:
            minutes = self._by_profile[profile] = (_Minutes(minute), _Minutes(minute))
        return minutes

    def _minute(self) -> int:
        return int(self._clock() // 60)


def _grown[K](counts: Mapping[K, int], seen: dict[K, int]) -> dict[K, int]:
    """By how much each count has grown over what was *seen*, which is brought up to date."""
    grown = {key: count - seen.get(key, 0) for key, count in counts.items() if count != seen.get(key, 0)}
    seen.update((key, counts[key]) for key in grown)
    return grown
