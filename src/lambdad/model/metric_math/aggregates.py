"""AVG, MAX, MIN, STDDEV, SUM, DATAPOINT_COUNT: of the points of one series a scalar, of an array
the series of what its series have at each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from lambdad.model.metric_math.values import Series, Window, make_series

Aggregate = Callable[[Sequence[float]], float]


def average(values: Sequence[float]) -> float:
    """The mean; NaN of nothing."""
    return sum(values) / len(values) if values else math.nan


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of all there is, not of a sample; NaN of nothing."""
    mean = average(values)
    return math.sqrt(average([(value - mean) * (value - mean) for value in values]))


def count(values: Sequence[float]) -> float:
    """How many there are."""
    return float(len(values))


AGGREGATES: Mapping[str, Aggregate] = MappingProxyType(
    {
        "AVG": average,
        "DATAPOINT_COUNT": count,
        "MAX": lambda values: max(values, default=math.nan),
        "MIN": lambda values: min(values, default=math.nan),
        "STDDEV": deviation,
        "SUM": lambda values: float(sum(values)),
    }
)


def across(aggregate: Aggregate, array: Sequence[Series], window: Window) -> Series:
    """One series: at each time the aggregate of the points that there are."""
    if not array:
        return Series("", window.period, [], [])
    first, *others = array
    period = max(series.period for series in array)
    if all(other.times == first.times for other in others):
        values = list(map(aggregate, zip(*(series.values for series in array), strict=True)))
        return make_series(first.label, period, first.times, values)
    found: dict[int, list[float]] = {}
    for series in array:
        for time, value in zip(series.times, series.values, strict=True):
            found.setdefault(time, []).append(value)
    times = sorted(found)
    return make_series(first.label, period, times, [aggregate(found[time]) for time in times])
