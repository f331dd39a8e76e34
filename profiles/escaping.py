"""How a value is written where it lands, so that it cannot become anything but a value there."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110 section 5.6.2), as a header field's name has to be."""

_FIELD_VALUE = re.compile(rb"[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?")
_HOST_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
"""Without IGNORECASE, by which a Kelvin sign is a k and a long s an s."""


def escape_path_segment(value: str) -> str:
    """Percent-encodes all but unreserved characters; refuses a dot segment, which would change the path."""
    if value in (".", "..", ""):
        raise ValueError("is no path segment")
    return _utf8(quote, value)


def escape_query(value: str) -> str:
    """Percent-encodes all but unreserved characters (RFC 3986 section 3.4)."""
    return _utf8(quote, value)


def escape_form(value: str) -> str:
    """As application/x-www-form-urlencoded has it: a space becomes a plus."""
    return _utf8(quote_plus, value)


def escape_host_label(value: str) -> str:
    """Lets nothing into a host but letters, digits and hyphens: no dot, so no other host."""
    if not _HOST_LABEL.fullmatch(value):
        raise ValueError("may not stand in a host")
    return value.lower()


def field_value(text: str) -> bytes:
    """The bytes of a header field's value (RFC 9110 section 5.5).

    Raises ValueError, without the value, for CR, LF, NUL, other controls and space at either end.
    """
    try:
        value = text.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("holds characters that a header field may not hold") from None
    if value and not _FIELD_VALUE.fullmatch(value):
        raise ValueError("holds characters that a header field may not hold")
    return value


def _utf8(escape: Callable[..., str], value: str) -> str:
    try:
        return escape(value, safe="")
    except UnicodeEncodeError:
        # JSON can name half a surrogate pair; Python's own message would quote it.
        raise ValueError("holds characters that UTF-8 does not have") from None
