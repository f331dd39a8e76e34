"""Writes docs/benchmarks.md from what was measured."""

from __future__ import annotations

import math
from pathlib import Path

from comparisons import Comparison
from contenders import MANY_PROFILES
from load import CONNECTIONS
from results import Results, Table
from steady_rate import CONNECTIONS as STEADY_CONNECTIONS
from steady_rate import RATE

RATES = ("first / second", "first, {unit}", "second, {unit}", "ratio (range)",
         "CPU per {item}, µs", "first, p50 / p99 ms", "second, p50 / p99 ms")  # fmt: skip
LATENCIES = ("through", "p50, ms", "p99, ms", "added to p50, ms", "added to p99, ms", "CPU per {item}, µs")
CLIENTS = {"http": "wrk", "https": "hey", "connections": "hey"}
HOW = f"""
- **Pairs.** {{pairs}} pairs of {{seconds}} seconds for each comparison, the two sides in turn (A B A B ...),
  after a second of warming up; twice as many for what authorization costs. A rate is the median of its side,
  a ratio the median of the ratios pair by pair, in parentheses the lowest and the highest.
- **One worker each.** One process and one thread that carries (Envoy `--concurrency 1`, proxy.py with one
  acceptor and one worker, nginx with one worker); "nginx, no proxy" is the client at the origin itself, the
  limit of client and origin together. Nobody is pinned to a core: client and origin take what the proxy,
  which fills one core, leaves of the others. Everything runs on loopback.
- **The same work.** Every contender writes the same `Authorization` field, and the origin answers 401 without
  it; one answer that is not a 200 ends the comparison, which then counts as not met. Stock mitmdump has a
  three-line script, proxy.py a plugin, Envoy a `request_headers_to_add` on a dynamic forward proxy;
  keys-on-the-wire, built on mitmproxy, replaces a placeholder that its client sends, and syncs an audit line
  to the disk for each request. grantproxy checks the hosts, matches the profile, looks the token up and
  writes its access log, which, like all that it and mitmdump print, goes to /dev/null.
- **CPU** is the user and system time of all processes of a proxy, first / second, and includes handshakes.
- **Clients.** {CONNECTIONS} connections. Over HTTP wrk with absolute-form request lines; over HTTPS hey,
  which says CONNECT and keeps the tunnels open, or opens one for each request. Neither verifies certificates
  or resumes TLS sessions. Envoy does not intercept, so it takes no part there. {{clients}}
- **Bodies** pass in runs of a second, one after the other on one connection, from nginx's sendfile or to a
  server that answers when it has read the last byte; a program of a few lines counts them. p50 is the median
  of a run's bodies, p99 its slowest. A raw relay is a CONNECT tunnel through the same process to an origin
  that no profile owns, with the same bytes in it. Over HTTPS the relay only copies what client and origin
  have encrypted, while interception decrypts and encrypts each byte, so that ratio has no goal; and since
  client and origin encrypt as well, what they reach without a proxy stands beside it.
- **Unmatched** requests go through the same `serve` to a port that no profile owns; {MANY_PROFILES:,}
  profiles are compared with 1 in a process each.
- **Latency** comes from an open-loop client: {RATE} requests a second are due at instants fixed beforehand,
  on {STEADY_CONNECTIONS} connections in turn, and each is measured from the instant it was due to the last
  byte of its answer; a proxy that stalls is charged for all that it kept waiting (no coordinated omission).
  What is added is the difference to the origin alone, in turn with it. The client's inaccuracy is in both.
"""


def page(results: Results, time_goes: str, plots: list[str]) -> str:
    """What docs/benchmarks.md says; *time_goes* is written by hand, *plots* are the keys that have one."""
    tables = "\n\n".join(_section(table, has_plot=table.key in plots) for table in results.tables)
    how = HOW.format(pairs=results.pairs, seconds=results.seconds, clients=_client_costs(results))
    return f"""# Benchmarks

Written by `make bench`, which installs what it needs (wrk, hey and nginx from Debian, the other contenders
from PyPI into environments of their own) and takes {results.minutes:.0f} minutes on this one machine.

Machine: {results.machine}.
Software: {results.software}.

## Goals

{_goals(results)}
{tables}
{_time_goes(time_goes)}
## How
{how}"""


