"""What each command does with rows."""

from __future__ import annotations

from lambdad.model.insights.syntax import (
    Command,
    Dedup,
    Fields,
    Filter,
    Limit,
    Parse,
    Sort,
    Stats,
)
from lambdad.observe.insights.expressions import compile_condition, compile_expression
from lambdad.observe.insights.relation import Find, Relation
from lambdad.observe.insights.sql import Kind, Sql, is_text, text
from lambdad.observe.insights.stats import apply_stats

SortColumn = tuple[Sql, bool]  # what to sort by, and whether the greatest comes first


class Pipeline(Relation):
    """Rows, their order, and what of them will be shown.

    `order` is that of the last sort; `arrival` decides between equals, while there are events.
    """

    def __init__(self, now: float, find: Find, prefix: str) -> None:
        super().__init__(now, find, prefix)
        self.shown: list[str] = []
        self.order: list[SortColumn] = []
        self.arrival: list[SortColumn] = []
        self.is_aggregated = False

    def apply(self, command: Command) -> None:
        """Put one more command behind the others."""
        match command:
            case Fields():
                self._show(command)
            case Filter(condition):
                self.filter(compile_condition(condition, self))
            case Parse():
                self._parse(command)
            case Stats():
                self._aggregate(command)
            case Sort(keys):
                self.order = [
                    (self.add(compile_expression(key.expression, self)), key.descending)
                    for key in keys
                ]
            case Limit(count):
                self.wrap("SELECT * FROM (", f") {self.first(count)}")
            case Dedup():
                self._dedup(command)

    def first(self, count: int) -> str:
        """The end of a select that gives the first so many rows, in order."""
        order = self._order_by()
        return f"ORDER BY {order} LIMIT {count}" if order else f"LIMIT {count}"

    def _show(self, fields: Fields) -> None:
        if fields.only:
            self.shown = []
        for item in fields.items:
            self.define(item.name, compile_expression(item.expression, self))
            self.shown.append(item.name)

    def _parse(self, parse: Parse) -> None:
        value = text(self.resolve(parse.field))
        pattern = self.parameter(parse.pattern.pattern)
        groups = [f"'g{number}'" for number in range(len(parse.pattern.names))]
        found = f"regexp_extract({value}, {pattern}, [{', '.join(groups)}])"
        column = self.compute(
            Sql(f"CASE WHEN regexp_matches({value}, {pattern}) THEN {found} END", Kind.TEXT),
            self.fresh(),
        )
        for number, name in enumerate(parse.pattern.names):
            if name is not None:
                self.call(name, Sql(f"{column.text}.g{number}", Kind.TEXT))

    def _aggregate(self, stats: Stats) -> None:
        groups = apply_stats(self, stats)
        self.shown = list(self.names)
        # Periods from the latest back, anything else from the least on.
        self.order = [(group, group.kind is Kind.TIME) for group in groups]
        self.arrival = []
        self.is_aggregated = True

    def _dedup(self, dedup: Dedup) -> None:
        """The first of those that have the same values; what misses one is like no other."""
        keys = [self.add(self.resolve(field)).text for field in dedup.fields]
        missing = " OR ".join(f"{key} IS NULL" for key in keys)
        order = self._order_by()
        window = f"PARTITION BY {', '.join(keys)}" + (f" ORDER BY {order}" if order else "")
        self.wrap(
            "SELECT * FROM (",
            f") QUALIFY {missing} OR row_number() OVER ({window}) = 1",
        )

    def _order_by(self) -> str:
        keys = [key for each in (*self.order, *self.arrival) for key in _sort_keys(*each)]
        return ", ".join(keys)


def _sort_keys(column: Sql, descending: bool) -> tuple[str, ...]:
    """What is no number comes before numbers, what is missing behind all, whichever the way."""
    direction = "DESC" if descending else "ASC"
    if not is_text(column):
        return (f"{column.text} {direction} NULLS LAST",)
    numbers = "NULLS LAST" if descending else "NULLS FIRST"
    return (
        f"{column.text} IS NULL",
        f"to_number({column.text}) {direction} {numbers}",
        f"{column.text} {direction}",
    )
