"""What was counted, as Prometheus reads it; a label is a profile, a grant, an outcome or a limit,
and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from profiles.tallies import Histogram, Tallies
from profiles.tokens import TokenState
from proxy.console.watched import WatchedProxy

__all__ = ["CONTENT_TYPE_LATEST", "Exposition"]


class Exposition:
    """The text that is scraped; *clock* is in seconds since the epoch."""

    def __init__(self, proxy: WatchedProxy, *, clock: Callable[[], float] = time.time) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ProxyCollector(proxy, clock))
        ProcessCollector(namespace="grantproxy", registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _ProxyCollector(Collector):
    def __init__(self, proxy: WatchedProxy, clock: Callable[[], float]) -> None:
        self._proxy = proxy
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        composition = self._proxy.snapshot()
        yield GaugeMetricFamily("grantproxy_profiles", "Profiles in force.", len(composition.profiles))
        yield from _tallied(composition.tallies)
        states = composition.tokens.overview()
        yield from _tokens(states, self._clock())
        locked = GaugeMetricFamily(
            "grantproxy_credentials_locked",
            "How many credentials of the profile were refused and are not tried again.",
            labels=["profile"],
        )
        counts = dict.fromkeys(composition.profiles, 0)
        for state in states:
            if state.locked_since is not None:
                counts[state.profile] = counts.get(state.profile, 0) + 1
        for profile, count in counts.items():
            locked.add_metric([profile], count)
        yield locked


def _tallied(tallies: Tallies) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "grantproxy_requests",
        "Requests by what came of them: forwarded, failed, or the slug of a refusal.",
        labels=["profile", "outcome"],
    )
    for (profile, outcome), number in tallies.requests.items():
        requests.add_metric([profile, outcome], number)
    yield requests
    replays = CounterMetricFamily(
        "grantproxy_replays", "Requests that were sent once more with a renewed token.", labels=["profile"]
    )
    for profile, number in tallies.replays.items():
        replays.add_metric([profile], number)
    yield replays
    token_requests = CounterMetricFamily(
        "grantproxy_token_requests",
        "Token requests by what came of them: granted, cancelled, or the slug of a refusal.",
        labels=["profile", "grant", "outcome"],
    )
    for labels, number in tallies.token_requests.items():
        token_requests.add_metric(labels, number)
    yield token_requests
    seconds = HistogramMetricFamily(
        "grantproxy_token_request_seconds", "How long a token request took.", labels=["profile"]
    )
    for profile, histogram in tallies.token_request_seconds.items():
        seconds.add_metric([profile], _buckets(histogram), histogram.sum)
    yield seconds
    added = tallies.authorization_seconds
    yield HistogramMetricFamily(
        "grantproxy_added_latency_seconds",
        "How long a request was held up before it could go to its origin.",
        buckets=_buckets(added),
        sum_value=added.sum,
    )
    limits = CounterMetricFamily(
        "grantproxy_limits_reached",
        "How often a limit on connections, requests or waiting was reached.",
        labels=["limit"],
    )
    for limit, number in tallies.limits_reached.items():
        limits.add_metric([limit], number)
    yield limits


def _tokens(states: list[TokenState], now: float) -> Iterator[Metric]:
    held = GaugeMetricFamily("grantproxy_tokens", "Valid tokens in memory.", labels=["profile"])
    expiry = GaugeMetricFamily(
        "grantproxy_token_expiry_seconds",
        "Until the first of the profile's valid tokens expires.",
        labels=["profile"],
    )
    left: dict[str, list[float]] = {}
    for state in states:
        if state.expires_at is not None and state.expires_at > now:
            left.setdefault(state.profile, []).append(state.expires_at - now)
    for profile, seconds in left.items():
        held.add_metric([profile], len(seconds))
        expiry.add_metric([profile], min(seconds))
    yield held
    yield expiry


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    return [("+Inf" if bound == float("inf") else str(bound), n) for bound, n in histogram.cumulative()]
