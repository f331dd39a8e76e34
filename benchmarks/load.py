"""Keeps a proxy busy with small requests for some seconds, and insists that every answer is a 200."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from contenders import Proxy
from processes import LOOPBACK, UnmeasurableError, outcome, program

CONNECTIONS = 32
PATIENCE = 60.0
"""Seconds beyond those asked for until a load client is given up."""
ABSOLUTE_FORM = 'wrk.path = "http://{origin}/"\nwrk.headers["Host"] = "{origin}"\n'
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Load:
    """What was carried in one run."""

    rate: float
    """Items (requests, connections, megabytes) a second."""
    count: float
    """Items in all."""
    p50: float
    """How long the median took, in milliseconds."""
    p99: float
    cpu: float = math.nan
    """Time on a processor that the proxy took for each item, in microseconds."""
    client_cpu: float = math.nan
    """The same of the load client."""


def over_http(folder: Path, proxy: Proxy, origin_port: int, seconds: int) -> Load:
    """Keep-alive requests in absolute form (RFC 9112 section 3.2.2) from wrk."""
    script = folder / f"{origin_port}.lua"
    script.write_text(ABSOLUTE_FORM.format(origin=f"{LOOPBACK}:{origin_port}"))
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    options += _field_options(proxy)
    to = f"http://{LOOPBACK}:{proxy.port or origin_port}"
    ended = outcome([program("wrk"), *options, to], seconds + PATIENCE)
    return wrk_load(ended.said, ended.cpu)


def wrk_load(report: str, cpu: float) -> Load:
    """What wrk says; *cpu* is what it took, in seconds."""
    if "Non-2xx" in report or "Socket errors" in report:
        raise UnmeasurableError(f"not every answer was a 200: {report.strip().splitlines()[-3].strip()}")
    count = float(_found(r"(\d+) requests in", report)[0])
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", report)[0])
    p50, p99 = (
        float(value) * MILLISECONDS[unit]
        for value, unit in (_found(rf"\s{share}%\s+([\d.]+)(us|ms|s)\b", report) for share in (50, 99))
    )
    return _load(count, rate, p50, p99, cpu)


def over_https(proxy: Proxy, origin_port: int, seconds: int, *, keep_alive: bool = True) -> Load:
    """Requests over TLS through tunnels that stay open, or each through one of its own, from hey.

    wrk cannot say CONNECT, and ApacheBench speaks TLS to the proxy instead of through it. The certificate is
    not verified: whose it is costs the same for all, and each has an authority of its own.
    """
    options = ["-cpus", "1", "-z", f"{seconds}s", "-c", str(CONNECTIONS), *_field_options(proxy)]
    if proxy.port:
        options += ["-x", f"http://{LOOPBACK}:{proxy.port}"]
    if not keep_alive:
        options += ["-disable-keepalive"]
    ended = outcome([program("hey"), *options, f"https://{LOOPBACK}:{origin_port}/"], seconds + PATIENCE)
    return hey_load(ended.said, ended.cpu)


def hey_load(report: str, cpu: float) -> Load:
    """What hey says; *cpu* is what it took, in seconds."""
    statuses = re.findall(r"^\s+\[(\d+)\]\s+(\d+) responses$", report, re.MULTILINE)
    if "Error distribution" in report or [status for status, _ in statuses] != ["200"]:
        errors = report.partition("Error distribution:")[2].strip().splitlines() or [f"{statuses}"]
        raise UnmeasurableError(f"not every answer was a 200: {errors[0].strip()}")
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", report)[0])
    slowest = _found(r"Slowest:\s+([\d.]+) secs", report)[0]
    latencies = dict(re.findall(r"\s(\d\d)% in ([\d.]+) secs", report))
    # It leaves out a share that too few answers stand for.
    p50, p99 = (1000 * float(latencies.get(share, slowest)) for share in ("50", "99"))
    return _load(float(statuses[0][1]), rate, p50, p99, cpu)


def _load(count: float, rate: float, p50: float, p99: float, cpu: float) -> Load:
    if not count:
        raise UnmeasurableError("there was no answer")
    return Load(rate, count, p50, p99, client_cpu=cpu / count * 1e6)


def _field_options(proxy: Proxy) -> list[str]:
    return ["-H", f"Authorization: {proxy.authorization}"] if proxy.authorization else []


def _found(pattern: str, report: str) -> tuple[str, ...]:
    match = re.search(pattern, report)
    if match is None:
        raise UnmeasurableError(f"the load client says something else: {report.strip()[-300:]}")
    return match.groups()
