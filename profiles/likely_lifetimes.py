"""What a number in a token endpoint's answer is likely to mean: seconds, milliseconds or an instant."""

from __future__ import annotations

import math
from typing import Any

from profiles.lifetimes import instant_of

DAY = 86_400
MINUTE_IN_MILLISECONDS = 60_000
HOUR_IN_MILLISECONDS = 3_600_000
SHORTEST_IN_DOUBT = 3 * DAY
"""Seconds; up to here a number is believed as it is."""

_INSTANTS = ((1e9, 4e9), (1e12, 4e12))
"""From 2001 to 2096, in seconds and in milliseconds since the epoch."""

_LARGEST = 2**31 - 1
"""What some servers mean by "for ever"; as an instant it would be a day in 2038."""


def is_instant(value: Any) -> bool:
    """Whether it is a point in time: a date, or what has gone since 1970."""
    number = _number(value)
    if number is None:
        return isinstance(value, str) and instant_of(value) is not None
    if number == _LARGEST or _is_whole(number, HOUR_IN_MILLISECONDS):
        return False
    return any(first < number < last for first, last in _INSTANTS)


def is_in_milliseconds(value: Any) -> bool:
    """Whether a lifetime that is read as seconds is rather told in milliseconds.

    People choose round lifetimes, so the larger round unit wins: 3600000 is one hour in milliseconds and no
    whole number of days, 31536000 is 365 days and no whole number of minutes in milliseconds.
    """
    number = _number(value)
    if number is None or number < SHORTEST_IN_DOUBT or is_instant(value):
        return False
    # Some servers tell what is left of it, by a second or two less than they were set to.
    if _is_whole(number, HOUR_IN_MILLISECONDS, less=2000):
        return True
    return not _is_whole(number, DAY, less=60) and _is_whole(number, MINUTE_IN_MILLISECONDS, less=2000)


def is_in_seconds(value: Any) -> bool:
    """Whether a lifetime that is read as milliseconds is rather told in seconds."""
    number = _number(value)
    return number is not None and (0 < number < 30_000 or (number < 100_000 and number % 1000 != 0))


def _is_whole(number: float, unit: int, *, less: int = 0) -> bool:
    """Whether it is a multiple of *unit*, or falls short of one by at most *less*."""
    return -number % unit <= less


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
