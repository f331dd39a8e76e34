"""Makes a record of each request at its end; what stands in it, `profiles.access_records` says."""

from __future__ import annotations

import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from mitmproxy import http

from addons.flows import client_name_of, passage_of, refusal_of
from profiles.access_records import AccessRecord

WriteRecord = Callable[[AccessRecord, float], None]
"""Takes a record and its instant, in seconds since the epoch."""


class AccessLog:
    """Writes a record when a request has its answer, or has failed."""

    def __init__(self, write: WriteRecord) -> None:
        self._write = write
        self._started: WeakKeyDictionary[http.HTTPFlow, float] = WeakKeyDictionary()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self._started[flow] = time.perf_counter()

    def response(self, flow: http.HTTPFlow) -> None:
        self._log(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._log(flow)

    def http_connect_error(self, flow: http.HTTPFlow) -> None:
        self._log(flow)

    def _log(self, flow: http.HTTPFlow) -> None:
        started = self._started.pop(flow, None)
        duration = time.perf_counter() - started if started is not None else 0.0
        self._write(record_of(flow, duration), time.time())


def record_of(flow: http.HTTPFlow, duration: float) -> AccessRecord:
    """What is said of the flow; *duration* in seconds."""
    data = flow.request.data
    passage, refusal = passage_of(flow), refusal_of(flow)
    client = client_name_of(flow.client_conn)
    peer = flow.client_conn.peername
    profile = passage.exchange.profile.name if passage else (refusal.profile if refusal else None)
    scheme = data.scheme.decode("latin-1")
    return AccessRecord(
        client=client or (peer[0] if peer else None),
        profile=profile,
        origin=f"{scheme}://{data.host}:{data.port}" if scheme else f"{data.host}:{data.port}",
        method=data.method.decode("latin-1"),
        path=data.path.decode("latin-1").partition("?")[0],
        status=flow.response.status_code if flow.response else None,
        refusal=refusal.slug if refusal else None,
        token=passage.exchange.event if passage else None,
        replayed=passage.exchange.replayed if passage else False,
        duration=duration,
    )
