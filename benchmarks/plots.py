"""Draws the results as SVG: plots.py RESULTS FOLDER. Runs in an environment of its own with matplotlib."""

from __future__ import annotations

import json
import math
import statistics
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("svg")
# Text stays text, and the same numbers make the same file.
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "grantproxy", "font.size": 10}
OURS, RELAY, OTHERS, SLOWEST = "#2563a8", "#9dc1e6", "#9aa5b1", "#d08a2e"
FAR_APART = 20
WIDTH, BAR = 8.0, 0.36


def draw_rates(table: dict, file: Path) -> None:
    """One bar a side."""
    found = _medians(table, "rate")
    # Bodies stay in the order of the table: each direction with what it is compared with.
    names = list(found)[::-1] if table["key"] == "bodies" else sorted(found, key=found.__getitem__)
    figure, axes = _axes(len(names), table["title"])
    values = [found[name] for name in names]
    bars = axes.barh(names, values, color=[_colour(name) for name in names])
    axes.bar_label(bars, labels=[f"{value:,.0f}" for value in values], padding=4)
    _save(figure, axes, values, f"{table['unit']} (median)", file)


def _colour(name: str) -> str:
    if not name.startswith("grantproxy"):
        return OTHERS
    return RELAY if name.endswith("raw relay") else OURS


def draw_latencies(table: dict, file: Path) -> None:
    """Two bars a side: the median and the slowest hundredth."""
    p50, p99 = (_medians(table, name) for name in ("p50", "p99"))
    names = sorted(p50, key=p99.__getitem__, reverse=True)
    figure, axes = _axes(2 * len(names), table["title"])
    for offset, values, colour, label in ((0.2, p50, OURS, "p50"), (-0.2, p99, SLOWEST, "p99")):
        places = [place + offset for place in range(len(names))]
        bars = axes.barh(places, [values[name] for name in names], BAR, color=colour, label=label)
        axes.bar_label(bars, labels=[f"{values[name]:.2f}" for name in names], padding=4)
    axes.set_yticks(range(len(names)), names)
    axes.legend(loc="upper right")
    label = "milliseconds from when a request was due (median of runs)"
    _save(figure, axes, [*p50.values(), *p99.values()], label, file)


def _medians(table: dict, figure: str) -> dict[str, float]:
    """One figure of each side, over all its runs in a scenario."""
    values: dict[str, list[float]] = {}
    for comparison in table["comparisons"]:
        for pair in comparison["pairs"]:
            for side in (0, 1):
                values.setdefault(comparison[("first", "second")[side]], []).append(pair[side][figure])
    return {name: statistics.median(found) for name, found in values.items()}


def _axes(bars: int, title: str):
    figure, axes = plt.subplots(figsize=(WIDTH, 1.3 + 0.36 * bars), layout="constrained")
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure, axes, values: list[float], label: str, file: Path) -> None:
    least, greatest = min(values), max(values)
    if greatest > FAR_APART * least:
        axes.set_xscale("log")
        axes.set_xlim(10 ** math.floor(math.log10(least)), greatest * 4)
        axes.set_xlabel(f"{label}, logarithmic")
    else:
        axes.set_xlim(0, greatest * 1.15)
        axes.set_xlabel(label)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def main(results: str, folder: str) -> None:
    """Draws a file for each scenario that has runs, and prints their keys."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for table in json.loads(Path(results).read_text())["tables"]:
        if any(comparison["pairs"] for comparison in table["comparisons"]):
            draw = draw_latencies if table["is_about_latency"] else draw_rates
            draw(table, Path(folder) / f"{table['key']}.svg")
            print(table["key"])


if __name__ == "__main__":
    main(*sys.argv[1:])
