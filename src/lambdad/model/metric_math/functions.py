"""The functions: their names, how much they take, and what of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from lambdad.model.metric_math.aggregates import AGGREGATES, Aggregate, across
from lambdad.model.metric_math.arithmetic import each_value
from lambdad.model.metric_math.arrays import first, index, last, remove_empty, sort
from lambdad.model.metric_math.calendar import TIMES, clock
from lambdad.model.metric_math.conditions import choose
from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.filling import fill
from lambdad.model.metric_math.sequences import diff, diff_time, rate, running_sum
from lambdad.model.metric_math.syntax import Word
from lambdad.model.metric_math.values import Series, Value, Window, kind

Argument: TypeAlias = Value | Word
Arguments: TypeAlias = Sequence[Argument]

REFUSED = (
    *("ANOMALY_DETECTION_BAND", "DB_PERF_INSIGHTS", "INSIGHT_RULE_METRIC"),
    *("LAMBDA", "SERVICE_QUOTA"),
)


@dataclass(frozen=True, slots=True)
class Function:
    """What a name stands for: it takes from `fewest` to `most` arguments."""

    compute: Callable[[Arguments, Window], Value]
    fewest: int = 1
    most: int = 1


def check_call(name: str, count: int) -> None:
    """Whether a function called `name` takes `count` arguments; ExpressionError if not."""
    if name in REFUSED:
        raise ExpressionError(f"The function {name} is not supported here")
    function = FUNCTIONS.get(name)
    if function is None:
        raise ExpressionError(f"Unknown function {name}")
    if not function.fewest <= count <= function.most:
        wanted = f"{function.fewest} to {function.most}"
        if function.fewest == function.most:
            wanted = str(function.fewest)
        raise ExpressionError(f"The function {name} takes {wanted} argument(s), not {count}")


def call(name: str, arguments: Arguments, window: Window) -> Value:
    """What a function, whose call has been checked, makes of its arguments."""
    try:
        return FUNCTIONS[name].compute(arguments, window)
    except _WrongKind as error:
        raise ExpressionError(f"The function {name} does not take a {error}") from None


class _WrongKind(Exception):
    """An argument is of a kind that the function does not take."""


def _series(argument: Argument) -> Series:
    if not isinstance(argument, Series):
        raise _wrong(argument)
    return argument


def _array(argument: Argument) -> list[Series]:
    if not isinstance(argument, list):
        raise _wrong(argument)
    return argument


def _scalar(argument: Argument) -> float:
    if not isinstance(argument, float):
        raise _wrong(argument)
    return argument


def _value(argument: Argument) -> Value:
    if isinstance(argument, Word):
        raise _wrong(argument)
    return argument


def _wrong(argument: Argument) -> _WrongKind:
    return _WrongKind(f"word {argument.value}" if isinstance(argument, Word) else kind(argument))


def _each_series(argument: Argument, function: Callable[[Series], Series]) -> Value:
    """`function` of a series, or of every one of an array."""
    if isinstance(argument, list):
        return [function(each) for each in argument]
    return function(_series(argument))


def _aggregate(aggregate: Aggregate, arguments: Arguments, window: Window) -> Value:
    match arguments[0]:
        case list() as array:
            return across(aggregate, array, window)
        case argument:
            return float(aggregate(_series(argument).values))


def _by_value(function: Callable[[float], float], arguments: Arguments, _: Window) -> Value:
    return each_value(function, _value(arguments[0]))


def _by_series(function: Callable[[Series], Series], arguments: Arguments, _: Window) -> Value:
    return _each_series(arguments[0], function)


def _clock(tell: Callable[[int], int], arguments: Arguments, window: Window) -> Value:
    return clock(tell, _series(arguments[0]), window)


def _fill(arguments: Arguments, window: Window) -> Value:
    filler = arguments[1]
    return _each_series(arguments[0], lambda series: fill(series, filler, window))


def _if(arguments: Arguments, window: Window) -> Value:
    condition, yes, *rest = map(_value, arguments)
    return choose(condition, (yes, rest[0] if rest else None), window)


def _slice(arguments: Arguments, _: Window) -> Value:
    array, start, *rest = arguments
    end = index(_scalar(rest[0])) if rest else None
    return _array(array)[index(_scalar(start)) : end]


def _sort(arguments: Arguments, _: Window) -> Value:
    array, by, order, *most = arguments
    aggregate = AGGREGATES.get(by.value) if isinstance(by, Word) else None
    if aggregate is None:
        raise ExpressionError(f"SORT sorts by {', '.join(AGGREGATES)}")
    if order not in (Word("ASC"), Word("DESC")):
        raise ExpressionError("SORT sorts in the order ASC or DESC")
    limit = index(_scalar(most[0])) if most else None
    return sort(_array(array), aggregate, descends=order == Word("DESC"), most=limit)


def _time_series(arguments: Arguments, window: Window) -> Value:
    value = _scalar(arguments[0])
    times = window.times(window.period) if math.isfinite(value) else []
    return Series("", window.period, times, [value] * len(times))


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        **{name: Function(partial(_aggregate, each)) for name, each in AGGREGATES.items()},
        **{name: Function(partial(_clock, tell)) for name, tell in TIMES.items()},
        "ABS": Function(partial(_by_value, abs)),
        "CEIL": Function(partial(_by_value, math.ceil)),
        "FLOOR": Function(partial(_by_value, math.floor)),
        "LOG": Function(partial(_by_value, math.log)),
        "LOG10": Function(partial(_by_value, math.log10)),
        "DIFF": Function(partial(_by_series, diff)),
        "DIFF_TIME": Function(partial(_by_series, diff_time)),
        "RATE": Function(partial(_by_series, rate)),
        "RUNNING_SUM": Function(partial(_by_series, running_sum)),
        "FILL": Function(_fill, 2, 2),
        "FIRST": Function(lambda arguments, window: first(_array(arguments[0]), window)),
        "LAST": Function(lambda arguments, window: last(_array(arguments[0]), window)),
        "IF": Function(_if, 2, 3),
        "METRIC_COUNT": Function(lambda arguments, _: float(len(_array(arguments[0])))),
        "PERIOD": Function(lambda arguments, _: float(_series(arguments[0]).period)),
        "REMOVE_EMPTY": Function(lambda arguments, _: remove_empty(_array(arguments[0]))),
        "SLICE": Function(_slice, 2, 3),
        "SORT": Function(_sort, 3, 4),
        "TIME_SERIES": Function(_time_series),
    }
)
