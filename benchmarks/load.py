"""Sends requests through a proxy as fast as it answers, and insists that every answer is a 200."""

from __future__ import annotations

import math
import re
import socket
import ssl
import statistics
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from contenders import LOOPBACK, program

CONNECTIONS = 32
ANSWER_TIMEOUT = 30.0
"""Seconds."""
ABSOLUTE_FORM = 'wrk.path = "http://{origin}/"\nwrk.headers["Host"] = "{origin}"\n'
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Load:
    """Requests a second, and how long the median and the slowest hundredth took in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float = math.nan
    """Time on a processor that the proxy took for each, in microseconds; says most where others run, too."""


def over_http(folder: Path, proxy_port: int, origin_port: int, seconds: int) -> Load:
    """Keep-alive requests in absolute form (RFC 9112 section 3.2.2) from wrk."""
    script = folder / f"{origin_port}.lua"
    script.write_text(ABSOLUTE_FORM.format(origin=f"{LOOPBACK}:{origin_port}"))
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    command = [program("wrk"), *options, f"http://{LOOPBACK}:{proxy_port}"]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        raise SystemExit(f"not every answer was a 200:\n{report}")
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", report)[0])
    p50, p99 = (
        float(value) * MILLISECONDS[unit]
        for value, unit in (_found(rf"\s{share}%\s+([\d.]+)(us|ms|s)\b", report) for share in (50, 99))
    )
    return Load(rate, p50, p99)


def over_https(proxy_port: int, origin_port: int, seconds: int) -> Load:
    """Requests through tunnels that stay open, the TLS in them intercepted; wrk cannot say CONNECT."""
    everyone_is_connected = threading.Barrier(CONNECTIONS, timeout=ANSWER_TIMEOUT)

    def requests_of_one_tunnel() -> list[float]:
        try:
            with _tunnel(proxy_port, origin_port) as tunnel:
                _timed_request(tunnel, origin_port)
                everyone_is_connected.wait()
                deadline = time.perf_counter() + seconds
                durations = []
                while time.perf_counter() < deadline:
                    durations.append(_timed_request(tunnel, origin_port))
                return durations
        except BaseException:
            everyone_is_connected.abort()
            raise

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        tunnels = [threads.submit(requests_of_one_tunnel) for _ in range(CONNECTIONS)]
        durations = [duration for tunnel in tunnels for duration in tunnel.result()]
    percentiles = statistics.quantiles(durations, n=100)
    return Load(len(durations) / seconds, percentiles[49] * 1000, percentiles[98] * 1000)


def _tunnel(proxy_port: int, origin_port: int) -> ssl.SSLSocket:
    # Whose certificate it is costs the same for both proxies, and each has a CA of its own.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = socket.create_connection((LOOPBACK, proxy_port), ANSWER_TIMEOUT)
    authority = f"{LOOPBACK}:{origin_port}"
    connection.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    _read_answer(connection, b"\r\n\r\n")
    return context.wrap_socket(connection)


def _timed_request(tunnel: ssl.SSLSocket, origin_port: int) -> float:
    """Sends one request, reads its answer, and says how many seconds both took."""
    started = time.perf_counter()
    tunnel.sendall(f"GET / HTTP/1.1\r\nHost: {LOOPBACK}:{origin_port}\r\n\r\n".encode())
    _read_answer(tunnel, b"\r\n\r\nok")
    return time.perf_counter() - started


def _read_answer(connection: socket.socket, end: bytes) -> None:
    answer = b""
    while not answer.endswith(end):
        received = connection.recv(65536)
        if not received:
            raise SystemExit(f"the connection ended after {answer!r}")
        answer += received
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the answer was not a 200: {answer!r}")


def _found(pattern: str, report: str) -> tuple[str, ...]:
    match = re.search(pattern, report)
    if match is None:
        raise SystemExit(f"wrk says something else:\n{report}")
    return match.groups()
