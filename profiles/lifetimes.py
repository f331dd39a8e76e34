"""How long a token lives, in the spellings of real servers: durations, instants, and a JWT's own word."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_LIFETIME = 10 * 365 * 86400.0
"""Seconds; what is longer is held for no longer, so that "for ever" is never believed."""

_LONGEST_CLAIMS = 16_384


def duration_of(value: Any, unit: float = 1.0) -> float | None:
    """Seconds. Zero means "does not expire" with some servers and nothing with others, and a negative
    number means nothing: both are taken as not told, because for ever is a long time to be wrong."""
    number = _number(value)
    if number is None or number <= 0:
        return None
    return min(number * unit, LONGEST_LIFETIME)


def instant_of(value: Any) -> float | None:
    """Seconds since the epoch, from epoch seconds, epoch milliseconds, ISO 8601 or an HTTP date."""
    number = _number(value)
    if number is not None:
        return number / 1000 if number > 1e11 else number if number > 0 else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return instant_of_http_date(value)
    return _timestamp(moment)


def instant_of_http_date(text: str) -> float | None:
    """Seconds since the epoch, from a date in any of the three forms of RFC 9110 section 5.6.7."""
    try:
        return _timestamp(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def time_left(expires_at: float, *clocks: float | None) -> float | None:
    """Seconds until *expires_at* by whichever clock leaves least, but more than nothing.

    Clocks differ: by one that is ahead, a token that has just been issued may be over already, and by
    one that is behind, it would be sent for too long. None where no clock leaves anything.
    """
    left = [expires_at - clock for clock in clocks if clock is not None and expires_at > clock]
    return min(*left, LONGEST_LIFETIME) if left else None


def lifetime_of_jwt(token: str, *clocks: float) -> float | None:
    """What a JWT says of itself (RFC 7519 section 4.1.4), unverified: it is the origin's to verify.

    Its `iat` counts as one more clock. `nbf` is not waited for: the origin's clock decides about it.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(parts[1]) > _LONGEST_CLAIMS:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(claims, Mapping):
        return None
    expires_at = _number(claims.get("exp"))
    return None if expires_at is None else time_left(expires_at, _number(claims.get("iat")), *clocks)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _timestamp(moment: datetime) -> float:
    """What names no zone is in UTC: servers mean their own, and HTTP has no other."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
