"""Environments of their own, below benchmarks/.work/, for what the project itself does not depend on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from processes import WORK, UnmeasurableError

INSTALLATION_TIMEOUT = 600.0
"""Seconds."""


def environment(name: str) -> Path:
    """The folder of programs of the environment that requirements-*name*.txt describes, made if need be."""
    requirements = Path(__file__).with_name(f"requirements-{name}.txt")
    folder = WORK / "environments" / name
    installed = folder / "installed.txt"
    if not installed.is_file() or installed.read_text() != requirements.read_text():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        _run([*pip, "--require-hashes", "-r", str(requirements)])
        installed.write_text(requirements.read_text())
    return folder / "bin"


def version(name: str, package: str) -> str:
    """Which release of a package requirements-*name*.txt pins."""
    text = Path(__file__).with_name(f"requirements-{name}.txt").read_text()
    pins = dict(line.split()[0].split("==") for line in text.splitlines() if line[:1].isalpha())
    return pins[package]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLATION_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise UnmeasurableError("its installation takes too long") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise UnmeasurableError(f"it could not be installed: {lines[-1]}")
