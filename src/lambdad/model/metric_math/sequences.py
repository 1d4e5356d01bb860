"""What compares each point with the one before: DIFF, DIFF_TIME, RATE; and RUNNING_SUM."""

from __future__ import annotations

from itertools import accumulate, pairwise

from lambdad.model.metric_math.values import Series, make_series


def diff(series: Series) -> Series:
    """How much each value is more than the one before."""
    return _after_first(series, [after - before for before, after in pairwise(series.values)])


def diff_time(series: Series) -> Series:
    """How many seconds each point is later than the one before."""
    return _after_first(series, [float(later - now) for now, later in pairwise(series.times)])


def rate(series: Series) -> Series:
    """How much the values change in a second."""
    changes, seconds = diff(series), diff_time(series)
    if changes.times != seconds.times:  # some change has no value in numbers
        found = seconds.at()
        return _after(changes, [v / found[t] for t, v in changes.at().items()])
    rates = [v / s for v, s in zip(changes.values, seconds.values, strict=True)]
    return _after(changes, rates)


def running_sum(series: Series) -> Series:
    """The sum of each value and all before it."""
    return _after(series, list(accumulate(series.values)))


def _after_first(series: Series, values: list[float]) -> Series:
    return make_series(series.label, series.period, series.times[1:], values)


def _after(series: Series, values: list[float]) -> Series:
    return make_series(series.label, series.period, series.times, values)
