"""Draws the results as SVG: plots.py RESULTS FOLDER. Runs in an environment of its own with matplotlib."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("svg")
# Text stays text, and the same numbers make the same file.
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "grantproxy", "font.size": 10}
OURS, OTHERS, SECOND = "#2563a8", "#9aa5b1", "#d08a2e"
WIDTH, BAR = 8.0, 0.36


def rates(table: dict) -> dict[str, float]:
    """The median rate of each side over all its runs in a scenario."""
    return _medians(table, "rate", (0, 1))


def draw_rates(table: dict, file: Path) -> None:
    """One bar a side, on a scale of powers: the sides lie two orders of magnitude apart."""
    found = dict(sorted(rates(table).items(), key=lambda item: item[1]))
    figure, axes = _axes(len(found), table["title"])
    colours = [OURS if name.startswith("grantproxy") else OTHERS for name in found]
    bars = axes.barh(list(found), list(found.values()), color=colours)
    axes.bar_label(bars, labels=[f"{value:,.0f}" for value in found.values()], padding=4)
    axes.set_xscale("log")
    axes.set_xlabel(f"{table['unit']} (median, logarithmic)")
    _save(figure, axes, max(found.values()), file)


def draw_latencies(table: dict, file: Path) -> None:
    """Two bars a side: the median and the slowest hundredth."""
    p50, p99 = (_medians(table, name, (0, 1)) for name in ("p50", "p99"))
    names = sorted(p50, key=p99.__getitem__, reverse=True)
    figure, axes = _axes(2 * len(names), table["title"])
    for offset, values, colour, label in ((0.2, p50, OURS, "p50"), (-0.2, p99, SECOND, "p99")):
        places = [place + offset for place in range(len(names))]
        bars = axes.barh(places, [values[name] for name in names], BAR, color=colour, label=label)
        axes.bar_label(bars, labels=[f"{values[name]:.2f}" for name in names], padding=4)
    axes.set_yticks(range(len(names)), names)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds from when a request was due (median of runs, logarithmic)")
    axes.legend(loc="lower right")
    _save(figure, axes, max(p99.values()), file)


def _medians(table: dict, figure: str, sides: tuple[int, ...]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for comparison in table["comparisons"]:
        for pair in comparison["pairs"]:
            for side in sides:
                values.setdefault(comparison[("first", "second")[side]], []).append(pair[side][figure])
    return {name: statistics.median(found) for name, found in values.items()}


def _axes(bars: int, title: str):
    figure, axes = plt.subplots(figsize=(WIDTH, 1.3 + 0.36 * bars), layout="constrained")
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure, axes, greatest: float, file: Path) -> None:
    axes.set_xlim(right=greatest * 4)  # room for the labels
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
