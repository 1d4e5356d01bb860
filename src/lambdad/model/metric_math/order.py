"""In which order the expressions of a request are computed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.parser import Expression


def order(expressions: Mapping[str, Expression], metrics: Collection[str]) -> list[str]:
    """The ids of `expressions`, each after those that it refers to. ValueError, with the whole
    message, for a circle and for an id that is neither an expression's nor one of `metrics`."""
    graph = {}
    for id, expression in expressions.items():
        unknown = expression.references() - expressions.keys() - set(metrics)
        if unknown:
            error = ExpressionError(f"Unknown id '{min(unknown)}'")
            raise ValueError(error.told_of(id))
        graph[id] = expression.references() & expressions.keys()
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
        text = f"The expression refers to itself: {' -> '.join(reversed(circle))}"
        raise ValueError(ExpressionError(text).told_of(circle[0])) from None
