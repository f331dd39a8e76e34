"""One fuzzer on atheris: `python -m fuzz.fuzzing requests FOLDER SECONDS`, as `fuzz/run.py` calls it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import atheris

LONGEST = 2000
"""Bytes of an input: more than most heads have, and less than any limit, which have tests of their own."""


def main() -> None:
    """Fuzzes from the seeds on. What breaks it is left in the folder, and the exit status tells."""
    _, name, folder, seconds = sys.argv
    with atheris.instrument_imports(include=["proxy.express"]):
        fuzzed = importlib.import_module(f"fuzz.fuzz_{name}")
    corpus = Path(folder, "corpus")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(fuzzed.seeds()):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST}",
            f"-dict={Path(__file__).with_name('http.dict')}",
            f"-artifact_prefix={folder}/",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ],
        fuzzed.check,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
