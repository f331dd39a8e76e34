"""The end of a process that the suite has started."""

from __future__ import annotations

import subprocess


def end_process(process: subprocess.Popen[bytes], timeout: float = 5) -> int:
    """Asks a process to end (SIGTERM), kills it after *timeout* seconds, and returns its status."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def status_of(process: subprocess.Popen[bytes]) -> int | None:
    """The status of a process that has said its last word and may still be ending; None where it goes on."""
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        return None
