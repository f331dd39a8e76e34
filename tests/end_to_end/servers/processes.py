"""Ending a process that the suite has started."""

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
