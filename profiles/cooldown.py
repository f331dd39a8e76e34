"""How long the rejections of one key pass straight to the client, after an origin rejected a fresh token."""

from __future__ import annotations

from profiles.backoff import Backoff

LONGEST_COOLDOWN = 300.0
"""Seconds: what the doubling ends at."""


class Cooldown:
    """Starts with a replay that is rejected too, and is twice as long each time that happens again.

    While it holds, nothing renews. When its time is over the next rejection may; whether that replay is
    rejected or accepted decides between a doubled cooldown and a clean slate.
    """

    __slots__ = ("_backoff",)

    def __init__(self, first: float) -> None:
        self._backoff = Backoff(first, LONGEST_COOLDOWN)

    @property
    def until(self) -> float:
        """When rejections are acted upon again, in seconds since the epoch."""
        return self._backoff.until

    def holds(self, now: float) -> bool:
        return self._backoff.holds(now)

    def replay_rejected(self, now: float) -> None:
        """Requests that were replayed side by side are rejected side by side: that is one failure."""
        if not self.holds(now):
            self._backoff.fail(now)

    def replay_accepted(self, now: float) -> None:
        """Changes nothing while the cooldown holds: another resource of the same origin accepts the token
        that the one which started it keeps rejecting."""
        if not self.holds(now):
            self._backoff.seconds = 0.0
