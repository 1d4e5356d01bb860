"""From the commands of a query to a plan.

    lines ──▶ fields, filter, parse, sort ──▶ kept ──▶ stats, limit, dedup, what follows ──▶ rows
              batch by batch                  a table  once

So memory holds what is left of the lines, in the columns that are needed later on; and if nothing
but the first rows by some order are asked for, not even all of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from lambdad.model.insights.commands import parse_query
from lambdad.model.insights.syntax import Command, Dedup, Field, Fields, Limit, Parse, Sort, Stats
from lambdad.observe.insights.fields import ARRIVAL, OWN, Discovered
from lambdad.observe.insights.pipeline import Pipeline
from lambdad.observe.insights.plan import Output, Plan, Statement
from lambdad.observe.insights.sql import Sql

DEFAULT_LIMIT = 10_000

_KEPT, _LINES = "SELECT * FROM kept", "SELECT * FROM lines"
_SHOWN_BY_DEFAULT = ("@timestamp", "@message")


def compile_query(query: str, *, now: float, limit: int | None = None) -> Plan:
    """The plan of a query at the time `now`, in seconds; at most `limit` rows come out of it.

    Raises MalformedQuery.
    """
    return _Compiler(parse_query(query), now, limit).plan()


class _Compiler:
    """`lines` is compiled into what is done with each batch, `table` into what follows; a name
    that the table's commands do not know is carried over from the lines."""

    def __init__(self, commands: tuple[Command, ...], now: float, limit: int | None) -> None:
        limits = [command.count for command in commands if isinstance(command, Limit)]
        self._limit = min([*limits, *([limit] if limit else [])], default=DEFAULT_LIMIT)
        self._commands = commands
        self._lines = Pipeline(now, lambda field: self._discovered.find(field.name), "c")
        self._discovered = Discovered(self._lines.parameter)
        self._table = Pipeline(now, lambda field: self._carry(self._lines.resolve(field)), "d")
        self._carried: dict[str, str] = {}

    def plan(self) -> Plan:
        """Compile every command."""
        first = _commands_of_lines(self._commands)
        for command in self._commands[:first]:
            self._lines.apply(command)
        self._hand_over()
        top = self._top(self._commands[first:])
        for command in self._commands[first:]:
            self._table.apply(command)
        finish, outputs = self._finish()
        return Plan(self._select(), top, finish, outputs, self._discovered.columns)

    def _hand_over(self) -> None:
        self._table.shown = list(self._lines.shown)
        self._table.order = [(self._carry(key), down) for key, down in self._lines.order]
        if not any(isinstance(command, Stats) for command in self._commands):
            arrival = (OWN["@timestamp"], ARRIVAL)
            self._table.arrival = [(self._carry(column), True) for column in arrival]

    def _carry(self, value: Sql) -> Sql:
        """The column of the table that this becomes."""
        column = self._carried.setdefault(value.text, f"k{len(self._carried)}")
        return Sql(column, value.kind)

    def _top(self, rest: Sequence[Command]) -> str | None:
        """What the first rows are, if nothing but them matters."""
        for command in rest:
            if isinstance(command, Limit):
                return self._table.first(command.count)
            if not isinstance(command, Fields | Parse):
                return None
        return self._table.first(self._limit)

    def _select(self) -> Statement:
        columns = [f"{text} AS {column}" for text, column in self._carried.items()]
        lines = self._lines.sql(self._discovered.select(_LINES))
        sql = f"SELECT {', '.join(columns) or 'true AS k0'} FROM ({lines})"
        return Statement(sql, self._lines.parameters)

    def _finish(self) -> tuple[Statement, tuple[Output, ...]]:
        shown = dict.fromkeys(self._table.shown or _SHOWN_BY_DEFAULT)
        if not self._table.is_aggregated:
            shown["@ptr"] = None
        values = [(name, self._table.resolve(Field(name, (0, 0)))) for name in shown]
        columns = [f"{value.text} AS o{index}" for index, (_, value) in enumerate(values)]
        rows = self._table.sql(_KEPT)
        sql = f"SELECT {', '.join(columns)} FROM ({rows}) {self._table.first(self._limit)}"
        outputs = tuple(Output(name, value.kind) for name, value in values)
        return Statement(sql, self._table.parameters), outputs


def _commands_of_lines(commands: Sequence[Command]) -> int:
    """How many commands look at each line alone, with the sort behind them if there is one."""
    for index, command in enumerate(commands):
        if isinstance(command, Sort):
            return index + 1
        if isinstance(command, Stats | Limit | Dedup):
            return index
    return len(commands)
