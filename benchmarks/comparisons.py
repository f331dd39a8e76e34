"""Two sides that take turns, A B A B, and what their runs come to."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contenders import Proxy
from load import Load
from processes import UnmeasurableError

type Run = Callable[[int], Load]
"""Loads a side for so many seconds."""
WARMING_UP = 1
"""Seconds: the first requests open connections, make certificates and fetch the token."""


@dataclass(frozen=True)
class Comparison:
    """The first side against the second; *least* is the ratio of their rates that is the goal."""

    first: str
    second: str
    least: float | None = None
    pairs: list[tuple[Load, Load]] = field(default_factory=list)
    failure: str = ""
    """Why there are no pairs."""

    def median(self, side: int, figure: str) -> float:
        """The median of one figure of a side over all pairs."""
        return statistics.median(float(getattr(pair[side], figure)) for pair in self.pairs)

    def added(self, figure: str) -> float:
        """The median of how much greater a figure is on the first side, pair by pair."""
        return statistics.median(
            getattr(first, figure) - getattr(second, figure) for first, second in self.pairs
        )

    @property
    def ratios(self) -> list[float]:
        """How much the first side carried for what the second did, pair by pair."""
        return [first.rate / second.rate for first, second in self.pairs]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def is_met(self) -> bool:
        """Whether the goal is."""
        return bool(self.pairs) and (self.least is None or self.ratio >= self.least)


def side_by_side(first: Run, second: Run, pairs: int, seconds: int) -> list[tuple[Load, Load]]:
    """Runs both in turn, after they have warmed up. What goes wrong is an UnmeasurableError."""
    try:
        first(WARMING_UP), second(WARMING_UP)
        return [(first(seconds), second(seconds)) for _ in range(pairs)]
    except OSError as error:
        raise UnmeasurableError(f"a connection failed: {error}") from error


def on_its_cpu(proxy: Proxy, run: Run) -> Run:
    """Adds to a run what each item cost the proxy's processes."""

    def measured(seconds: int) -> Load:
        before = proxy.cpu_seconds()
        load = run(seconds)
        return replace(load, cpu=(proxy.cpu_seconds() - before) / load.count * 1e6)

    return measured
