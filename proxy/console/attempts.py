"""Counts failed sign-ins by address, so that nobody tries one secret after the other."""

from __future__ import annotations

import ipaddress
import math
from collections import deque
from collections.abc import Callable

from cachetools import LRUCache

MOST_FAILURES = 10
SECONDS = 60.0
"""So many in so long, and then no secret from there is looked at until the first is that long ago."""

REMEMBERED_ADDRESSES = 4096


class Attempts:
    """Failed attempts of the last minute; *clock* is in seconds. IPv6 addresses count by their /64, of which
    whoever has one address has all."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: LRUCache[str, deque[float]] = LRUCache(REMEMBERED_ADDRESSES)

    def seconds_to_wait(self, address: str) -> int:
        """How long nothing from *address* is looked at; 0 where it may try."""
        failures = self._failures.get(_network_of(address))
        if failures is None or len(failures) < MOST_FAILURES:
            return 0
        return max(0, math.ceil(failures[0] + SECONDS - self._clock()))

    def note(self, address: str) -> None:
        """Counts an attempt as failed. Where its check takes time, that is before the check."""
        network = _network_of(address)
        failures = self._failures.get(network)
        if failures is None:
            failures = self._failures[network] = deque(maxlen=MOST_FAILURES)
        failures.append(self._clock())

    def withdraw(self, address: str) -> None:
        """The attempt that was counted last turned out right. Those before it stay: they were not."""
        failures = self._failures.get(_network_of(address))
        if failures:
            failures.pop()


def _network_of(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
