"""Why no more is read of a client for now: several may hold at once, and it is read again when none does.

Plain numbers, because an enumeration's would take longer than what is done with them.
"""

from __future__ import annotations

from typing import Final

UNSENT: Final = 1
"""Enough of a body is here that cannot go out yet."""
ORIGIN: Final = 2
"""The origin takes no more."""
RENEWAL: Final = 4
"""The body goes on with the second sending."""
BEHIND: Final = 8
"""Enough has come behind a request that is not answered yet."""
