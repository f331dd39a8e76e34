"""Counts what is observed, in plain numbers: cheap on the way of a request, read when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

TOKEN_REQUEST_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
AUTHORIZATION_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0)
"""Seconds: the steady state is well below a millisecond, a request that waits for a token is not."""


class Histogram:
    """How many observations were at most each of *bounds*, which rise; and their sum."""

    __slots__ = ("_counts", "bounds", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each bound with the number of observations up to it; the last bound is infinity."""
        return zip((*self.bounds, float("inf")), accumulate(self._counts), strict=True)


class Tallies:
    """An observer that counts. A profile has numbers from its first request on."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """By profile and outcome."""
        self.replays: Counter[str] = Counter()
        """By profile."""
        self.token_requests: Counter[tuple[str, str, str]] = Counter()
        """By profile, grant and outcome."""
        self.token_request_seconds: dict[str, Histogram] = {}
        """By profile."""
        self.authorization_seconds = Histogram(AUTHORIZATION_BOUNDS)
        self.limits_reached: Counter[str] = Counter()
        """By the limit's name."""

    def token_requested(self, profile: str, grant: str, outcome: str, seconds: float) -> None:
        self.token_requests[profile, grant, outcome] += 1
        histogram = self.token_request_seconds.get(profile)
        if histogram is None:
            histogram = self.token_request_seconds[profile] = Histogram(TOKEN_REQUEST_BOUNDS)
        histogram.observe(seconds)

    def request_ended(self, profile: str, outcome: str, *, replayed: bool) -> None:
        self.requests[profile, outcome] += 1
        if replayed:
            self.replays[profile] += 1

    def authorization_took(self, seconds: float) -> None:
        self.authorization_seconds.observe(seconds)

    def limit_reached(self, limit: str) -> None:
        self.limits_reached[limit] += 1
