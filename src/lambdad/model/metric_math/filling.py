"""FILL: a point wherever a series may have one."""

from __future__ import annotations

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.syntax import Word
from lambdad.model.metric_math.values import Series, Value, Window, make_series


def fill(series: Series, filler: Value | Word, window: Window) -> Series:
    """`series` with every missing point filled: with a value, another series' point, the point
    before (REPEAT), or on the line between its neighbours (LINEAR)."""
    known = series.at()
    times = sorted({*window.times(series.period), *series.times})
    match filler:
        case Word("REPEAT"):
            found = _repeated(known, times)
        case Word("LINEAR"):
            found = _on_lines(series, times)
        case float():
            found = {time: known.get(time, filler) for time in times}
        case Series():
            found = filler.at() | known
        case _:
            raise ExpressionError("FILL takes a value, a TimeSeries, REPEAT or LINEAR")
    kept = [time for time in times if time in found]
    return make_series(series.label, series.period, kept, [found[time] for time in kept])


def _repeated(known: dict[int, float], times: list[int]) -> dict[int, float]:
    """Nothing comes before the first point."""
    found: dict[int, float] = {}
    latest = None
    for time in times:
        latest = known.get(time, latest)
        if latest is not None:
            found[time] = latest
    return found


def _on_lines(series: Series, times: list[int]) -> dict[int, float]:
    """Lines are drawn between points only, so none leads to the first or from the last."""
    found = series.at()
    after = 0  # the first point of the series that is later than what is looked at
    for time in times:
        while after < len(series) and series.times[after] <= time:
            after += 1
        if time not in found and 0 < after < len(series):
            found[time] = _between(series, after, time)
    return found


def _between(series: Series, after: int, time: int) -> float:
    start, end = series.times[after - 1], series.times[after]
    low, high = series.values[after - 1], series.values[after]
    return low + (high - low) * ((time - start) / (end - start))
