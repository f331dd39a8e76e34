"""What every route of the console is given: the running proxy, who is signed in, pages, and the last hour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.console.access import Access
from proxy.console.history import History
from proxy.console.rendering import Pages
from proxy.console.states import Survey
from proxy.console.watched import WatchedProxy


@dataclass(frozen=True, slots=True)
class Console:
    """Handed to each function that makes routes; `clock` is in seconds since the epoch."""

    proxy: WatchedProxy
    access: Access
    pages: Pages
    history: History
    clock: Callable[[], float]
    editing_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held from the reading of the configuration's files to the writing of one, whoever edits."""

    def survey(self) -> Survey:
        """How it stands with all profiles now."""
        return Survey(self.proxy.snapshot(), self.history, self.clock())
