"""One structured line for each request: who asked what of whom, what came of it, how its token was had.

The path stands in it as the client sent it, without its query; nothing that was injected does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from mitmproxy import http

from addons.flows import client_name_of, passage_of, refusal_of

WriteLine = Callable[[str], None]

_encode = json.JSONEncoder(separators=(",", ":")).encode


class AccessLog:
    """Writes a line when a request has its answer, or has failed."""

    def __init__(self, write: WriteLine, *, readable: bool) -> None:
        self._write = write
        self._line_of = readable_line if readable else json_line
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
        self._write(self._line_of(record_of(flow, duration)))


def record_of(flow: http.HTTPFlow, duration: float) -> dict[str, Any]:
    """The members of a line; *duration* in seconds, `time` in ISO 8601."""
    data = flow.request.data
    passage, refusal = passage_of(flow), refusal_of(flow)
    client = client_name_of(flow.client_conn)
    peer = flow.client_conn.peername
    profile = passage.exchange.profile.name if passage else (refusal.profile if refusal else None)
    scheme = data.scheme.decode("latin-1")
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "client": client or (peer[0] if peer else None),
        "profile": profile,
        "origin": f"{scheme}://{data.host}:{data.port}" if scheme else f"{data.host}:{data.port}",
        "method": data.method.decode("latin-1"),
        "path": data.path.decode("latin-1").partition("?")[0],
        "status": flow.response.status_code if flow.response else None,
        "refusal": refusal.slug if refusal else None,
        "token": str(passage.exchange.event) if passage else None,
        "replayed": passage.exchange.replayed if passage else False,
        "duration": round(duration, 4),
    }


def json_line(record: dict[str, Any]) -> str:
    """A record for programs."""
    return _encode(record)


def readable_line(record: dict[str, Any]) -> str:
    """A record for people."""
    clock = record["time"][11:19]
    parts = [clock, str(record["status"] or "---"), record["method"], f"{record['origin']}{record['path']}"]
    if record["profile"]:
        parts.append(f"[{record['profile']}: {record['token'] or 'no token'}]")
    if record["replayed"]:
        parts.append("replayed")
    if record["refusal"]:
        parts.append(record["refusal"])
    parts.append(f"{record['duration'] * 1000:.0f} ms")
    return " ".join(parts)
