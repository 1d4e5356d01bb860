"""What the benchmarks measured, as a table and as lines of JSON."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine

RESULTS = Path(__file__).resolve().parent / "results"
Conditions = Mapping[str, str | int | float]
_DIGITS = 4  # significant ones; more would be noise


@dataclass(frozen=True, slots=True)
class Result:
    """One row: the samples, and the conditions under which they were taken.

    `promise` is the line of the specification that the figure belongs to; it is shown beside the
    figure and compared with nothing.
    """

    name: str
    unit: str
    samples: Sequence[float]
    conditions: Conditions = field(default_factory=dict)
    promise: str = ""

    @property
    def median(self) -> float:
        """Half of the samples are below it."""
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """19 of 20 samples are below it."""
        if len(self.samples) < 2:
            return self.samples[0]
        return statistics.quantiles(self.samples, n=20, method="inclusive")[-1]

    @property
    def minimum(self) -> float:
        """The smallest sample."""
        return min(self.samples)


def append(results: Iterable[Result], *, revision: str, machine: Machine, load: float) -> Path:
    """Append one line of JSON for each result to today's file for this revision."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d')}-{revision}.jsonl"
    measured_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with path.open("a") as file:
        for result in results:
            run = {"measured_at": measured_at, "revision": revision, "load_average": load}
            file.write(json.dumps(as_record(result) | run | {"machine": machine}) + "\n")
    return path


def as_record(result: Result) -> dict[str, object]:
    """The result's own part of its line."""
    return {
        "name": result.name,
        "unit": result.unit,
        "conditions": dict(result.conditions),
        "median": _rounded(result.median),
        "p95": _rounded(result.p95),
        "min": _rounded(result.minimum),
        "promise": result.promise,
        "samples": [_rounded(sample) for sample in result.samples],
    }


def show(console: Console, results: Iterable[Result], caption: str) -> None:
    """Print the table."""
    table = Table(caption=caption, caption_justify="left", header_style="bold")
    table.add_column("benchmark")
    table.add_column("conditions", style="dim")
    for heading in ("samples", "min", "median", "p95"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("promise", no_wrap=True)
    for result in results:
        figures = (_short(result.minimum), _short(result.median), _short(result.p95))
        conditions = ", ".join(f"{key}={value}" for key, value in result.conditions.items())
        count = str(len(result.samples))
        table.add_row(result.name, conditions, count, *figures, result.unit, result.promise)
    console.print(table)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else float(round(value))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
