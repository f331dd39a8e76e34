"""What should be put right in a configuration that is valid all the same, for `check` and `serve` to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from profiles.errors import Problem
from proxy.configuration_tree import Positions
from proxy.settings import ProxySettings

Warn = Callable[[ProxySettings, Positions], Iterator[Problem]]
"""Looks at checked settings and yields what should be put right, placed where it was written."""


def warnings_about(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    """Everything that `WARNINGS` has to say. No network, no secret, no value in any of it."""
    for warn in WARNINGS:
        yield from warn(settings, positions)


def _console_in_the_clear(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    if settings.console is not None and not settings.console.is_loopback:
        yield positions.problem(
            "the console has no TLS of its own: beyond loopback, put one in front of it, or its sign-in and "
            "what it shows can be read on the way",
            "console",
        )


WARNINGS: tuple[Warn, ...] = (_console_in_the_clear,)
