"""The running proxy as the console sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from profiles.errors import ConfigurationError, Problem
from proxy.composition import Composition
from proxy.settings import Address


def _no_reload() -> None:
    raise ConfigurationError([Problem("this proxy reads its configuration at its start only")])


@dataclass
class WatchedProxy:
    """`snapshot` gives the profiles in force: a reload replaces them. `is_ready` while it takes requests.

    `reload` reads the configuration anew; it raises ConfigurationError, and then what was before goes on.
    `address` is where the proxy listens, None where nobody said.
    """

    snapshot: Callable[[], Composition]
    is_ready: bool = False
    reload: Callable[[], None] = _no_reload
    address: Address | None = None
