"""Pieces of SQL with what they are, and what makes one thing of another.

A log's fields are text whose meaning shows when it is used: in arithmetic, and beside a number, it
is the number that it spells (`true` is 1, `false` is 0); what spells none is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a piece of SQL gives, and so how it is shown."""

    TEXT = "text"
    NUMBER = "number"  # computed: shown with four decimals at most
    MEASURE = "measure"  # discovered in a line: shown as CloudWatch does, 1.28E8
    TIME = "time"  # milliseconds since 1970, shown as date and time
    TRUTH = "truth"
    POINTER = "pointer"  # an event, by its number and time
    DOCUMENT = "document"  # JSON, in which names can go on with a dot


class Sql(NamedTuple):
    """An expression of SQL."""

    text: str
    kind: Kind


# Macros, so that what is used twice is written once: SQL stays as long as the query is.
PRELUDE = (
    # What DuckDB reads beside numbers is none: nan, infinity, 1e999, 1_000.
    """CREATE MACRO spelt_number(x) AS
        CASE WHEN isfinite(TRY_CAST(x AS DOUBLE)) AND NOT contains(x, '_')
        THEN TRY_CAST(x AS DOUBLE) END""",
    """CREATE MACRO to_number(x) AS coalesce(
        spelt_number(x), CASE x WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END)""",
    """CREATE MACRO number_text(x) AS CASE
        WHEN x = trunc(x) AND abs(x) < 1e15 THEN CAST(CAST(x AS BIGINT) AS VARCHAR)
        ELSE CAST(round(x, 4) AS VARCHAR) END""",
    "CREATE MACRO time_text(x) AS TRY(strftime(epoch_ms(x), '%Y-%m-%d %H:%M:%S.%g'))",
    """CREATE MACRO as_time(x) AS
        CASE WHEN abs(x) < 1e16 THEN CAST(floor(x) AS BIGINT) END""",
    "CREATE MACRO real_log(x) AS CASE WHEN x > 0 THEN ln(x) END",
    "CREATE MACRO real_sqrt(x) AS CASE WHEN x >= 0 THEN sqrt(x) END",
    "CREATE MACRO floor_time(x, period) AS x - ((x % period) + period) % period",
    """CREATE MACRO floor_months(x, months) AS
        TRY(epoch_ms(time_bucket(to_months(months), epoch_ms(x))))""",
    """CREATE MACRO next_months(x, months) AS
        TRY(epoch_ms(time_bucket(to_months(months), epoch_ms(x)) + to_months(months)))""",
    """CREATE MACRO before(a, b) AS
        coalesce(spelt_number(a) < spelt_number(b), a < b)""",
    # Beyond 2^53 different numbers, as ids are, become one.
    """CREATE MACRO same(a, b) AS coalesce(
        a = b OR coalesce(
            spelt_number(a) = spelt_number(b) AND abs(spelt_number(a)) < 9007199254740992,
            false), false)""",
    "CREATE MACRO at_most(a, b) AS coalesce(before(a, b), false) OR same(a, b)",
    """CREATE MACRO among(x, texts, numbers) AS
        coalesce(list_contains(texts, x) OR list_contains(numbers, to_number(x)), false)""",
    "CREATE MACRO json_document(x) AS CAST(TRY_CAST(x AS JSON) AS VARCHAR)",
)

_WORDS = (Kind.TEXT, Kind.DOCUMENT)


def is_text(sql: Sql) -> bool:
    return sql.kind in _WORDS


def number(sql: Sql) -> str:
    """It as a number; NULL if it is none."""
    if is_text(sql):
        return f"to_number({sql.text})"
    if sql.kind is Kind.POINTER:
        return "CAST(NULL AS DOUBLE)"
    return f"CAST({sql.text} AS DOUBLE)"


def text(sql: Sql) -> str:
    """It as it is shown."""
    match sql.kind:
        case Kind.NUMBER | Kind.MEASURE:
            return f"number_text({sql.text})"
        case Kind.TIME:
            return f"time_text({sql.text})"
        case Kind.TRUTH:
            return f"CAST(CAST({sql.text} AS INTEGER) AS VARCHAR)"
        case Kind.POINTER:
            return f"CAST({sql.text} AS VARCHAR)"
        case _:
            return sql.text


def time(sql: Sql) -> str:
    """It as milliseconds since 1970."""
    return sql.text if sql.kind is Kind.TIME else f"as_time({number(sql)})"


def truth(sql: Sql) -> str:
    """Whether it is true: not missing, not zero, not empty. Never NULL."""
    if sql.kind is Kind.TRUTH:
        return sql.text
    if is_text(sql):
        return f"coalesce({sql.text} NOT IN ('', '0', 'false'), false)"
    if sql.kind is Kind.POINTER:
        return f"({sql.text} IS NOT NULL)"
    return f"coalesce({sql.text} <> 0, false)"


def compare(operator: str, left: Sql, right: Sql) -> str:
    """Whether `=`, `<` or `<=` holds: of texts as numbers if both are, else as texts. Never NULL:
    nothing holds of what is missing."""
    if not (is_text(left) and is_text(right)):
        return f"coalesce({number(left)} {operator} {number(right)}, false)"
    match operator:
        case "=":
            return f"same({left.text}, {right.text})"
        case "<":
            return f"coalesce(before({left.text}, {right.text}), false)"
        case _:
            return f"at_most({left.text}, {right.text})"


def one_of(value: Sql, choices: Sequence[Sql]) -> str:
    """Whether a value equals one of several."""
    texts = [choice.text for choice in choices if is_text(choice)]
    numbers = [number(choice) for choice in choices if not is_text(choice)]
    if not is_text(value):
        return f"coalesce({number(value)} IN ({', '.join(map(number, choices))}), false)"
    if not numbers:
        return f"coalesce({value.text} IN ({', '.join(texts)}), false)"
    listed = f"[{', '.join(texts)}]::VARCHAR[], [{', '.join(numbers)}]::DOUBLE[]"
    return f"among({value.text}, {listed})"
