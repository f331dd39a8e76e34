"""Measures `grantproxy serve` side by side with stock mitmdump, and with itself, into docs/benchmarks.md.

make bench, or with other numbers: .venv/bin/python benchmarks/run.py --pairs 5 --seconds 4
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from contenders import ROOT, Proxy, grantproxy, origin, program, stock_mitmdump, token_endpoint
from load import CONNECTIONS, Load, over_http, over_https

PAGE = ROOT / "docs" / "benchmarks.md"
RESULTS = ROOT / "benchmarks" / ".work" / "results.json"
MANY_PROFILES = 10_000
COLUMNS = ("first / second", "first, requests/s", "second, requests/s", "ratio (range)", "goal",
           "CPU a request, us", "first, p50 / p99 ms", "second, p50 / p99 ms")  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Two sides that took turns, A B A B; *least* is the ratio of their rates that we promise."""

    name: str
    pairs: list[tuple[Load, Load]]
    least: float | None = None

    def median(self, side: int, figure: str) -> float:
        """The median of one figure of a side over all pairs."""
        return statistics.median(float(getattr(pair[side], figure)) for pair in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """How many requests the first side carried for each of the second, pair by pair."""
        return [first.rate / second.rate for first, second in self.pairs]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


def compare(pairs: int, seconds: int) -> Iterator[Comparison]:
    """Starts everybody, and yields one comparison after the other."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantproxy-bench-")))
        ports = stack.enter_context(origin(folder))
        token_port = stack.enter_context(token_endpoint())
        stock = stack.enter_context(stock_mitmdump(folder))
        ours = stack.enter_context(grantproxy(folder, ports, token_port, profiles=1))
        many = stack.enter_context(grantproxy(folder, ports, token_port, profiles=MANY_PROFILES))

        def http(proxy: Proxy, origin_port: int) -> Callable[[int], Load]:
            return on_its_cpu(proxy, lambda duration: over_http(folder, proxy.port, origin_port, duration))

        def https(proxy: Proxy) -> Callable[[int], Load]:
            return on_its_cpu(proxy, lambda duration: over_https(proxy.port, ports.tls, duration))

        def side_by_side(
            first: Callable[[int], Load], second: Callable[[int], Load]
        ) -> list[tuple[Load, Load]]:
            first(1), second(1)  # the first requests open connections, make certificates and fetch the token
            return [(first(seconds), second(seconds)) for _ in range(pairs)]

        authorized = http(ours, ports.matched)
        yield Comparison("authorized / stock mitmdump, HTTP",
                         side_by_side(authorized, http(stock, ports.matched)), least=1.8)  # fmt: skip
        yield Comparison("authorized / stock mitmdump, HTTPS", side_by_side(https(ours), https(stock)))
        yield Comparison("authorized / unmatched, HTTP",
                         side_by_side(authorized, http(ours, ports.unmatched)), least=0.88)  # fmt: skip
        yield Comparison(f"{MANY_PROFILES:,} profiles / 1, HTTP",
                         side_by_side(http(many, ports.matched), authorized))  # fmt: skip


def on_its_cpu(proxy: Proxy, run: Callable[[int], Load]) -> Callable[[int], Load]:
    """Adds to a run what it cost the proxy's process."""

    def measured(seconds: int) -> Load:
        before = proxy.cpu_seconds()
        load = run(seconds)
        return replace(load, cpu=(proxy.cpu_seconds() - before) / (load.rate * seconds) * 1e6)

    return measured


def row(comparison: Comparison) -> str:
    """One line of the page's table."""
    rates = [f"{comparison.median(side, 'rate'):.0f}" for side in (0, 1)]
    spread = f"{min(comparison.ratios):.2f} to {max(comparison.ratios):.2f}"
    goal = f"at least {comparison.least}" if comparison.least else ""
    latencies = [
        " / ".join(f"{comparison.median(side, figure):.1f}" for figure in ("p50", "p99")) for side in (0, 1)
    ]
    cpu = " / ".join(f"{comparison.median(side, 'cpu'):.0f}" for side in (0, 1))
    cells = [comparison.name, *rates, f"**{comparison.ratio:.2f}** ({spread})", goal, cpu, *latencies]
    return f"| {' | '.join(cells)} |"


def page(comparisons: list[Comparison], seconds: int) -> str:
    """What docs/benchmarks.md says."""
    cost = next(100 * (1 - each.ratio) for each in comparisons if "unmatched" in each.name)
    rows = "\n".join(row(each) for each in comparisons)
    return f"""# Benchmarks

Written by `make bench`, which installs wrk and nginx where it may, runs everything on this one machine and
takes about four minutes.

Machine: {os.cpu_count()} cores, {_processor()}; {platform.system()}, Python {platform.python_version()},
mitmproxy {importlib.metadata.version("mitmproxy")}, {_version("nginx")}, {_version("wrk")}.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
{rows}

The cost of authorization itself, matched against unmatched requests through the same `serve`, is {cost:.1f} %
of the throughput; the goal is at most 12 %.

How: {len(comparisons[0].pairs)} pairs of {seconds} seconds each, the two sides in turn (A B A B ...), after a
second of warming up; medians of the rates, and the median and range of the ratios pair by pair.
{CONNECTIONS} connections that stay open, GET, an answer of two bytes; one answer that is not a 200 ends the
measurement. CPU a request is the user and system time of the proxy's process, medians of both sides; over
HTTPS it includes the tunnels' handshakes. One process a proxy, and nobody is pinned to a core: the client and
nginx take what the proxy, which fills one core, leaves of the others. "Stock mitmdump" is `mitmdump -q` with
a three-line script that sets a fixed header; grantproxy checks the hosts, matches the profile, looks the
token up and writes its access log. Standard output and error of both, this log included, go to /dev/null.
Over HTTP the client is wrk with absolute-form request lines; over HTTPS, which wrk cannot send through a
proxy, {CONNECTIONS} threads of Python with a tunnel each, and both proxies intercept.
"""


def _processor() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    return platform.machine()


def _version(name: str) -> str:
    answer = subprocess.run([program(name), "-v"], check=False, capture_output=True, text=True)
    found = re.search(r"\d+\.\d+\.\d+", answer.stdout + answer.stderr)
    return f"{name} {found[0] if found else '?'}"


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def main() -> None:
    """Measures and writes the page, and every single run as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=_positive, default=5)
    parser.add_argument("--seconds", type=_positive, default=4, help="of one run")
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    given = parser.parse_args()
    comparisons = []
    for comparison in compare(given.pairs, given.seconds):
        comparisons.append(comparison)
        print(row(comparison), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(comparison) for comparison in comparisons], indent=1))
    text = page(comparisons, given.seconds)
    if given.print:
        print(text)
    else:
        PAGE.write_text(text)
        print(f"written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
