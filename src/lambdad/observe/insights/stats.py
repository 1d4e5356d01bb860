"""`stats`: groups of rows, and figures over each of them.

A figure may be computed from several (`max(a) - min(a)`), and from names that the same command
gave before. After it there is nothing but its groups and figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from lambdad.model.insights.malformed import MalformedQuery
from lambdad.model.insights.syntax import Call, Field, Named, Number, Star, Stats
from lambdad.observe.insights import aggregates
from lambdad.observe.insights.expressions import Scope, compile_expression
from lambdad.observe.insights.relation import Relation
from lambdad.observe.insights.sql import Sql


def apply_stats(relation: Relation, stats: Stats) -> tuple[Sql, ...]:
    """Let groups and figures take the place of the rows; returns the groups' columns."""
    groups = [
        (each.name, relation.add(compile_expression(each.expression, relation)))
        for each in stats.groups
    ]
    figures = _Figures(relation, dict(groups))
    for item in stats.items:
        figures.add(item)
    _aggregate(relation, [column.text for _, column in groups], figures.columns)
    for value, column in figures.computed:
        relation.compute(value, column)
    relation.forget_names(_undefined)
    for name, named in figures.names.items():
        relation.call(name, named)
    return tuple(column for _, column in groups)


def _aggregate(relation: Relation, groups: Sequence[str], figures: Sequence[str]) -> None:
    grouped = f"GROUP BY {', '.join(groups)}" if groups else "HAVING count(*) > 0"
    relation.wrap(f"SELECT {', '.join((*groups, *figures))} FROM (", f") {grouped}")


def _undefined(field: Field) -> Sql:
    raise MalformedQuery(f"the stats command before it defines no {field.name}", field.span)


class _Figures:
    """The scope of a stats command's items: functions of many rows become columns, and what is
    around them is computed after that."""

    def __init__(self, rows: Relation, names: dict[str, Sql]) -> None:
        self.now = rows.now
        self.names = names  # groups first, then items
        self.columns: list[str] = []
        self.computed: list[tuple[Sql, str]] = []
        self._rows = rows

    def add(self, item: Named) -> None:
        """Take in the next item."""
        value = compile_expression(item.expression, self)
        if not value.text.isidentifier():
            column = self._rows.fresh()
            self.computed.append((value, column))
            value = Sql(column, value.kind)
        self.names[item.name] = value

    def resolve(self, field: Field) -> Sql:
        if field.name not in self.names:
            raise MalformedQuery(
                f"{field.name} must stand in a function such as max, or behind 'by'", field.span
            )
        return self.names[field.name]

    def parameter(self, value: str) -> str:
        return self._rows.parameter(value)

    def known(self, source: str) -> Sql | None:
        return self.names.get(source)

    def aggregate(self, call: Call) -> Sql:
        figure = _figure(call, self._rows)
        column = self._rows.fresh()
        self.columns.append(f"{figure.text} AS {column}")
        return Sql(column, figure.kind)


def _figure(call: Call, rows: Scope) -> Sql:
    match call.name, call.arguments:
        case "count", () | (Star(),):
            return aggregates.COUNT_ALL
        case name, (value,) if name in aggregates.AGGREGATES:
            return aggregates.AGGREGATES[name](compile_expression(value, rows))
        case name, (value,) if name in aggregates.BY_TIME:
            timestamp = rows.resolve(Field("@timestamp", call.span))
            return aggregates.by_time(name, compile_expression(value, rows), timestamp)
        case name, (value, Number(percent)) if name in aggregates.PERCENTILES and percent <= 100:
            return aggregates.percentile(compile_expression(value, rows), percent)
    usage = "pct(@duration, 95)" if call.name in aggregates.PERCENTILES else f"{call.name}(field)"
    raise MalformedQuery(f"{call.name} is used like {usage}", call.span)
