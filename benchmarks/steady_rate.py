"""Sends requests at instants that are fixed beforehand, and measures each from the instant it was due.

A client that waits for an answer before it sends the next request leaves out just those that a slow proxy
would have delayed (coordinated omission). Here a late answer makes the next request on its connection late,
and its wait counts.
"""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from connections import PATIENCE, Route, read_answer
from load import Load
from origins import SMALL

RATE = 500
"""Requests a second in all."""
CONNECTIONS = 16
BUFFER = 65536


def at_steady_rate(route: Route, seconds: float) -> Load:
    """Requests on connections that stay open, in turn; p50 and p99 count from when each was due."""
    everyone_is_connected = threading.Barrier(CONNECTIONS, timeout=PATIENCE)
    request = route.head("GET", SMALL)

    def requests_of_one_connection(number: int) -> list[float]:
        buffer = memoryview(bytearray(BUFFER))
        try:
            with route.connection() as connection:
                connection.sendall(request)
                read_answer(connection, buffer)
                everyone_is_connected.wait()
                started, durations = time.perf_counter(), []
                for due_after in due(number, seconds):
                    time.sleep(max(0.0, started + due_after - time.perf_counter()))
                    connection.sendall(request)
                    read_answer(connection, buffer)
                    durations.append(time.perf_counter() - started - due_after)
                return durations
        except BaseException:
            everyone_is_connected.abort()
            raise

    cpu = time.process_time()
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        running = [threads.submit(requests_of_one_connection, number) for number in range(CONNECTIONS)]
    durations = _durations(running)
    elapsed = time.perf_counter() - started
    percentiles = statistics.quantiles(durations, n=100)
    count = len(durations)
    cpu_each = (time.process_time() - cpu) / count * 1e6
    return Load(count / elapsed, count, percentiles[49] * 1e3, percentiles[98] * 1e3, client_cpu=cpu_each)


def due(number: int, seconds: float) -> list[float]:
    """When the requests of a connection are due, in seconds from the start: every sixteenth of all."""
    return [turn / RATE for turn in range(number, round(RATE * seconds), CONNECTIONS)]


def _durations(connections: list[Future[list[float]]]) -> list[float]:
    errors = [error for each in connections if (error := each.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error  # the first that is not the consequence of another
    return [duration for each in connections for duration in each.result()]
