"""The running proxy as the console sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxy.composition import Composition


@dataclass
class WatchedProxy:
    """`snapshot` gives the profiles in force: a reload replaces them. `is_ready` while it takes requests."""

    snapshot: Callable[[], Composition]
    is_ready: bool = False
