"""Starting, watching and ending the programs that a measurement needs, all of them on loopback."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "benchmarks" / ".work"
LOOPBACK = "127.0.0.1"
START_TIMEOUT = 60.0
"""Seconds; 10,000 profiles take a few."""
END_TIMEOUT = 15.0
"""Seconds; `serve` drains first."""
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
TICKS = os.sysconf("SC_CLK_TCK")


class UnmeasurableError(Exception):
    """Why something cannot be measured, in words for the page."""


@dataclass(frozen=True)
class Outcome:
    """What a program that has ended said, and its user and system time in seconds."""

    said: str
    cpu: float


def program(name: str) -> str:
    """The full path of an installed program, also of one in /usr/sbin, which is not on every PATH."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise SystemExit(f"{name} is not installed; make bench installs it on Debian as root")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str], port: int, environment: dict[str, str] | None = None, log: Path | None = None
) -> Iterator[int]:
    """Runs a program from when it listens on *port* until the block is left. Yields its pid.

    Standard error goes to *log*, from which the reason is taken should it not start, else nowhere.
    """
    nowhere = subprocess.DEVNULL
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("wb")) if log else nowhere
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=nowhere,
            stdout=nowhere,
            stderr=errors,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )
        try:
            _wait_until_listening(started, port, log)
            yield started.pid
        finally:
            _end(started)


def outcome(command: list[str], timeout: float) -> Outcome:
    """Runs a program to its end; one that fails or takes more than *timeout* seconds is unmeasurable."""
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    before = os.times()
    try:
        said, _ = started.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise UnmeasurableError(f"{Path(command[0]).name} did not end within {timeout:.0f} s") from None
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
    after = os.times()
    if started.returncode:
        raise UnmeasurableError(f"{Path(command[0]).name} failed: {said.strip()[-300:]}")
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Outcome(said, cpu)


def cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and its descendants; nan where there is no /proc."""
    times, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc_pid_stat(5): field 2, the name, may hold anything; 4 is the parent, 14 and 15 the times.
            fields = entry.read_text().rpartition(")")[2].split()
            process = int(entry.parent.name)
            parents[process] = int(fields[1])
            times[process] = (int(fields[11]) + int(fields[12])) / TICKS
    if pid not in times:
        return math.nan
    return sum(taken for process, taken in times.items() if _descends(process, pid, parents))


def _descends(process: int, ancestor: int, parents: dict[int, int]) -> bool:
    while process != ancestor:
        if process not in parents:
            return False
        process = parents[process]
    return True


def _wait_until_listening(started: subprocess.Popen[bytes], port: int, log: Path | None) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while started.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
            return
        time.sleep(0.05)
    said = log.read_text(errors="replace").strip() if log else ""
    last = said.splitlines()[-1].strip() if said else "it says nothing"
    raise UnmeasurableError(f"it did not start: {last}")


def _end(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    try:
        started.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)  # what it left of the session that it leads, if anything
