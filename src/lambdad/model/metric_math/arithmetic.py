"""Operators: between scalars, between series, and between either and each series of an array.

Arithmetic yields a point only where both series have one. A comparison takes a missing point of
one series for 0, as CloudWatch documents it, and says 1 or 0. What has no value in numbers, such as
a division by zero, is no point.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.values import Series, Value, kind, make_series

Operator = Callable[[float, float], float]

_ARITHMETIC: Mapping[str, Operator] = MappingProxyType(
    {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "%": math.fmod,
        "^": math.pow,
    }
)
_COMPARISONS: Mapping[str, Operator] = MappingProxyType(
    {
        "==": lambda left, right: float(left == right),
        "!=": lambda left, right: float(left != right),
        "<": lambda left, right: float(left < right),
        "<=": lambda left, right: float(left <= right),
        ">": lambda left, right: float(left > right),
        ">=": lambda left, right: float(left >= right),
        "&&": lambda left, right: float(left != 0 and right != 0),
        "||": lambda left, right: float(left != 0 or right != 0),
    }
)
_OPERATORS: Mapping[str, Operator] = MappingProxyType({**_ARITHMETIC, **_COMPARISONS})


def apply(sign: str, left: Value, right: Value) -> Value:
    """`left sign right`; ExpressionError for two arrays."""
    match left, right:
        case list(), list():
            kinds = f"'{kind(left)}' and '{kind(right)}'"
            raise ExpressionError(f"Unsupported operand type(s) for {sign}: {kinds}")
        case list(), Series() | float():
            return [_of_series(sign, each, right) for each in left]
        case Series() | float(), list():
            return [_of_series(sign, left, each) for each in right]
        case float(), float():
            return _computed(_OPERATORS[sign], left, right)
    return _of_series(sign, left, right)


def negate(value: Value) -> Value:
    """`-value`."""
    return apply("*", value, -1.0)


def each_value(function: Callable[[float], float], value: Value) -> Value:
    """`function` of a scalar, or of every point."""
    match value:
        case list():
            return [_of_points(function, each) for each in value]
        case Series():
            return _of_points(function, value)
    return _computed(function, value)


def _of_points(function: Callable[[float], float], series: Series) -> Series:
    values = [_computed(function, value) for value in series.values]
    return make_series(series.label, series.period, series.times, values)


def _of_series(sign: str, left: Value, right: Value) -> Series:
    match left, right:
        case Series(), Series():
            return _of_both(sign, left, right)
        case Series(), float():
            values = _mapped(_OPERATORS[sign], left.values, [right] * len(left))
            return make_series(left.label, left.period, left.times, values)
        case float(), Series():
            values = _mapped(_OPERATORS[sign], [left] * len(right), right.values)
            return make_series(right.label, right.period, right.times, values)
    raise AssertionError(f"neither is a series: {left!r}, {right!r}")


def _of_both(sign: str, left: Series, right: Series) -> Series:
    function, period = _OPERATORS[sign], max(left.period, right.period)
    if left.times == right.times:
        values = _mapped(function, left.values, right.values)
        return make_series(left.label, period, left.times, values)
    lefts, rights = left.at(), right.at()
    if sign in _ARITHMETIC:
        times = sorted(lefts.keys() & rights.keys())
    else:
        times = sorted(lefts.keys() | rights.keys())
    values = _mapped(
        function,
        [lefts.get(time, 0.0) for time in times],
        [rights.get(time, 0.0) for time in times],
    )
    return make_series(left.label, period, times, values)


def _mapped(function: Operator, lefts: Sequence[float], rights: Sequence[float]) -> list[float]:
    try:
        return list(map(function, lefts, rights))
    except (ArithmeticError, ValueError):
        return [_computed(function, *pair) for pair in zip(lefts, rights, strict=True)]


def _computed(function: Callable[..., float], *operands: float) -> float:
    try:
        return float(function(*operands))
    except (ArithmeticError, ValueError):
        return math.nan
