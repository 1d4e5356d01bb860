"""MINUTE, HOUR, DAY, DATE, MONTH, YEAR, EPOCH: what time it is, in UTC, at each place of a series
that may have a point, whether it has one or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from lambdad.model.metric_math.values import Series, Window

_SINCE_MONDAY = 3  # days: the epoch was a Thursday

TIMES: Mapping[str, Callable[[int], int]] = MappingProxyType(
    {
        "MINUTE": lambda seconds: seconds // 60 % 60,
        "HOUR": lambda seconds: seconds // 3600 % 24,
        "DAY": lambda seconds: (seconds // 86_400 + _SINCE_MONDAY) % 7 + 1,
        "DATE": lambda seconds: time.gmtime(seconds).tm_mday,
        "MONTH": lambda seconds: time.gmtime(seconds).tm_mon,
        "YEAR": lambda seconds: time.gmtime(seconds).tm_year,
        "EPOCH": lambda seconds: seconds,
    }
)


def clock(tell: Callable[[int], int], series: Series, window: Window) -> Series:
    """The series of what `tell` says."""
    times = window.times(series.period)
    return Series(series.label, series.period, times, [float(tell(each)) for each in times])
