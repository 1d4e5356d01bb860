"""Tables of figures on a narrow terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from lambdad.cli import top, usage

NAME = "thumbnails"


def table_of_top() -> Any:
    counts = dict.fromkeys(("Invocations", "Errors", "Throttles", "ColdStarts"), 1234)
    figures = {"FunctionName": NAME, "P50": 1.5, "P99": 20.5, "Busy": 1, "Idle": 1, "Memory": 1e8}
    return top._table(top._rates((0.0, {}), (1.0, {NAME: {**figures, **counts}})))


def table_of_usage() -> Any:
    names = ("Invocations", "Errors", "BilledDuration", "GBSeconds", "Cost", "CPUSeconds")
    memory = {"MemorySize": 1024, "MaxMemoryUsed": 56, "RecommendedMemorySize": 128}
    return usage._table([{"FunctionName": NAME, **dict.fromkeys(names, 1234.5), **memory}])


@pytest.mark.parametrize(
    ("table", "width"), [(table_of_top, 64), (table_of_usage, 80), (table_of_usage, 120)]
)
def test_whose_figures_they_are_is_shown(table: Any, width: int) -> None:
    screen = Console(file=io.StringIO(), width=width)
    screen.print(table())
    assert NAME in screen.file.getvalue()  # type: ignore[attr-defined]
