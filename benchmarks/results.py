"""Everything that was measured, as it is kept between the measurement and the page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from comparisons import Comparison
from load import Load


@dataclass(frozen=True)
class Table:
    """The comparisons of one scenario."""

    key: str
    title: str
    item: str
    unit: str
    is_about_latency: bool
    comparisons: list[Comparison]


@dataclass(frozen=True)
class Results:
    """One measurement: where, with what, for how long, and what came out."""

    machine: str
    software: str
    lane: str
    pairs: int
    seconds: int
    minutes: float
    tables: list[Table]

    def write(self, file: Path) -> None:
        """Every single run, as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1))


def read_results(file: Path) -> Results:
    """What `write` wrote."""
    content = json.loads(file.read_text())
    tables = [
        Table(**table | {"comparisons": [_comparison(each) for each in table["comparisons"]]})
        for table in content.pop("tables")
    ]
    return Results(**content, tables=tables)


def _comparison(content: dict[str, object]) -> Comparison:
    pairs = [(Load(**first), Load(**second)) for first, second in content.pop("pairs")]
    return Comparison(**content, pairs=pairs)
