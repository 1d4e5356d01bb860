"""Rows on their way through the commands of a query: a select around a select around a source."""

from __future__ import annotations

from collections.abc import Callable

from lambdad.model.insights.malformed import MalformedQuery
from lambdad.model.insights.syntax import Call, Field
from lambdad.observe.insights.fields import in_document
from lambdad.observe.insights.sql import Kind, Sql

MAX_COLUMNS = 300  # each is one more select around the others

Find = Callable[[Field], Sql]


class Relation:
    """A scope for expressions (see expressions.py), whose rows each command changes in turn.

    A name is what the last command made of it; one that no command has made is asked of `find`.
    """

    def __init__(self, now: float, find: Find, prefix: str) -> None:
        self.now = now
        self.parameters: dict[str, str] = {}
        self._find = find
        self._prefix = prefix
        self.names: dict[str, Sql] = {}  # what the commands gave names to
        self._heads: list[str] = []
        self._tails: list[str] = []
        self._made = 0
        self._are_figures = False  # `max(a)` cannot be computed again, it is what was computed

    def resolve(self, field: Field) -> Sql:
        return self.names.get(field.name) or self._inside(field) or self._find(field)

    def parameter(self, value: str) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def known(self, source: str) -> Sql | None:
        return self.names.get(source) if self._are_figures else None

    def aggregate(self, call: Call) -> Sql:
        raise MalformedQuery(f"{call.name} can only stand in a stats command", call.span)

    def define(self, name: str, value: Sql) -> Sql:
        """Compute a column; from now on the name means it."""
        column = self.add(value)
        self.call(name, column)
        return column

    def call(self, name: str, column: Sql) -> None:
        """From now on the name means that column."""
        self.names[name] = column

    def add(self, value: Sql) -> Sql:
        """Compute a column that has no name; what is one already stays as it is."""
        if value.text.isidentifier():
            return value
        return self.compute(value, self.fresh())

    def compute(self, value: Sql, column: str) -> Sql:
        """Compute a column that has been named already."""
        self.wrap(f"SELECT *, {value.text} AS {column} FROM (", ")")
        return Sql(column, value.kind)

    def fresh(self) -> str:
        """A column's name that is not used yet."""
        if self._made == MAX_COLUMNS:
            raise MalformedQuery(f"the query computes more than {MAX_COLUMNS} values", (0, 0))
        self._made += 1
        return f"{self._prefix}{self._made}"

    def wrap(self, head: str, tail: str) -> None:
        """Put the select so far between these."""
        self._heads.append(head)
        self._tails.append(tail)

    def filter(self, condition: str) -> None:
        """Only rows of which this is true go on."""
        self.wrap("SELECT * FROM (", f") WHERE {condition}")

    def forget_names(self, find: Find) -> None:
        """What was is no more: names are asked of `find` from now on."""
        self.names.clear()
        self._find = find
        self._are_figures = True

    def sql(self, source: str) -> str:
        """The select around `source`, which is one itself."""
        return "".join((*reversed(self._heads), source, *self._tails))

    def _inside(self, field: Field) -> Sql | None:
        """The value that `name.path` has in JSON that a command has parsed as `name`."""
        keys = field.name.split(".")
        for count in range(len(keys) - 1, 0, -1):
            found = self.names.get(".".join(keys[:count]))
            if found is not None and found.kind is Kind.DOCUMENT:
                return in_document(found.text, ".".join(keys[count:]), self.parameter)
        return None
