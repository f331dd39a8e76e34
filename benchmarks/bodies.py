"""Moves bodies of 100 MB, one after the other on one connection, and counts megabytes a second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from connections import Route, read_answer
from load import Load
from origins import BODY, BODY_SIZE
from processes import UnmeasurableError

BUFFER = 1 << 20
MEGABYTE = 1_000_000


def downloads(route: Route, seconds: float) -> Load:
    """Whole bodies from the origin for at least *seconds*."""
    buffer = memoryview(bytearray(BUFFER))
    request = route.head("GET", BODY)
    with route.connection() as connection:

        def one() -> None:
            connection.sendall(request)
            if (length := read_answer(connection, buffer)) != BODY_SIZE:
                raise UnmeasurableError(f"a body of {length} bytes came instead of {BODY_SIZE}")

        return _transfers(one, seconds)


def uploads(route: Route, seconds: float) -> Load:
    """Whole bodies to the origin, each until it has answered."""
    part = memoryview(bytes(BUFFER))
    buffer = memoryview(bytearray(BUFFER))
    request = route.head("POST", BODY, BODY_SIZE)
    with route.connection() as connection:

        def one() -> None:
            connection.sendall(request)
            for begin in range(0, BODY_SIZE, BUFFER):
                connection.sendall(part[: min(BUFFER, BODY_SIZE - begin)])
            read_answer(connection, buffer)

        return _transfers(one, seconds)


def _transfers(one: Callable[[], None], seconds: float) -> Load:
    durations = []
    started, cpu = time.perf_counter(), time.thread_time()
    while not durations or time.perf_counter() < started + seconds:
        begun = time.perf_counter()
        one()
        durations.append(time.perf_counter() - begun)
    elapsed, cpu = time.perf_counter() - started, time.thread_time() - cpu
    megabytes = len(durations) * BODY_SIZE / MEGABYTE
    slowest, median = max(durations), statistics.median(durations)
    return Load(megabytes / elapsed, megabytes, median * 1e3, slowest * 1e3, client_cpu=cpu / megabytes * 1e6)
