"""The functions of one event's values, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lambdad.model.insights.syntax import Period
from lambdad.observe.insights.sql import Kind, Sql, number, text, time

_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"


class Function(NamedTuple):
    """How many values it takes, and the SQL of what it gives."""

    least: int
    most: int
    build: Callable[[Sequence[Sql]], Sql]


def _numeric(build: Callable[..., str], least: int = 1, most: int = 1) -> Function:
    return Function(least, most, lambda values: Sql(build(*map(number, values)), Kind.NUMBER))


def _textual(build: Callable[..., str], least: int = 1, most: int = 1) -> Function:
    return Function(least, most, lambda values: Sql(build(*map(text, values)), Kind.TEXT))


def _trimming(function: str) -> Function:
    return _textual(lambda value, of=_BLANKS: f"{function}({value}, {of})", 1, 2)


def _substr(values: Sequence[Sql]) -> Sql:
    start = f"{_place(values[1])} + 1"
    length = [_place(value) for value in values[2:]]
    return Sql(f"substr({', '.join([text(values[0]), start, *length])})", Kind.TEXT)


def _place(value: Sql) -> str:
    """A place in a text, or a length: no text is longer than the greatest."""
    return f"CAST(floor(least(greatest({number(value)}, 0), 1e9)) AS BIGINT)"


def _coalesce(values: Sequence[Sql]) -> Sql:
    kinds = {value.kind for value in values}
    if len(kinds) == 1:
        kind = kinds.pop()
        return Sql(f"coalesce({', '.join(value.text for value in values)})", kind)
    return Sql(f"coalesce({', '.join(map(text, values))})", Kind.TEXT)


def _is_empty(values: Sequence[Sql]) -> Sql:
    return Sql(f"coalesce({text(values[0])}, '') = ''", Kind.TRUTH)


def _is_blank(values: Sequence[Sql]) -> Sql:
    return Sql(f"trim(coalesce({text(values[0])}, ''), {_BLANKS}) = ''", Kind.TRUTH)


def _json_parse(values: Sequence[Sql]) -> Sql:
    return Sql(f"json_document({text(values[0])})", Kind.DOCUMENT)


_LIMIT = 30  # of the values of one call

FUNCTIONS = {
    "abs": _numeric(lambda x: f"abs({x})"),
    "ceil": _numeric(lambda x: f"ceil({x})"),
    "floor": _numeric(lambda x: f"floor({x})"),
    "greatest": _numeric(lambda *each: f"greatest({', '.join(each)})", 1, _LIMIT),
    "least": _numeric(lambda *each: f"least({', '.join(each)})", 1, _LIMIT),
    "log": _numeric(lambda x: f"real_log({x})"),
    "sqrt": _numeric(lambda x: f"real_sqrt({x})"),
    "strlen": Function(1, 1, lambda values: Sql(f"length({text(values[0])})", Kind.NUMBER)),
    "toupper": _textual(lambda x: f"upper({x})"),
    "tolower": _textual(lambda x: f"lower({x})"),
    "substr": Function(2, 3, _substr),
    "concat": _textual(lambda *each: f"concat({', '.join(each)})", 1, _LIMIT),
    "replace": _textual(lambda x, what, by: f"replace({x}, {what}, {by})", 3, 3),
    "strcontains": Function(
        2, 2, lambda values: Sql(f"contains({text(values[0])}, {text(values[1])})", Kind.TRUTH)
    ),
    "trim": _trimming("trim"),
    "ltrim": _trimming("ltrim"),
    "rtrim": _trimming("rtrim"),
    "coalesce": Function(1, _LIMIT, _coalesce),
    "ispresent": Function(1, 1, lambda values: Sql(f"({values[0].text}) IS NOT NULL", Kind.TRUTH)),
    "isempty": Function(1, 1, _is_empty),
    "isblank": Function(1, 1, _is_blank),
    "frommillis": Function(1, 1, lambda values: Sql(f"as_time({number(values[0])})", Kind.TIME)),
    "tomillis": Function(1, 1, lambda values: Sql(time(values[0]), Kind.NUMBER)),
    "jsonparse": Function(1, 1, _json_parse),
}


def floor_time(value: Sql, period: Period) -> Sql:
    """The beginning of the period that a time is in."""
    if period.months:
        return Sql(f"floor_months({time(value)}, {period.months})", Kind.TIME)
    return Sql(f"floor_time({time(value)}, {period.milliseconds})", Kind.TIME)


def ceil_time(value: Sql, period: Period) -> Sql:
    """The beginning of a period that a time is, or that comes next."""
    if period.months:
        last = Sql(f"({time(value)} - 1)", Kind.TIME)
        return Sql(f"next_months({time(last)}, {period.months})", Kind.TIME)
    last = Sql(f"({time(value)} + {period.milliseconds - 1})", Kind.TIME)
    return floor_time(last, period)