def _goals(results: Results) -> str:
    rows = [
        _row([table.title, _names(each), f"at least {each.least:g}", _ratio(each), _verdict(each)])
        for table in results.tables
        for each in table.comparisons
        if each.least is not None
    ]
    return "\n".join(
        ["| what | first / second | goal | measured (range) | |", "|---|---|---|---|---|", *rows, ""]
    )


def _verdict(comparison: Comparison) -> str:
    if not comparison.pairs:
        return "not measured"
    return "met" if comparison.is_met else "**not met**"


def _section(table: Table, *, has_plot: bool) -> str:
    columns = LATENCIES if table.is_about_latency else RATES
    row = _latency_row if table.is_about_latency else _rate_row
    lines = [f"## {table.title}", ""]
    if has_plot:
        lines += [f"![{table.title}](benchmarks/{table.key}.svg)", ""]
    lines += [_row([title.format(item=table.item, unit=table.unit) for title in columns])]
    lines += [f"|{'---|' * len(columns)}"]
    lines += [row(each) for each in table.comparisons if each.pairs]
    if table.is_about_latency:
        alone = {each.second: each for each in table.comparisons if each.pairs}
        lines += [_origin_row(each) for each in alone.values()]
    lines += [f"\n{_names(each)}: {each.failure}." for each in table.comparisons if each.failure]
    return "\n".join(lines)


def _rate_row(comparison: Comparison) -> str:
    rates = [number(comparison.median(side, "rate")) for side in (0, 1)]
    latencies = [
        " / ".join(number(comparison.median(side, figure)) for figure in ("p50", "p99")) for side in (0, 1)
    ]
    cpu = " / ".join(number(comparison.median(side, "cpu")) for side in (0, 1))
    return _row([_names(comparison), *rates, _ratio(comparison), cpu, *latencies])


def _latency_row(comparison: Comparison) -> str:
    figures = [number(comparison.median(0, figure)) for figure in ("p50", "p99")]
    added = [number(comparison.added(figure)) for figure in ("p50", "p99")]
    return _row([comparison.first, *figures, *added, number(comparison.median(0, "cpu"))])


def _names(comparison: Comparison) -> str:
    return f"{comparison.first} / {comparison.second}"


def _origin_row(comparison: Comparison) -> str:
    figures = [number(comparison.median(1, figure)) for figure in ("p50", "p99")]
    return _row([comparison.second, *figures, "", "", ""])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(comparison: Comparison) -> str:
    if not comparison.pairs:
        return comparison.failure
    return f"**{comparison.ratio:.2f}** ({min(comparison.ratios):.2f} to {max(comparison.ratios):.2f})"


def number(value: float) -> str:
    """Three digits that say something."""
    if math.isnan(value):
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _client_costs(results: Results) -> str:
    first = [(table, table.comparisons[0]) for table in results.tables if table.key in CLIENTS]
    costs = [
        f"{CLIENTS[table.key]} {number(each.median(0, 'client_cpu'))} µs for a {table.item}"
        f" where our proxy takes {number(each.median(0, 'cpu'))}"
        for table, each in first
        if each.pairs
    ]
    return f"Their own CPU: {'; '.join(costs)}." if costs else ""


def _time_goes(text: str) -> str:
    return f"\n## Where the time goes\n\n{text.strip()}\n" if text.strip() else ""


def time_goes(file: Path) -> str:
    """The part that is written by hand, without its title; nothing if there is none."""
    text = file.read_text() if file.is_file() else ""
    return text.partition("\n")[2] if text.startswith("# ") else text
