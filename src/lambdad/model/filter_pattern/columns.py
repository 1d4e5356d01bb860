"""Patterns of columns: `[ip, user, ..., status = 4* || status = 5*, bytes > 1000]`.

What stands in brackets or quotes is one column, without them. A message has as many columns as the
pattern, or more where the pattern has `...`; `[]` takes any. Columns that `...` stands for are
named by their number, as `$2`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from lambdad.model.filter_pattern.comparison import NUMBER, Value, parse_comparison
from lambdad.model.filter_pattern.expression import All, Condition, parse_expression
from lambdad.model.filter_pattern.pattern import InvalidFilterPattern
from lambdad.model.filter_pattern.scanner import Scanner

ANYTHING: Condition[Value] = All(())

_END_OF_COLUMN = re.compile(r"[,\]]")
_NAME = re.compile(r"[\w-]+")
_CLOSED_BY = {"[": "]", '"': '"'}
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column's name, and what is asked of its value."""

    name: str
    condition: Condition[Value]

    def holds(self, text: str) -> bool:
        return self.condition.holds(Value(text, NUMBER.fullmatch(text) is not None))


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns before the dots, and those behind them."""

    before: tuple[_Column, ...]
    behind: tuple[_Column, ...] = ()
    has_dots: bool = False

    def matches(self, message: str) -> bool:
        return self._read(message) is not None

    def extract(self, message: str, also: Collection[str] = ()) -> dict[str, str] | None:
        """All columns, whatever is asked for."""
        values = self._read(message)
        if values is None:
            return None
        numbers = range(len(self.before) + 1, len(values) - len(self.behind) + 1)
        names = [column.name for column in self.before]
        names += [*map(str, numbers), *(column.name for column in self.behind)]
        return {f"${name}": value for name, value in zip(names, values, strict=True)}

    def required_terms(self) -> frozenset[str]:
        columns = (*self.before, *self.behind)
        return frozenset().union(*(column.condition.required_terms() for column in columns))

    def _read(self, message: str) -> list[str] | None:
        """The message's columns, if it matches."""
        least = len(self.before) + len(self.behind)
        values = list(islice(split_columns(message), None if self.has_dots else least + 1))
        if len(values) < least or (len(values) > least and not self.has_dots):
            return None
        ends = [*values[: len(self.before)], *values[len(values) - len(self.behind) :]]
        named = zip((*self.before, *self.behind), ends, strict=True)
        return values if all(column.holds(value) for column, value in named) else None


def parse_columns(text: str) -> Columns:
    """Read `[ … ]`."""
    scanner = Scanner(text)
    scanner.expect("[")
    if scanner.takes("]"):
        scanner.expect_end()
        return Columns((), has_dots=True)
    columns: list[_Column | None] = [_parse_column(scanner)]
    while scanner.takes(","):
        columns.append(_parse_column(scanner))
    scanner.expect("]")
    scanner.expect_end()
    if columns.count(None) > 1:
        raise InvalidFilterPattern("Invalid filter pattern: more than one ellipsis")
    dots = columns.index(None) if None in columns else len(columns)
    before, behind = columns[:dots], columns[dots + 1 :]
    return Columns(_named(before), _named(behind), has_dots=None in columns)


def _named(columns: Iterable[_Column | None]) -> tuple[_Column, ...]:
    return tuple(column for column in columns if column is not None)


def _parse_column(scanner: Scanner) -> _Column | None:
    """One column; None for the dots."""
    if scanner.takes("..."):
        return None
    names: set[str] = set()

    def parse_condition(scanner: Scanner) -> Condition[Value]:
        name = scanner.take(_NAME)
        if name is None:
            raise scanner.invalid()
        names.add(name[0])
        return ANYTHING if scanner.sees(_END_OF_COLUMN) else parse_comparison(scanner)

    condition = parse_expression(scanner, parse_condition)
    if len(names) > 1:
        raise InvalidFilterPattern("Invalid filter pattern: a column has one name")
    return _Column(names.pop(), condition)


def split_columns(message: str) -> Iterator[str]:
    """The columns of a message."""
    closing = {"]": -1, '"': -1}  # where each is next, as far as looked for
    offset = 0
    while word := _WORD.search(message, offset):
        start = word.start()
        end = _closed_at(message, start, closing)
        offset = word.end() if end is None else end + 1
        yield word[0] if end is None else message[start + 1 : end]


def _closed_at(message: str, start: int, closing: dict[str, int]) -> int | None:
    """Where what begins at `start` is closed; None if it is a word as any other."""
    sign = _CLOSED_BY.get(message[start])
    if sign is None:
        return None
    if closing[sign] <= start:  # else it is known from a bracket before: nothing is read twice
        found = message.find(sign, start + 1)
        closing[sign] = len(message) if found < 0 else found
    end = closing[sign]
    if end == len(message) or not (message[end + 1 : end + 2] or " ").isspace():
        return None
    return end
