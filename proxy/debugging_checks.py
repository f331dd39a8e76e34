"""Leaves out of mitmproxy what `python -O` would: checks that only tell its developers of their mistakes."""

from __future__ import annotations

from mitmproxy import http


def leave_out() -> None:
    """Has messages made without a look at the type of each of their fields, a third of a request's time."""
    http.MessageData.__post_init__ = _nothing  # type: ignore[method-assign]


def _nothing(_: http.MessageData) -> None:
    pass
