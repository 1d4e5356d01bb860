"""Computes expressions that have been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lambdad.model.metric_math.arithmetic import apply, negate
from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.functions import Argument, call
from lambdad.model.metric_math.parser import Expression
from lambdad.model.metric_math.search import Search
from lambdad.model.metric_math.syntax import (
    Array,
    Call,
    Chain,
    Metrics,
    Negation,
    Node,
    Number,
    Reference,
    Text,
    Word,
)
from lambdad.model.metric_math.values import Series, Value, Window

MOST_SERIES = 1_000  # of an array


@dataclass(frozen=True, slots=True)
class Known:
    """What expressions are computed from.

    `values` are the metrics and the expressions computed so far by their ids, `metrics` the ids of
    what METRICS() means, in the order of the request, and `found` what each search has found.
    """

    window: Window
    values: Mapping[str, Value]
    metrics: Sequence[str] = ()
    found: Mapping[Search, list[Series]] = field(default_factory=dict)


def evaluate(expression: Expression, known: Known) -> Value:
    """The value of `expression`; ExpressionError when its parts do not fit each other.

    A series that is computed from several has the label of the first.
    """
    return _value(expression.root, known)


def with_label(value: Value, label: str, *, is_given: bool) -> Value:
    """A result under the label that it is shown with: that of its query, else the query's id. The
    series of an array keep their own ones, behind the query's if it has one."""
    match value:
        case Series():
            return replace(value, label=label)
        case list() if is_given:
            return [replace(each, label=f"{label} {each.label}".strip()) for each in value]
    return value


def _value(node: Node, known: Known) -> Value:
    match node:
        case Negation(operand):
            return negate(_value(operand, known))
        case Chain(first, rest):
            result = _value(first, known)
            for sign, operand in rest:
                result = apply(sign, result, _value(operand, known))
            return result
        case Call(name, arguments):
            return call(name, [_argument(each, known) for each in arguments], known.window)
        case Array(items):
            return _array(items, known)
    return _leaf(node, known)


def _leaf(node: Node, known: Known) -> Value:
    match node:
        case Number(number):
            return number
        case Reference(id):
            return _referred(id, known)
        case Metrics(part):
            values = [known.values[id] for id in known.metrics if part in id]
            return [value for value in values if isinstance(value, Series)]
        case Search():
            return known.found[node]
        case Text(word) | Word(word):
            raise ExpressionError(f"Unexpected '{word}'")
    raise AssertionError(f"no leaf: {node!r}")


def _argument(node: Node, known: Known) -> Argument:
    return node if isinstance(node, Word) else _value(node, known)


def _referred(id: str, known: Known) -> Value:
    value = known.values.get(id)
    if value is None:
        raise ExpressionError(f"Unknown id '{id}'")
    return value


def _array(items: Sequence[Node], known: Known) -> list[Series]:
    array: list[Series] = []
    for item in items:
        array += _items(item, known)
        if len(array) > MOST_SERIES:  # an expression that names another one often, and so on
            raise ExpressionError(f"An array has more than {MOST_SERIES} time series")
    return array


def _items(node: Node, known: Known) -> list[Series]:
    match _value(node, known):
        case Series() as series:
            return [series]
        case list() as array:
            return array
    raise ExpressionError("An array takes a TimeSeries, not a Scalar")
