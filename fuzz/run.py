"""Runs the fuzzers one after the other, FUZZ_SECONDS in all, and says what they did: `make fuzz`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = Path(__file__).with_name(".work")
NAMES = ("requests", "answers")
FIGURES = {
    "inputs": r"stat::number_of_executed_units:\s*(\d+)",
    "a second": r"stat::average_exec_per_sec:\s*(\d+)",
    "new ones kept": r"stat::new_units_added:\s*(\d+)",
    "places covered": r"(?s).*cov: (\d+)",
}


def fuzz(name: str, seconds: int) -> bool:
    """Whether nothing was broken. Prints figures, or what broke it and how to have it again."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "log"
    with log.open("wb") as output:
        status = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "fuzz.fuzzing", name, str(folder), str(seconds)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    text = log.read_text(errors="replace")
    figures = {what: found[1] for what, pattern in FIGURES.items() if (found := re.search(pattern, text))}
    print(f"{name}: {seconds} s, " + ", ".join(f"{number} {what}" for what, number in figures.items()))
    # A fuzzer that executed nothing has not started, whatever it says.
    if status == 0 and int(figures.get("inputs", 0)) > 0:
        return True
    print("\n".join(text.splitlines()[-30:]))
    for artifact in sorted(folder.glob("*-*")):
        print(f"again: .venv/bin/python -m fuzz.fuzz_{name} {artifact.relative_to(ROOT)}")
    return False


def main() -> int:
    """The exit status: 0 where every invariant held."""
    seconds = int(os.environ.get("FUZZ_SECONDS") or 60)
    results = [fuzz(name, max(1, seconds // len(NAMES))) for name in NAMES]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
