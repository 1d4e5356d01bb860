"""Queries run on DuckDB within the test's process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lambdad.observe.insights.compiler import compile_query
from lambdad.observe.insights.engine import Engine
from lambdad.observe.insights.pointers import Places
from lambdad.observe.insights.values import show
from lambdad.observe.scanning import ScannedBlock

NOON_MS = 1_700_049_600_000  # 2023-11-15 12:00:00
Row = dict[str, str]
Ask = Callable[..., list[Row]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a query of messages, which are a second apart; returns the rows without their @ptr."""

    def ask(query: str, messages: Sequence[str], *, limit: int | None = None) -> list[Row]:
        plan = compile_query(query, now=NOON_MS / 1000, limit=limit)
        engine = Engine.open(plan, tmp_path / "spill")
        times = [NOON_MS + 1000 * index for index in range(len(messages))]
        columns = {
            "message": list(messages),
            "stream": [f"stream-{index}" for index in range(len(messages))],
            "log": ["000000000000:group"] * len(messages),
            "ingested": [time + 5 for time in times],
        }
        for start in range(0, len(messages), 2):  # in batches of two
            part = {name: values[start : start + 2] for name, values in columns.items()}
            engine.add(times[start : start + 2], {name: part[name] for name in plan.columns})
        places = Places()
        key = ("000000000000", "us-east-1", "group", "stream")
        places.add(0, ScannedBlock(key, 0, 1, 0, range(len(times)), times, list(messages), 0))
        rows = []
        for values in engine.rows():
            shown = [
                (output.name, show(output.kind, value, places))
                for output, value in zip(plan.outputs, values, strict=True)
            ]
            rows.append(
                {name: value for name, value in shown if value is not None and name != "@ptr"}
            )
        return rows

    return ask
