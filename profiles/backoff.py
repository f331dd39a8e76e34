"""Waiting times that double while a thing goes on failing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Holds until `until`; each further failure doubles the seconds, up to *longest*."""

    first: float
    longest: float
    seconds: float = 0.0
    until: float = 0.0

    def fail(self, now: float, at_least: float = 0.0) -> None:
        """Counts a failure."""
        self.seconds = min(self.seconds * 2, self.longest) if self.seconds else self.first
        self.until = now + max(self.seconds, at_least)

    def holds(self, now: float) -> bool:
        return now < self.until
