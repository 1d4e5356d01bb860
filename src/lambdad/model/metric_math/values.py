"""What metric math computes with: scalars, time series and arrays of time series.

A point that has no value is no point: a series never holds NaN or an infinity. A scalar may be
NaN, as the average of nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

from lambdad.model.metric import Metric


@dataclass(frozen=True, slots=True)
class Origin:
    """The metric that a series is of, and which of its statistics."""

    metric: Metric
    statistic: str


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: values at times.

    `period` is in seconds, `times` are epoch seconds, ascending and each of them once. What is
    computed has no `origin`.
    """

    label: str
    period: int
    times: Sequence[int]
    values: Sequence[float]
    origin: Origin | None = None

    def __len__(self) -> int:
        return len(self.times)

    def at(self) -> dict[int, float]:
        """The values by their times."""
        return dict(zip(self.times, self.values, strict=True))


Scalar: TypeAlias = float
Value: TypeAlias = Scalar | Series | list[Series]


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a request asks for, in epoch seconds, its end not included; and the period
    of what has none of its own. Who makes one bounds it: a series may get a point every period."""

    start: int
    end: int
    period: int

    def times(self, period: int) -> list[int]:
        """Where a series of this period may have points."""
        return list(range(self.start - self.start % period, self.end, period))


def make_series(label: str, period: int, times: Sequence[int], values: Sequence[float]) -> Series:
    """A series of those points that have a value."""
    if all(map(isfinite, values)):
        return Series(label, period, times, values)
    points = [(time, value) for time, value in zip(times, values, strict=True) if isfinite(value)]
    return Series(label, period, [time for time, _ in points], [value for _, value in points])


def kind(value: object) -> str:
    """What a value is, in the words of messages."""
    match value:
        case Series():
            return "TimeSeries"
        case list():
            return "Array[TimeSeries]"
        case str():
            return "String"
    return "Scalar"
