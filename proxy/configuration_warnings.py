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


def _silent_console(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    # The default is no wish of anybody's: only who has set an address waits for something there.
    if "console" in settings.model_fields_set and settings.console is not None:
        yield positions.problem("nothing listens at this address in this release", "console")


WARNINGS: tuple[Warn, ...] = (_silent_console,)
