"""Filter patterns of columns between spaces."""

from __future__ import annotations

import time

import pytest

from lambdad.model.filter_pattern import InvalidFilterPattern, parse_filter_pattern

GET = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a.gif HTTP/1.0" 200 1534'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[]", True),
        ("[ip, id, user, time, request, status, bytes]", True),
        ("[ip, id, user, time, request, status]", False),
        ("[ip, id, user, time, request, status, bytes, more]", False),
        ("[ip, ..., status = 2*, bytes]", True),
        ("[..., status = 4*, bytes]", False),
        ("[..., status = 200 || status = 404, bytes]", True),
        ("[..., status=404||status=410, bytes]", False),
        ("[..., bytes > 1000]", True),
        ("[..., bytes > 1000 && bytes < 1500]", False),
        ("[..., (bytes = 1 || bytes > 5) && bytes != 6]", True),
        ("[ip = 127.0.*, ...]", True),
        ("[ip, id, user != frank, ...]", False),
        ("[ip, id, user, time, request =*.gif*, ...]", True),
        ('[ip, id, user, time, request = "GET *", ...]', True),
        (r"[ip = %^127\.%, ...]", True),
        ("[..., time, request, status, bytes, ip, id, user, one_too_many]", False),
        ("[ip, ..., bytes]", True),
    ],
)
def test_pattern_lets_through(pattern: str, matches: bool) -> None:
    assert parse_filter_pattern(pattern).matches(GET) is matches


def test_words_are_compared_as_the_documentation_shows() -> None:
    lines = ["ERROR WARN message", "ERROR message", "WARN message"]
    for pattern, found in {
        "[w1=ERROR, w2]": [False, True, False],
        "[w1=ERROR || w1=WARN, w2]": [False, True, True],
        "[w1!=ERROR&&w1!=WARN, w2]": [False, False, False],
    }.items():
        assert [parse_filter_pattern(pattern).matches(line) for line in lines] == found


def test_columns_are_extracted_by_name_and_by_number_behind_the_dots() -> None:
    assert parse_filter_pattern("[ip, ..., status, bytes]").extract(GET) == {
        "$ip": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$5": "GET /a.gif HTTP/1.0",
        "$status": "200",
        "$bytes": "1534",
    }
    assert parse_filter_pattern("[]").extract("a  b\n") == {"$1": "a", "$2": "b"}
    assert parse_filter_pattern("[a]").extract("a b") is None


@pytest.mark.parametrize(
    ("message", "columns"),
    [
        ("[a b] c", ["a b", "c"]),
        ("[a b", ["[a", "b"]),
        ("[a]: b", ["[a]:", "b"]),
        ('"ab"c "d e"', ['"ab"c', "d e"]),
        ('"" x', ["", "x"]),
        ('[a "b] c"', ['a "b', 'c"']),
        ("", []),
    ],
)
def test_brackets_and_quotes_hold_a_column_together(message: str, columns: list[str]) -> None:
    found = parse_filter_pattern("[]").extract(message)
    assert list((found or {}).values()) == columns


@pytest.mark.parametrize("message", ["[ " * 200_000, '" x' * 200_000, "[ " * 200_000 + "]x"])
def test_hostile_messages_are_split_in_time(message: str) -> None:
    began = time.process_time()
    parse_filter_pattern("[]").matches(message)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "[",
            "[a",
            "[a,]",
            "[,a]",
            "[a] b",
            "[a = ]",
            "[a = 1 || b = 2]",
            "[..., ...]",
            "[a > x]",
        ),
        *("[a > x]", "[(a = 1]", "[a b]", "[a = 1 &&]"),
    ],
)
def test_what_breaks_the_syntax_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidFilterPattern, match="Invalid filter pattern"):
        parse_filter_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ('[a = "GET *", b != x, c = 5]', {"GET "}),
        ("[a = x || a = xy, b = *err*]", {"err"}),
        ("[]", set()),
    ],
)
def test_required_terms_are_in_every_line_that_matches(pattern: str, terms: set[str]) -> None:
    assert parse_filter_pattern(pattern).required_terms() == terms
