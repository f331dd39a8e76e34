"""What somebody probably meant: the known name that is nearest to a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name in *known* that *name* looks like, compared without case; None where none does."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` to be added to a message, or nothing. Never shows *name* itself."""
    found = nearest(name, known)
    return f', did you mean "{found}"?' if found else ""
