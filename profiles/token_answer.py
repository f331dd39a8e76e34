"""What a token endpoint sent, as it came: status, header fields, cookies and body."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from profiles.lifetimes import instant_of_http_date

LONGEST_WAIT = 3600
"""Seconds; a Retry-After beyond is cut to it."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint sent. The repr shows the status alone."""

    status_code: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def field_values(self, name: str) -> list[str]:
        """The values of a header field, one for each line of it."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that is set, the last one's where it is set twice (RFC 6265 section 5.3)."""
        values = [value for key, value in self._cookies() if key == name]
        return values[-1] if values else None

    @property
    def media_type(self) -> str | None:
        """The Content-Type field with its parameters."""
        return next(iter(self.field_values("content-type")), None)

    @property
    def sent_at(self) -> float | None:
        """The authorization server's own clock: its Date field, in seconds since the epoch."""
        return next(
            (at for at in map(instant_of_http_date, self.field_values("date")) if at is not None), None
        )

    def retry_after(self, now: float) -> int | None:
        """Whole seconds to wait (RFC 9110 section 10.2.3), given as seconds or as a date; an hour at most."""
        for value in map(str.strip, self.field_values("retry-after")):
            if value.isascii() and value.isdigit():
                # Python converts no number of thousands of digits, and this one is cut to an hour anyway.
                return min(int(value), LONGEST_WAIT) if len(value) <= 9 else LONGEST_WAIT
            at = instant_of_http_date(value)
            if at is not None:
                # By the clock that the date was made with, where it is known.
                left = at - (self.sent_at if self.sent_at is not None else now)
                return min(max(math.ceil(left), 0), LONGEST_WAIT)
        return None

    def _cookies(self) -> Iterator[tuple[str, str]]:
        """Name and value before the first semicolon, as RFC 6265 section 5.2 reads them.

        Not by `http.cookies`: it drops the whole field for an attribute that it does not know.
        """
        for text in self.field_values("set-cookie"):
            name, separator, value = text.partition(";")[0].partition("=")
            if separator:
                value = value.strip()
                if len(value) > 1 and value.startswith('"') and value.endswith('"'):
                    value = value[1:-1]
                yield name.strip(), value
