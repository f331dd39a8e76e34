"""How many files and sockets the process may have open: as many as its limits on connections need."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

from proxy.limit_settings import LimitSettings

OTHERS: Final = 256
"""For everything that is no connection: listeners, logs, token requests, certificates on their way."""


def raise_limit(limits: LimitSettings) -> int:
    """Raises the soft limit towards what the connections need, as far as the hard one permits, and gives it.

    A client's connection has one to an origin beside it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * limits.connections + OTHERS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
