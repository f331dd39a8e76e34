"""The neutral view of a request that every lane builds and every decision is made on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Origin(NamedTuple):
    """Scheme, host and port (RFC 9110 section 4.3.1); `host` as `origins.normalize_host` leaves it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}.get(self.scheme)
        return f"{self.scheme}://{host}" if self.port == default else f"{self.scheme}://{host}:{self.port}"


HeaderFields = tuple[tuple[bytes, bytes], ...]
"""Field lines in order, names in the client's case, duplicates kept."""


@dataclass(slots=True)
class RequestHead:
    """Request line and header section, as the client sent them.

    `target` is in origin-form (RFC 9112 section 3.2.1): path and query, percent-encoding untouched.
    """

    method: str
    origin: Origin
    target: str
    headers: HeaderFields
    end_user: str = ""
    """Whose token it gets, where a per-user profile owns it; set by what decides about it."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def field_value(self, name: bytes) -> bytes | None:
        """The first value of the field, compared without case; `name` in lower case."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None
