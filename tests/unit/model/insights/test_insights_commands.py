"""The Insights query language, as far as its words go: what is read, and what is refused where."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdad.model.insights.commands import MAX_COMMANDS, parse_query
from lambdad.model.insights.malformed import MalformedQuery
from lambdad.model.insights.syntax import (
    Arithmetic,
    Call,
    Comparison,
    Dedup,
    Field,
    Fields,
    Filter,
    In,
    Like,
    Limit,
    Logic,
    Not,
    Number,
    Parse,
    Period,
    Regexp,
    Sort,
    Star,
    Stats,
    Text,
)


def shape(value: object) -> object:  # noqa: C901 (a table)
    """An expression without the places where it stands."""
    match value:
        case Field(name):
            return name
        case Number(number):
            return number
        case Text(text):
            return f"'{text}'"
        case Star():
            return "*"
        case Period(milliseconds, months):
            return (milliseconds, months)
        case Call(name, arguments):
            return (name, *map(shape, arguments))
        case Arithmetic(first, rest):
            return (shape(first), *((operator, shape(operand)) for operator, operand in rest))
        case Comparison(operator, left, right):
            return (shape(left), operator, shape(right))
        case Logic(operator, operands):
            return (operator, *map(shape, operands))
        case Not(operand):
            return ("not", shape(operand))
        case Like(operand, pattern):
            return (shape(operand), "like", shape(pattern))
        case In(operand, choices):
            return (shape(operand), "in", *map(shape, choices))
        case Regexp(pattern):
            return f"/{pattern}/"
    raise AssertionError(value)


def condition(text: str) -> object:
    (command,) = parse_query(f"filter {text}")
    assert isinstance(command, Filter)
    return shape(command.condition)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", ("a", "=", 1.0)),
        ("a == 'x'", ("a", "=", "'x'")),
        ("a != b.c.0.d", ("a", "!=", "b.c.0.d")),
        ("@duration >= 1.5e3", ("@duration", ">=", 1500.0)),
        ("`a-b` < .5", ("a-b", "<", 0.5)),
        ("a or b and not c", ("or", "a", ("and", "b", ("not", "c")))),
        ("(a OR b) AND c", ("and", ("or", "a", "b"), "c")),
        ('@message like "x"', ("@message", "like", "'x'")),
        (r"@message like /a\/b\d#/", ("@message", "like", r"/a/b\d#/")),
        ("@message =~ /x/", ("@message", "like", "/x/")),
        ("@message not like /x/", ("not", ("@message", "like", "/x/"))),
        ('a in [1, "b"]', ("a", "in", 1.0, "'b'")),
        ("a not in [1]", ("not", ("a", "in", 1.0))),
        ("isPresent(a)", ("ispresent", "a")),
        ("a / b / 2 > 1", (("a", ("/", "b"), ("/", 2.0)), ">", 1.0)),
        ("a + b * 2 = 3", (("a", ("+", ("b", ("*", 2.0)))), "=", 3.0)),
        ("a ^ b ^ 2 = 1", (("a", ("^", ("b", ("^", 2.0)))), "=", 1.0)),
        ("a = true", ("a", "=", "'true'")),
        (r"a = 'it\'s \"so\"\\'", ("a", "=", "'it's \"so\"\\'")),
    ],
)
def test_conditions_bind_as_they_should(text: str, expected: object) -> None:
    assert condition(text) == expected


def test_every_command_is_read() -> None:
    # When
    commands = parse_query(
        """
        fields @timestamp, a + 1 as b   # a comment | limit 1
        | parse @message "user=*, method=*" as @user, method
        | parse /took (?<ms>\\d+) (ms|s)/
        | stats count(*) as c, pct(@duration, 99) by bin(5m), @user
        | sort c desc, @user asc, method
        | dedup @user, method
        | display @user
        | limit 20
        """
    )
    # Then
    fields, stars, groups, stats, sort, dedup, display, limit = commands
    assert isinstance(fields, Fields)
    assert [item.name for item in fields.items] == ["@timestamp", "b"]
    assert isinstance(stars, Parse)
    assert stars.pattern.names == ("@user", "method")
    assert isinstance(groups, Parse)
    assert (groups.field.name, groups.pattern.names) == ("@message", ("ms", None))
    assert groups.pattern.pattern == r"took (\d+) (ms|s)"
    assert isinstance(stats, Stats)
    assert [item.name for item in stats.items] == ["c", "pct(@duration, 99)"]
    assert [item.name for item in stats.groups] == ["bin(5m)", "@user"]
    assert isinstance(sort, Sort)
    assert [key.descending for key in sort.keys] == [True, False, False]
    assert isinstance(dedup, Dedup)
    assert isinstance(display, Fields)
    assert display.only
    assert limit == Limit(20)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        *(("sort by @duration desc", "@duration"), ("sort BY `a b` desc", "a b")),
        *(("sort by desc", "by"), ("sort by desc, a", "by")),
    ],
)
def test_sort_may_be_by_something(text: str, field: str) -> None:
    (command,) = parse_query(text)
    assert isinstance(command, Sort)
    assert (shape(command.keys[0].expression), command.keys[0].descending) == (field, True)


@pytest.mark.parametrize("text", ["", "  \n", "# nothing", "# a\n# b"])
def test_an_empty_query_has_no_commands(text: str) -> None:
    assert parse_query(text) == ()


@pytest.mark.parametrize(
    ("period", "expected"),
    [("30s", (30_000, 0)), ("1h", (3_600_000, 0)), ("2w", (1_209_600_000, 0)), ("1q", (0, 3))],
)
def test_periods_are_milliseconds_or_months(period: str, expected: object) -> None:
    assert condition(f"bin({period}) = 1") == (("bin", expected), "=", 1.0)


@pytest.mark.parametrize(
    ("query", "part", "message"),
    [
        ("fields a | pattern @message", "pattern", "does not support the command pattern"),
        ("unnest x into y", "unnest", "does not support the command unnest"),
        ("SOURCE logGroups()", "SOURCE", "does not support the command source"),
        ("filter a | diff", "diff", "does not support the command diff"),
        ("anomaly a", "anomaly", "does not support the command anomaly"),
        ("felds a", "felds", "a command expected"),
        ("fields a b", "b", "'|' expected"),
        ("fields", "", "a field, a value or a function expected"),
        ("fields a |", "", "a command expected"),
        ("filter a like 3", "3", "a text in quotes or a regular expression expected"),
        ("filter a in [1", "", "']' expected"),
        ("filter a = 'x", "'x", "not closed"),
        ("filter a ? b", "?", "unexpected symbol found ?"),
        ("filter a like /(/", "/(/", "a group is not closed"),
        ("filter a like /a)/", "/a)/", "was not opened"),
        ("filter a like /[a/", "/[a/", "a set of characters is not closed"),
        ("filter a like /(?=x)/", "/(?=x)/", "looking ahead is not supported"),
        ("filter a like /(?<!x)/", "/(?<!x)/", "looking behind is not supported"),
        (r"filter a like /(a)\1/", r"/(a)\1/", "referring back"),
        ("filter a like /a{9999}/", "/a{9999}/", "more than 1000 times"),
        ("parse @message /x(y)/", "/x(y)/", "no named group"),
        ("parse @message /(?<1>y)/", "/(?<1>y)/", "is no name"),
        ('parse @message "a*b*" as c', '"a*b*"', "2 stars, and 1 names"),
        ("limit 0", "0", "from 1 to 100000"),
        ("limit 100001", "100001", "from 1 to 100000"),
        ("limit x", "x", "a number expected"),
        ("stats count(*) by bin(5x)", "5x", "no unit of time"),
        ("stats count(*) by bin(0m)", "0m", "no number of a period"),
        ("stats count(*) by bin(٣m)", "٣", "unexpected symbol found ٣"),
        ("filter a > 1e999", "1e999", "the number is too large"),
        pytest.param(f"limit {'1' * 5000}", "1" * 5000, "from 1 to 100000", id="long limit"),
        (f"filter {'(' * 50}a", "(", "nested too deeply"),
        (f"filter {'not ' * 50}a", "not", "nested too deeply"),
        (f"filter a = 1{' + 1' * 500}", "+", "too long"),
        ("|".join(["limit 1"] * (MAX_COMMANDS + 1)), "", "more than 100 commands"),
    ],
)
def test_what_is_malformed_is_told_with_its_place(query: str, part: str, message: str) -> None:
    with pytest.raises(MalformedQuery) as raised:
        parse_query(query)
    assert message in raised.value.message
    assert query[slice(*raised.value.span)] == part


@pytest.mark.parametrize("end", ["_", ".x", "e+", "٣"])
def test_a_long_row_of_digits_is_read_once(end: str) -> None:
    """Trying every division of it would take minutes, in which the interpreter does nothing else:
    the server would stand still."""
    with pytest.raises(MalformedQuery):
        parse_query("filter a = " + "1" * 200_000 + end)


def test_a_query_of_half_characters_is_refused() -> None:
    with pytest.raises(MalformedQuery, match="not Unicode"):
        parse_query("filter a = '\ud800'")


_WORDS = """
fields display filter parse stats sort limit dedup by as and or not like in asc desc count bin
| , ( ) [ ] = != < > + - * / % ^ =~ @message a.b `x` 'text' "a=*" /(?<g>x)/ 5m 10 1.5 #
"""
WORDS = st.sampled_from([*_WORDS.split(), "\n"])


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join)))
@example("parse /[[:alpha:]/")
@example("filter a like /(?P/")
@example("filter a like /[\\")
def test_any_text_is_read_or_refused_within_itself(text: str) -> None:
    try:
        parse_query(text)
    except MalformedQuery as error:
        start, end = error.span
        assert 0 <= start <= end <= len(text)


NAMES = st.from_regex(r"@?[a-z]{1,5}(\.[a-z0-9]{1,3}){0,2}", fullmatch=True).filter(
    lambda name: name not in {"not", "and", "or", "in", "like", "as", "by", "true", "false", "asc"}
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(NAMES, TEXTS)
def test_any_text_can_be_written_in_quotes(name: str, text: str) -> None:
    assert condition(f"{name} = {quoted(text)}") == (name, "=", f"'{text}'")


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_blanks_and_comments_change_nothing(names: list[str]) -> None:
    def read(query: str) -> list[str]:
        (command,) = parse_query(query)
        assert isinstance(command, Fields)
        return [item.name for item in command.items]

    assert read("fields " + ",".join(names)) == names
    assert read("fields\n" + " # | x\n , ".join(names) + " # the end") == names
