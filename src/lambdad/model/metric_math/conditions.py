"""IF: of two values the one that a condition chooses, point by point."""

from __future__ import annotations

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.values import Series, Value, Window


def choose(condition: Value, arms: tuple[Value, Value | None], window: Window) -> Value:
    """The first arm where `condition` is not 0, else the second; without a second, nothing.

    One of the three may be an array: then there is a result for each of its series.
    """
    yes, no = arms
    match condition, yes, no:
        case list(), Series() | float(), Series() | float() | None:
            return [_chosen(each, yes, no, window) for each in condition]
        case Series() | float(), list(), Series() | float() | None:
            return [_chosen(condition, each, no, window) for each in yes]
        case Series() | float(), Series() | float(), list():
            return [_chosen(condition, yes, each, window) for each in no]
        case Series(), Series() | float(), Series() | float() | None:
            return _chosen(condition, yes, no, window)
        case float(), Series() | float(), Series() | float() | None:
            return _taken(condition, yes, no, window)
    raise ExpressionError("IF takes only one Array[TimeSeries]")


def _chosen(
    condition: Series | float, yes: Series | float, no: Series | float | None, window: Window
) -> Series:
    if not isinstance(condition, Series):
        taken = _taken(condition, yes, no, window)
        return taken if isinstance(taken, Series) else _constant(taken, yes, no)
    period = max(each.period for each in (condition, yes, no) if isinstance(each, Series))
    yeses, noes = _points(yes, condition), _points(no, condition)
    found = {
        time: chosen[time]
        for time, value in condition.at().items()
        if time in (chosen := yeses if value else noes)
    }
    label = yes.label if isinstance(yes, Series) else condition.label
    return Series(label, period, list(found), list(found.values()))


def _taken(
    condition: float, yes: Series | float, no: Series | float | None, window: Window
) -> Series | float:
    taken = yes if condition else no
    return Series("", window.period, [], []) if taken is None else taken


def _constant(value: float, yes: Series | float, no: Series | float | None) -> Series:
    """The scalar arm, where the other arm, a series of an array, has points."""
    other = yes if isinstance(yes, Series) else no
    assert isinstance(other, Series)
    return Series(other.label, other.period, other.times, [value] * len(other))


def _points(arm: Series | float | None, condition: Series) -> dict[int, float]:
    match arm:
        case Series():
            return arm.at()
        case float():
            return dict.fromkeys(condition.times, arm)
    return {}
