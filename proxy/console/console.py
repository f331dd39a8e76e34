"""What every route of the console is given: the running proxy, who is signed in, pages, and the last hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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

    def survey(self) -> Survey:
        """How it stands with all profiles now."""
        return Survey(self.proxy.snapshot(), self.history, self.clock())
