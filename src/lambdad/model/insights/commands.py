"""Commands of a query, with a bar between them.

fields a, b as c · display a · filter … · parse a "x=*" as x · parse a /(?<x>…)/
stats count(*) by bin(5m) · sort a desc · limit 20 · dedup a
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lambdad.model.insights.expressions import ExpressionReader
from lambdad.model.insights.malformed import MalformedQuery
from lambdad.model.insights.regexp import glob, parse_regexp
from lambdad.model.insights.syntax import (
    Command,
    Dedup,
    Field,
    Fields,
    Filter,
    Limit,
    Named,
    Parse,
    Regexp,
    Sort,
    SortKey,
    Stats,
)
from lambdad.model.insights.tokens import Kind, Token

MAX_COMMANDS = 100
MAX_LIMIT = 100_000

_UNSUPPORTED = (
    *("anomaly", "diff", "pattern", "unmask", "unnest", "source", "filterindex", "join"),
    *("subquery", "lookup", "append", "appendcols"),
)


def parse_query(query: str) -> tuple[Command, ...]:
    """The commands of `query`; raises MalformedQuery. An empty query has none."""
    if not query.isascii() and any("\ud800" <= character <= "\udfff" for character in query):
        raise MalformedQuery("the query is not Unicode text", (0, len(query)))
    return _CommandReader(query).read()


class _CommandReader(ExpressionReader):
    def read(self) -> tuple[Command, ...]:
        commands: list[Command] = []
        while not self.is_at_end:
            commands.append(self._command(self.take()))
            if len(commands) > MAX_COMMANDS:
                raise MalformedQuery(
                    f"there are more than {MAX_COMMANDS} commands", self.token.span
                )
            if not self.is_at_end:
                self.expect("|")
                if self.is_at_end:
                    raise self.unexpected("a command")
        return tuple(commands)

    def _command(self, word: Token) -> Command:
        readers: Mapping[str, Callable[[], Command]] = {
            "fields": lambda: Fields(self.list_of(self._named)),
            "display": lambda: Fields(self.list_of(self._named), only=True),
            "filter": lambda: Filter(self.expression()),
            "parse": self._parse,
            "stats": self._stats,
            "sort": self._sort,
            "limit": self._limit,
            "dedup": lambda: Dedup(self.list_of(self.field)),
        }
        name = word.value.lower()
        if word.kind is Kind.NAME and name in readers:
            return readers[name]()
        if word.kind is Kind.NAME and name in _UNSUPPORTED:
            raise MalformedQuery(f"lambdad does not support the command {name} yet", word.span)
        raise MalformedQuery(
            f"unexpected symbol found {self.text(word.span)}, a command expected", word.span
        )

    def _named(self) -> Named:
        start = self.token.span[0]
        expression = self.expression()
        span = (start, self.end)
        name = expression.name if isinstance(expression, Field) else self.text(span)
        if self.take_word("as"):
            name = self.name().value
        return Named(name, expression, span)

    def _parse(self) -> Parse:
        field = Field("@message", self.token.span)
        if self.token.kind in (Kind.NAME, Kind.QUOTED_NAME):
            field = self.field()
        token = self.take()
        if token.kind is Kind.REGEXP:
            return Parse(field, self._named_groups(token))
        if token.kind is Kind.TEXT:
            return Parse(field, self._stars(token))
        raise MalformedQuery("a text in quotes or a regular expression expected", token.span)

    def _stars(self, token: Token) -> Regexp:
        if self.take_word("as") is None:
            raise self.unexpected("'as'")
        names = tuple(name.value for name in self.list_of(self.name))
        stars = token.value.count("*")
        if stars != len(names):
            raise MalformedQuery(
                f"the pattern has {stars} stars, and {len(names)} names are given", token.span
            )
        return glob(token.value, names)

    def _named_groups(self, token: Token) -> Regexp:
        pattern = parse_regexp(token.value, token.span)
        if not any(pattern.names):
            raise MalformedQuery("the pattern has no named group (?<name>…)", token.span)
        return pattern

    def _stats(self) -> Stats:
        items = self.list_of(self._named)
        return Stats(items, self.list_of(self._named) if self.take_word("by") else ())

    def _sort(self) -> Sort:
        is_name = self.following.kind in (Kind.NAME, Kind.QUOTED_NAME)
        # CloudWatch's own samples have `sort by @billedDuration desc`; by may be a field, too.
        if is_name and not self.following.is_word("asc", "desc"):
            self.take_word("by")
        return Sort(self.list_of(self._sort_key))

    def _sort_key(self) -> SortKey:
        expression = self.expression()
        direction = self.take_word("asc", "desc")
        return SortKey(expression, direction is not None and direction.value.lower() == "desc")

    def _limit(self) -> Limit:
        token = self.expect_kind(Kind.NUMBER)
        if not (token.value.isdecimal() and 1 <= float(token.value) <= MAX_LIMIT):
            raise MalformedQuery(f"a limit is a number from 1 to {MAX_LIMIT}", token.span)
        return Limit(int(token.value))
