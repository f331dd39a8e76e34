"""How long no token request is sent for a key, after an answer that another request would not better."""

from __future__ import annotations

import math

from profiles.backoff import Backoff
from profiles.errors import Refusal, TokenEndpointUnreachable, TokenRequestRejected, TokenResponseInvalid

SHORTEST_PAUSE = 1.0
"""Seconds, also where `renewal_cooldown` is 0: that one is about the origin."""

LONGEST_PAUSE = 300.0
"""Seconds: what the doubling ends at. A Retry-After may ask for more."""


class Pause:
    """Remembers the outcome that asked to be left alone, and gives it again until the time is over.

    A Retry-After is honoured as it stands. An answer that took the password and gave no token, a 429 that
    names no time, and a refused client are left alone for the key's cooldown, doubling: else each
    request would submit the password. An unreachable endpoint is not remembered: the next request tries.
    """

    __slots__ = ("_backoff", "_outcome")

    def __init__(self) -> None:
        self._backoff = Backoff(0.0, LONGEST_PAUSE)
        self._outcome: Refusal | None = None

    def note(self, failure: Refusal, first: float, now: float) -> None:
        """Takes note of *failure*; *first* is the shortest pause in seconds."""
        wait = failure.retry_after
        if isinstance(failure, TokenEndpointUnreachable) and wait is None:
            return
        if wait is None:
            self._backoff.first = max(first, SHORTEST_PAUSE)
            self._backoff.fail(now)
        else:
            self._backoff.until = max(self._backoff.until, now + wait)
        # A copy: the refusal itself holds on to the frames of everybody it was raised in.
        self._outcome = _copied(failure, wait)

    def check(self, now: float) -> None:
        """Raises the outcome of before, with what is left of the time to wait."""
        if self._outcome is not None and self._backoff.holds(now):
            raise _copied(self._outcome, max(1, math.ceil(self._backoff.until - now)))

    def end(self) -> None:
        """A token was had: the next pause starts from the shortest."""
        self._backoff = Backoff(0.0, LONGEST_PAUSE)
        self._outcome = None


def _copied(refusal: Refusal, wait: int | None) -> Refusal:
    if isinstance(refusal, TokenRequestRejected):
        return TokenRequestRejected(
            refusal.detail,
            profile=refusal.profile,
            error=refusal.error,
            upstream_status=refusal.upstream_status,
            retry_after=wait,
        )
    if isinstance(refusal, TokenEndpointUnreachable):
        return TokenEndpointUnreachable(
            refusal.detail, profile=refusal.profile, timed_out=refusal.timed_out, retry_after=wait
        )
    return TokenResponseInvalid(refusal.detail, profile=refusal.profile)
