"""What each command of an Insights query does with log lines."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Ask = Callable[..., list[dict[str, str]]]

ID = "8f507cfc-1697-4697-b07a-ac58fc914c95"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 31 MB\tInit Duration: 100.50 ms\t\n"
    "XRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: 07f5xmpl2d1f6f85\tSampled: true"
)
LAMBDA = [
    "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn",
    f"START RequestId: {ID} Version: $LATEST",
    f"[INFO]\t2023-11-15T12:00:00.000Z\t{ID}\thello",
    f"2023-11-15T12:00:00.000Z\t{ID}\tINFO\thello",
    f"END RequestId: {ID}",
    REPORT.replace("10bdxmplf1", "10bdaaaaf1").replace("07f5xmpl2d", "07f5aaaa2d"),
    "just text",
]
PEOPLE = [
    json.dumps(document)
    for document in (
        {"name": "ann", "age": 30, "city": "Rome"},
        {"name": "bob", "age": 4, "city": "Oslo"},
        {"name": "cid", "age": 25, "city": "Rome"},
        {"name": "dan", "city": "Oslo"},
    )
]


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row["name"] for row in rows]


def test_without_commands_time_and_message_come_the_newest_first(ask: Ask) -> None:
    assert ask("", ["a", "b"]) == [
        {"@timestamp": "2023-11-15 12:00:01.000", "@message": "b"},
        {"@timestamp": "2023-11-15 12:00:00.000", "@message": "a"},
    ]


def test_fields_of_the_log_itself(ask: Ask) -> None:
    assert ask("fields @logStream, @log, @ingestionTime", ["a"]) == [
        {
            "@logStream": "stream-0",
            "@log": "000000000000:group",
            "@ingestionTime": "2023-11-15 12:00:00.005",
        }
    ]


def test_fields_add_and_display_replaces(ask: Ask) -> None:
    assert ask("fields name | fields age * 2 as double | limit 1", PEOPLE[:1]) == [
        {"name": "ann", "double": "60"}
    ]
    assert ask("fields name, age | display city", PEOPLE[:1]) == [{"city": "Rome"}]


def test_what_is_missing_is_left_out(ask: Ask) -> None:
    assert ask("fields name, age", PEOPLE[3:]) == [{"name": "dan"}]


def test_fields_of_lambda_s_lines(ask: Ask) -> None:
    rows = ask(
        "fields @type, @requestId, @duration, @billedDuration, @memorySize, @maxMemoryUsed, "
        "@initDuration, @xrayTraceId, @xraySegmentId | sort @timestamp asc",
        LAMBDA,
    )
    with_id = {"@requestId": ID}
    assert rows == [
        {"@type": "INIT_START"},
        {"@type": "START", **with_id},
        with_id,
        with_id,
        {"@type": "END", **with_id},
        {
            "@type": "REPORT",
            **with_id,
            "@duration": "12.34",
            "@billedDuration": "113.0",
            "@memorySize": "1.28E8",
            "@maxMemoryUsed": "3.1E7",
            "@initDuration": "100.5",
            "@xrayTraceId": "1-5e34a614-10bdaaaaf1fb44f07bc535a1",
            "@xraySegmentId": "07f5aaaa2d1f6f85",
        },
        {},
    ]


def test_fields_of_json_by_their_path(ask: Ask) -> None:
    document = {
        "a": {"b": [{"c": 1}, {"c": "two"}]},
        "flat.key": True,
        "@message": "inner",
        "odd name/~": 1.5,
        "null": None,
    }
    query = "fields a.b.1.c, a.b.0.c, flat.key, @@message, `odd name/~`, null, a.x, a.b.7.c"
    assert ask(query, [json.dumps(document)]) == [
        {
            "a.b.1.c": "two",
            "a.b.0.c": "1",
            "flat.key": "true",
            "@@message": "inner",
            "odd name/~": "1.5",
        }
    ]


def test_json_within_a_line_is_found(ask: Ask) -> None:
    line = f'2023-11-15T12:00:00.000Z\t{ID}\tINFO\t{{"level": {{"name": "info"}}}}\n'
    assert ask("fields level.name", [line, "{no json}", "a } b {"]) == [
        {},
        {},
        {"level.name": "info"},
    ]


def test_filter_compares_numbers_as_numbers(ask: Ask) -> None:
    assert names(ask("fields name | filter age > 5 | sort name asc", PEOPLE)) == ["ann", "cid"]
    assert names(ask("fields name | filter age < '5'", PEOPLE)) == ["bob"]
    assert names(ask("fields name | filter age = 30.0", PEOPLE)) == ["ann"]
    assert names(ask("fields name | filter city >= 'P' | sort name asc", PEOPLE)) == ["ann", "cid"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12345678901234567890", "12345678901234567891"),
        ("9e999", "8e888"),
        ("1_2", "12"),
        ("nan", "NaN"),
    ],
)
def test_filter_tells_ids_apart_that_look_like_one_number(ask: Ask, one: str, other: str) -> None:
    lines = [json.dumps({"id": each}) for each in (one, other)]
    assert ask(f"display id | filter id = '{one}'", lines) == [{"id": one}]
    assert ask(f"display id | filter id != '{one}'", lines) == [{"id": other}]


def test_words_that_some_take_for_numbers_spoil_no_figure(ask: Ask) -> None:
    lines = [json.dumps({"x": x}) for x in ("NaN", "nan", "Infinity", "-inf", "1e999", "1_0", 3)]
    assert ask("stats sum(x) as a, max(x) as b, count(x) as c", lines) == [
        {"a": "3", "b": "3", "c": "7"}
    ]
    assert ask("fields x | sort x desc | limit 1", lines) == [{"x": "3"}]


def test_nothing_holds_of_what_is_missing_but_its_opposite(ask: Ask) -> None:
    assert names(ask("fields name | filter age > 0 or age <= 0 | sort name", PEOPLE)) == [
        *("ann", "bob", "cid")
    ]
    assert names(ask("fields name | filter age != 30 and age != 25 | sort name", PEOPLE)) == [
        *("bob", "dan")
    ]
    assert names(ask("fields name | filter not (age > 0)", PEOPLE)) == ["dan"]
    assert names(ask("fields name | filter age not in [30, 4, 25]", PEOPLE)) == ["dan"]


def test_filter_by_membership_and_by_presence(ask: Ask) -> None:
    assert names(ask("fields name | filter age in [4, 'x', 30] | sort name", PEOPLE)) == [
        *("ann", "bob")
    ]
    assert names(ask("fields name | filter name in ['ann', 'dan'] | sort name", PEOPLE)) == [
        *("ann", "dan")
    ]
    assert names(ask("fields name | filter not isPresent(age)", PEOPLE)) == ["dan"]
    assert ask("filter isEmpty(x) and isBlank(y)", ['{"x": "", "y": " \\t"}', '{"x": "a"}'])[0][
        "@message"
    ].startswith('{"x": ""')


def test_filter_by_substring_and_by_pattern(ask: Ask) -> None:
    lines = ["An Error", "an error.", "fine", "100%"]

    def found(condition: str) -> list[str]:
        return [row["@message"] for row in ask(f"filter {condition} | sort @timestamp", lines)]

    assert found('@message like "rror"') == lines[:2]
    assert found("@message like /(?i)an error$/") == lines[:1]
    assert found("@message =~ /^an/") == lines[1:2]
    assert found("@message not like 'rror' and @message not like /%/") == ["fine"]
    assert found("@message like '.'") == ["an error."]
    assert found("strcontains(@message, '%')") == ["100%"]


def test_parse_by_stars(ask: Ask) -> None:
    rows = ask(
        'parse @message "user=*, [*] took * ms" as user, method, ms | display user, method, ms + 1',
        ["x user=bob, [GET] took 41 ms", "something else"],
    )
    assert rows == [{}, {"user": "bob", "method": "GET", "ms + 1": "42"}]


def test_the_last_star_takes_all_that_is_left(ask: Ask) -> None:
    assert ask('parse "a=* b=*" as a, b | display a, b', ["a=1 b=2 3\n4"]) == [
        {"a": "1", "b": "2 3\n4"}
    ]


def test_parse_by_a_regular_expression(ask: Ask) -> None:
    rows = ask(
        r"parse city /(?<first>[A-Z])(.)(?P<rest>\w+)/ | display first, rest | limit 1", PEOPLE[:1]
    )
    assert rows == [{"first": "R", "rest": "me"}]


def test_stats_over_everything(ask: Ask) -> None:
    rows = ask(
        "stats count(*) as all, count(age) as n, sum(age), avg(age), min(age), max(age), "
        "pct(age, 50), stddev(age), count_distinct(city), earliest(name), latest(name), "
        "sortsFirst(city), sortsLast(city)",
        PEOPLE,
    )
    assert rows == [
        {
            "all": "4",
            "n": "3",
            "sum(age)": "59",
            "avg(age)": "19.6667",
            "min(age)": "4",
            "max(age)": "30",
            "pct(age, 50)": "25",
            "stddev(age)": "11.2645",
            "count_distinct(city)": "2",
            "earliest(name)": "ann",
            "latest(name)": "dan",
            "sortsFirst(city)": "Oslo",
            "sortsLast(city)": "Rome",
        }
    ]


def test_stats_by_groups_and_periods(ask: Ask) -> None:
    assert ask("stats count(*) as n, max(age) by city", PEOPLE) == [
        {"city": "Oslo", "n": "2", "max(age)": "4"},
        {"city": "Rome", "n": "2", "max(age)": "30"},
    ]
    assert ask("stats count(*) by bin(2s)", ["a", "b", "c"]) == [
        {"bin(2s)": "2023-11-15 12:00:02.000", "count(*)": "1"},
        {"bin(2s)": "2023-11-15 12:00:00.000", "count(*)": "2"},
    ]


def test_stats_compute_with_figures_and_with_their_names(ask: Ask) -> None:
    rows = ask("stats max(age) - min(age) as range, range / 2 as half, max(age) as top", PEOPLE)
    assert rows == [{"range": "26", "half": "13", "top": "30"}]


def test_what_follows_stats_sees_its_figures(ask: Ask) -> None:
    assert ask(
        "stats count(*) by city, name | stats count(*) as people by city | filter people > 1 "
        "| sort city desc | fields people * 10 as much | limit 1",
        PEOPLE,
    ) == [{"city": "Rome", "people": "2", "much": "20"}]
    assert ask("stats count(*) by bin(1s) | sort bin(1s) asc | limit 1", ["a", "b"]) == [
        {"bin(1s)": "2023-11-15 12:00:00.000", "count(*)": "1"}
    ]


def test_stats_over_nothing_are_nothing(ask: Ask) -> None:
    assert ask("filter @message = 'x' | stats count(*), sum(@duration)", ["a"]) == []


def test_sort_puts_words_before_numbers_and_what_is_missing_last(ask: Ask) -> None:
    lines = [f'{{"x": {x}}}' for x in ("10", "9", '"b"', '"a"')] + ["{}"]
    assert ask("fields x | sort x asc", lines) == [
        *({"x": "a"}, {"x": "b"}, {"x": "9"}, {"x": "10"}, {})
    ]
    assert ask("fields x | sort x desc", lines) == [
        *({"x": "10"}, {"x": "9"}, {"x": "b"}, {"x": "a"}, {})
    ]


def test_limit_is_the_least_of_those_that_are_given(ask: Ask) -> None:
    assert names(ask("fields name | sort age desc | limit 2", PEOPLE)) == ["ann", "cid"]
    assert names(ask("fields name | sort age desc", PEOPLE, limit=1)) == ["ann"]
    assert ask("sort @timestamp asc | limit 2 | stats count(*) as n", PEOPLE) == [{"n": "2"}]


def test_no_more_is_kept_than_can_be_shown(ask: Ask) -> None:
    many = [str(number) for number in range(120_000)]
    assert [row["@message"] for row in ask("limit 2", many[:300])] == ["299", "298"]


def test_dedup_keeps_the_first_by_the_order(ask: Ask) -> None:
    assert names(ask("fields name | sort name asc | dedup city", PEOPLE)) == ["ann", "bob"]
    assert names(ask("fields name | dedup city", PEOPLE)) == ["dan", "cid"]
    # What has no value is no duplicate.
    assert len(ask("dedup age, city", [*PEOPLE, PEOPLE[3], PEOPLE[0]])) == 5
