"""The functions of many events, as SQL."""

from __future__ import annotations

from collections.abc import Callable

from lambdad.observe.insights.sql import Kind, Sql, number, text


def _of_numbers(function: str) -> Callable[[Sql], Sql]:
    return lambda value: Sql(f"{function}({number(value)})", Kind.NUMBER)


def _extreme(function: str) -> Callable[[Sql], Sql]:
    def build(value: Sql) -> Sql:
        if value.kind is Kind.TIME:
            return Sql(f"{function}({value.text})", Kind.TIME)
        return Sql(f"{function}({number(value)})", Kind.NUMBER)

    return build


AGGREGATES: dict[str, Callable[[Sql], Sql]] = {
    "avg": _of_numbers("avg"),
    "count": lambda value: Sql(f"count({value.text})", Kind.NUMBER),
    "count_distinct": lambda value: Sql(f"count(DISTINCT {text(value)})", Kind.NUMBER),
    "max": _extreme("max"),
    "min": _extreme("min"),
    "stddev": _of_numbers("stddev_pop"),
    "sum": _of_numbers("sum"),
    "sortsfirst": lambda value: Sql(f"min({text(value)})", Kind.TEXT),
    "sortslast": lambda value: Sql(f"max({text(value)})", Kind.TEXT),
}

COUNT_ALL = Sql("count(*)", Kind.NUMBER)
BY_TIME = {"earliest": "arg_min", "latest": "arg_max"}
PERCENTILES = ("pct", "percentile")
NAMES = frozenset((*AGGREGATES, *BY_TIME, *PERCENTILES))


def percentile(value: Sql, percent: float) -> Sql:
    """That percentile of the numbers, between two of them if it lies there."""
    return Sql(f"quantile_cont({number(value)}, {percent / 100!r})", Kind.NUMBER)


def by_time(function: str, value: Sql, timestamp: Sql) -> Sql:
    """The value of the event that is the earliest, or the latest, of those that have one."""
    return Sql(f"{BY_TIME[function]}({value.text}, {timestamp.text})", value.kind)
