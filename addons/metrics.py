"""Tells an observer of each request: what came of it, and how long it was held up before it could go on."""

from __future__ import annotations

import time
from collections.abc import Callable

from mitmproxy import http

from addons.flows import passage_of, refusal_of
from profiles.observation import Observer


class Metrics:
    """Stands behind the addons that decide. *clock* is that of mitmproxy's timestamps, in seconds."""

    def __init__(self, observer: Observer, *, clock: Callable[[], float] = time.time) -> None:
        self._observer = observer
        self._clock = clock

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if passage_of(flow) is not None:
            # The clock may have been set back meanwhile.
            self._observer.authorization_took(max(0.0, self._clock() - flow.request.timestamp_start))

    def response(self, flow: http.HTTPFlow) -> None:
        self._ended(flow, "forwarded")

    def error(self, flow: http.HTTPFlow) -> None:
        self._ended(flow, "failed")

    def http_connect_error(self, flow: http.HTTPFlow) -> None:
        self._ended(flow, "failed")

    def _ended(self, flow: http.HTTPFlow, outcome: str) -> None:
        passage, refusal = passage_of(flow), refusal_of(flow)
        profile = passage.exchange.profile.name if passage else (refusal.profile if refusal else None)
        replayed = passage.exchange.replayed if passage else False
        self._observer.request_ended(profile or "", refusal.slug if refusal else outcome, replayed=replayed)
