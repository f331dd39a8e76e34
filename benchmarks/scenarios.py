"""What is measured: who carries what, against whom, and which ratio is the goal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bodies import downloads, uploads
from comparisons import Comparison, on_its_cpu, side_by_side
from connections import Route
from contenders import (
    ENVOY,
    KEYS_ON_THE_WIRE,
    MANY_PROFILES,
    NGINX,
    PROXY_PY,
    STOCK,
    Contender,
    Proxy,
    Surroundings,
    grantproxy,
)
from load import Load, over_http, over_https
from processes import UnmeasurableError
from steady_rate import RATE, at_steady_rate

REASON_LENGTH = 200
type Carried = Callable[[Surroundings, Proxy, int], Load]
"""Sends something through a proxy for so many seconds."""


@dataclass(frozen=True)
class Side:
    """A contender and what it is to carry."""

    contender: Contender
    carried: Carried
    remark: str = ""

    @property
    def name(self) -> str:
        """As the page has it."""
        return f"{self.contender.name}{', ' if self.remark else ''}{self.remark}"


@dataclass(frozen=True)
class Duel:
    """A comparison that is to be made."""

    first: Side
    second: Side
    least: float | None = None


@dataclass(frozen=True)
class Scenario:
    """A table of the page: duels about one thing."""

    key: str
    title: str
    item: str
    """What is counted."""
    duels: tuple[Duel, ...]
    is_about_latency: bool = False
    longest: int | None = None
    """Seconds of a run at most, where more do not say more."""
    rounds: int = 1
    """How many times as many pairs as elsewhere, where the goal is a difference of a few per cent."""

    @property
    def unit(self) -> str:
        """Of the rate."""
        return "MB/s" if self.item == "MB" else f"{self.item}s/s"

    def results(self, around: Surroundings, pairs: int, seconds: int) -> Iterator[Comparison]:
        """Makes the comparisons; each contender is started when it is first needed, and runs to the end."""
        seconds = min(seconds, self.longest or seconds)
        with contextlib.ExitStack() as stack:
            proxies: dict[str, Proxy] = {}

            def run_of(side: Side) -> Callable[[int], Load]:
                if side.contender.name not in proxies:
                    proxies[side.contender.name] = stack.enter_context(side.contender.start(around))
                proxy = proxies[side.contender.name]
                return on_its_cpu(proxy, lambda duration: side.carried(around, proxy, duration))

            for duel in self.duels:
                comparison = Comparison(duel.first.name, duel.second.name, duel.least)
                try:
                    runs = run_of(duel.first), run_of(duel.second)
                    loads = side_by_side(*runs, pairs * self.rounds, seconds)
                    yield replace(comparison, pairs=loads)
                except UnmeasurableError as reason:
                    yield replace(comparison, failure=" ".join(str(reason).split())[:REASON_LENGTH])


def scenarios(lane: str) -> tuple[Scenario, ...]:
    """All of them, for one lane of ours; the other is a contender."""
    ours = grantproxy(lane)
    other_lane = () if lane == "mitmproxy" else (grantproxy("mitmproxy"),)

    def against(carried: Carried, goals: dict[Contender, float | None]) -> tuple[Duel, ...]:
        return tuple(Duel(Side(ours, carried), Side(other, carried), least) for other, least in goals.items())

    return (
        Scenario(
            "http",
            "Plain HTTP, keep-alive, small answers",
            "request",
            against(
                _http,
                {STOCK: 20, PROXY_PY: 2, ENVOY: 1} | dict.fromkeys((*other_lane, KEYS_ON_THE_WIRE, NGINX)),
            ),
        ),
        Scenario(
            "https",
            "Intercepted HTTPS, keep-alive, small answers",
            "request",
            against(_https, {STOCK: 12} | dict.fromkeys((*other_lane, PROXY_PY, KEYS_ON_THE_WIRE, NGINX))),
        ),
        Scenario(
            "connections",
            "New TLS connections: CONNECT, handshake, one request, close",
            "connection",
            against(_new_connections, {STOCK: 3} | dict.fromkeys((*other_lane, NGINX))),
        ),
        Scenario("bodies", "Bodies of 100 MB", "MB", _bodies(ours), longest=1),
        Scenario(
            "authorization", "What authorization itself costs", "request", _authorization(lane), rounds=2
        ),
        Scenario(
            "latency",
            f"Latency at {RATE} requests a second",
            "request",
            _latency((ours, *other_lane, STOCK)),
            is_about_latency=True,
        ),
    )


def _http(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
    return over_http(around.folder, proxy, around.origin.ports.matched, seconds)


def _unmatched_http(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
    return over_http(around.folder, proxy, around.origin.ports.unmatched, seconds)


def _https(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
    return over_https(proxy, around.origin.ports.matched_tls, seconds)


def _new_connections(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
    return over_https(proxy, around.origin.ports.matched_tls, seconds, keep_alive=False)


def _bodies(ours: Contender) -> tuple[Duel, ...]:
    """Down and up, in the clear and intercepted, against stock and against the relay of the same proxy."""
    duels = []
    for tls, relay_share in ((False, 0.5), (True, None)):
        for transfer, direction in ((downloads, "down"), (uploads, "up")):
            remark = f"{direction} over {'HTTPS' if tls else 'HTTP'}"
            carried, relayed = (_transfers(transfer, tls=tls, relayed=relayed) for relayed in (False, True))
            first = Side(ours, carried, remark)
            duels.append(Duel(first, Side(STOCK, carried, remark), 5))
            duels.append(Duel(first, Side(ours, relayed, f"{remark}, raw relay"), relay_share))
            if tls:  # client and origin encrypt, too, and soon fill what the proxy leaves of the machine
                duels.append(Duel(first, Side(NGINX, carried, remark)))
    return tuple(duels)


def _transfers(transfer: Callable[[Route, float], Load], *, tls: bool, relayed: bool) -> Carried:
    def carried(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
        ports = around.origin.uploads if transfer is uploads else around.origin.ports
        return transfer(Route(proxy, ports.port(matched=not relayed, tls=tls), tls, tunnel=relayed), seconds)

    return carried


def _authorization(lane: str) -> tuple[Duel, ...]:
    matched = Side(grantproxy(lane), _http, "matched")
    return (
        Duel(matched, Side(grantproxy(lane), _unmatched_http, "unmatched"), 0.90),
        Duel(Side(grantproxy(lane, MANY_PROFILES), _http, "matched"), matched, 0.95),
    )


def _latency(interceptors: tuple[Contender, ...]) -> tuple[Duel, ...]:
    def http(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
        return at_steady_rate(Route(proxy, around.origin.ports.matched), seconds)

    def https(around: Surroundings, proxy: Proxy, seconds: int) -> Load:
        return at_steady_rate(Route(proxy, around.origin.ports.matched_tls, tls=True), seconds)

    def duel(contender: Contender, carried: Carried, remark: str) -> Duel:
        return Duel(Side(contender, carried, remark), Side(NGINX, carried, remark))

    return (
        *(duel(contender, http, "HTTP") for contender in (*interceptors, ENVOY)),
        *(duel(contender, https, "HTTPS") for contender in interceptors),
    )
