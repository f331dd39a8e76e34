"""Looks a field up in a header section as mitmproxy's Headers does, in one pass and without an exception.

mitmproxy looks some twenty fields up for each request, most of which are not there.
"""

from __future__ import annotations

from typing import Any

from mitmproxy import http


def install() -> None:
    """Has every Headers of this process look its fields up by the functions below."""
    http.Headers.get = get  # type: ignore[method-assign, assignment]
    http.Headers.__contains__ = contains  # type: ignore[method-assign, assignment]


def get(headers: http.Headers, name: str | bytes, default: Any = None) -> Any:
    """The field's value, several folded into one by commas (RFC 9110 section 5.3); without it, *default*."""
    wanted = _lowered(name)
    values = [value for key, value in headers.fields if key.lower() == wanted]
    if not values:
        return default
    return (values[0] if len(values) == 1 else b", ".join(values)).decode("utf-8", "surrogateescape")


def contains(headers: http.Headers, name: str | bytes) -> bool:
    """Whether there is such a field."""
    wanted = _lowered(name)
    for key, _ in headers.fields:  # noqa: SIM110 - a generator would cost more than the search
        if key.lower() == wanted:
            return True
    return False


def _lowered(name: str | bytes) -> bytes:
    return (name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")).lower()
