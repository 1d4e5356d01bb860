"""The functions of Insights queries, and how what they give is shown."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lambdad.model.insights.malformed import MalformedQuery
from lambdad.observe.insights.compiler import compile_query
from lambdad.observe.insights.values import show_measure, show_number

Ask = Callable[..., list[dict[str, str]]]

LINE = json.dumps(
    {"n": -2.5, "s": "xyZfooxyZ", "blank": "  a\t", "json": '{"k": {"v": [7]}}', "t": True}
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("abs(n)", "2.5"),
        ("ceil(n)", "-2"),
        ("floor(n)", "-3"),
        ("greatest(n, 1, 0)", "1"),
        ("least(n, 1, 0)", "-2.5"),
        ("log(1)", "0"),
        ("log(n)", None),
        ("sqrt(16)", "4"),
        ("sqrt(n)", None),
        ("1 / 3", "0.3333"),
        ("1 / 0", None),
        ("7 % 4", "3"),
        ("2 ^ 10", "1024"),
        ("-(1 + 2) * 3", "-9"),
        ("s * 2", None),
        ("t + 1", "2"),
        ("strlen(s)", "9"),
        ("toupper(s)", "XYZFOOXYZ"),
        ("tolower(s)", "xyzfooxyz"),
        ("substr(s, 3, 3)", "foo"),
        ("substr(s, 3)", "fooxyZ"),
        ("substr(s, 1e10)", ""),
        ("substr(s, 3, 1e300)", "fooxyZ"),
        ("@ptr + 1", None),
        ("@ptr and not (@ptr in [1, 'x'])", "1"),
        ("concat(s, '-', n, '-', 3)", "xyZfooxyZ--2.5-3"),
        ("replace(s, 'foo', 'bar')", "xyZbarxyZ"),
        ("strcontains(s, 'foo')", "1"),
        ("strcontains(s, 'bar')", "0"),
        ("trim(blank)", "a"),
        ("ltrim(blank)", "a\t"),
        ("rtrim(blank)", "  a"),
        ("trim(s, 'xyZ')", "foo"),
        ("ltrim(s, 'xyZ')", "fooxyZ"),
        ("rtrim(s, 'xyZ')", "xyZfoo"),
        ("coalesce(missing, s)", "xyZfooxyZ"),
        ("coalesce(missing, 5)", "5"),
        ("isPresent(s)", "1"),
        ("ispresent(missing)", "0"),
        ("isempty(missing)", "1"),
        ("isblank(blank)", "0"),
        ("s = 'x' or n < 0", "1"),
        ("toMillis(@timestamp)", "1700049600000"),
        ("fromMillis(1700049600123)", "2023-11-15 12:00:00.123"),
        ("fromMillis('x')", None),
        ("fromMillis(9 ^ 99)", None),
        ("now()", "1700049600"),
        ("bin(1d)", "2023-11-15 00:00:00.000"),
        ("datefloor(@timestamp, 1h)", "2023-11-15 12:00:00.000"),
        ("datefloor(@timestamp, 1mo)", "2023-11-01 00:00:00.000"),
        ("datefloor(@timestamp, 1y)", "2023-01-01 00:00:00.000"),
        ("dateceil(@timestamp, 1h)", "2023-11-15 12:00:00.000"),
        ("dateceil(@timestamp, 1d)", "2023-11-16 00:00:00.000"),
        ("dateceil(@timestamp, 1q)", "2024-01-01 00:00:00.000"),
        ("datefloor(fromMillis(-1), 1h)", "1969-12-31 23:00:00.000"),
    ],
)
def test_a_function_gives(ask: Ask, expression: str, expected: str | None) -> None:
    (row,) = ask(f"fields {expression} as value", [LINE])
    assert row.get("value") == expected


def test_json_that_is_a_text_can_be_parsed(ask: Ask) -> None:
    query = "fields jsonParse(json) as j, jsonParse(s) as no | display j.k.v.0, no.x"
    assert ask(query, [LINE]) == [{"j.k.v.0": "7"}]


@pytest.mark.parametrize(
    ("query", "part", "message"),
    [
        ("fields foo(a)", "foo(a)", "knows no function foo"),
        ("fields strlen()", "strlen()", "strlen takes 1 value"),
        ("fields substr(a)", "substr(a)", "substr takes 2 to 3 values"),
        ("fields bin(a)", "bin(a)", "bin is used like bin(5m)"),
        ("filter count(*) > 1", "count(*)", "count can only stand in a stats command"),
        ("stats pct(a, b)", "pct(a, b)", "pct is used like pct(@duration, 95)"),
        ("stats pct(a, 101)", "pct(a, 101)", "pct is used like"),
        ("stats sum(sum(a))", "sum(a)", "sum can only stand in a stats command"),
        ("stats a by b", "a", "must stand in a function"),
        ("stats count(*) as c | filter d = 1", "d", "defines no d"),
        ("stats count(*) | stats count(*) by bin(5m)", "bin(5m)", "defines no @timestamp"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(query: str, part: str, message: str) -> None:
    with pytest.raises(MalformedQuery) as raised:
        compile_query(query, now=0)
    assert message in raised.value.message
    assert query[slice(*raised.value.span)] == part


@pytest.mark.parametrize(
    ("value", "number", "measure"),
    [
        (0.0, "0", "0.0"),
        (3.0, "3", "3.0"),
        (122.0703125, "122.0703", "122.0703125"),
        (1.28e8, "128000000", "1.28E8"),
        (-2e7, "-20000000", "-2.0E7"),
        (0.00001, "1.0E-5", "1.0E-5"),
        (1e18, "1.0E18", "1.0E18"),
        (float("inf"), "Infinity", "Infinity"),
        (float("nan"), "NaN", "NaN"),
    ],
)
def test_numbers_are_shown_as_cloudwatch_shows_them(
    value: float, number: str, measure: str
) -> None:
    assert show_number(value) == number
    assert show_measure(value) == measure


def test_nothing_that_a_query_says_is_part_of_the_sql() -> None:
    plan = compile_query(
        "fields `x'); --`, 'a\\'b' as `c\"d` | parse \"q'*\" as `e'f` | filter g like /h'i/"
        " | stats max(`j'k`) as `l'm` by `n'o` | sort `l'm`",
        now=0,
    )
    for statement in (plan.select, plan.finish):
        for mark in ("--", 'c"d', "e'f", "h'i", "j'k", "l'm", "n'o", "q'"):
            assert mark not in statement.sql
