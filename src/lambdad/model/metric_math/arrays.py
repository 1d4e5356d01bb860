"""What takes arrays apart: SORT, SLICE, FIRST, LAST, REMOVE_EMPTY."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lambdad.model.metric_math.aggregates import Aggregate
from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.values import Series, Window


def first(array: Sequence[Series], window: Window) -> Series:
    """The first series; an empty one of none."""
    return array[0] if array else Series("", window.period, [], [])


def last(array: Sequence[Series], window: Window) -> Series:
    """The last series; an empty one of none."""
    return array[-1] if array else Series("", window.period, [], [])


def sort(
    array: Sequence[Series], aggregate: Aggregate, *, descends: bool, most: int | None
) -> list[Series]:
    """By an aggregate of each, the first `most` of them; those without points come last."""

    def place(series: Series) -> tuple[bool, float]:
        rank = aggregate(series.values)
        return math.isnan(rank), -rank if descends else rank

    return sorted(array, key=place)[:most]


def remove_empty(array: Sequence[Series]) -> list[Series]:
    """The series that have points."""
    return [series for series in array if len(series)]


def index(value: float) -> int:
    """A place in an array."""
    if value < 0 or not value.is_integer():
        raise ExpressionError("A place in an array must be a whole number, 0 or more")
    return int(value)
