"""Tells pages for people from answers for programs, and log-in pages from the others."""

from __future__ import annotations

import re

_BEGINS = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)

LOG_IN_MARKS = ("type=.?password", "(?i)<title>[^<]*(?:log|sign)[- ]?[io]n")
"""Patterns that only a log-in page has; each can stand in `auth_error` as it is."""


def is_html(text: str) -> bool:
    """Whether it is an HTML page, whatever its media type says."""
    return _BEGINS.match(text) is not None


def mark_of_log_in(text: str) -> str | None:
    """The pattern by which the page is known as one where people log in, None for all others."""
    if not is_html(text):
        return None
    return next((mark for mark in LOG_IN_MARKS if re.search(mark, text)), None)
