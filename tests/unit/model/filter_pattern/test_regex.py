"""Regular expressions of filter patterns."""

from __future__ import annotations

import time

import pytest

from lambdad.model.filter_pattern import InvalidFilterPattern
from lambdad.model.filter_pattern.regex import parse_regex


@pytest.mark.parametrize(
    ("regex", "message", "is_in"),
    [
        ("AUTHORIZED", "UNAUTHORIZED REQUEST", True),
        ("^ERROR", "an ERROR", False),
        ("^ERROR", "ERROR", True),
        ("done$", "done", True),
        ("done$", "done\n", True),  # the end of the line
        ("done$", "done.", False),
        ("^$", "", True),
        ("^$", "\n", True),
        ("^$", "x", False),
        ("colou?r", "color", True),
        ("ab*c", "ac", True),
        ("ab*c", "abbbbc", True),
        ("ab+c", "ac", False),
        ("ab{2,3}c", "abc", False),
        ("ab{2,3}c", "abbbc", True),
        ("ab{2,3}c", "abbbbc", False),
        ("^a{3}$", "aaa", True),
        ("^a{2,}$", "aaaaa", True),
        ("^a{2,}$", "a", False),
        ("a?b?c?d", "bd", True),
        ("^a?b?c?d", "ad", True),
        ("^a?b?c?d", "cad", False),
        ("GET|POST", "a POST", True),
        ("^GET|POST$", "no GET", False),
        (r"10\.0\.\d{1,3}\.\d+", "from 10.0.12.7 on", True),
        (r"\d", "d", False),
        (r"^\D+$", "day é", True),
        (r"\s\S", "a b", True),
        (r"^\w+$", "snake_case9", True),
        (r"\W", "word", False),
        (r"\x41", "A", True),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[^a-c]x", "éx", True),
        (r"[\d_]+-", "1_2-", True),
        (r"\[ERROR\]", "[ERROR]", True),
        (r"[\]x]", "]", True),
        ("[a-]", "-", True),
        ("a|", "zzz", True),
        ("caf.", "café", True),
        ("a.*?b", "a - b", True),
    ],
)
def test_regex_finds(regex: str, message: str, is_in: bool) -> None:
    assert parse_regex(regex).is_in(message) is is_in


@pytest.mark.parametrize(
    "regex",
    [
        *(
            "(a)",
            "some!thing",
            "a b",
            "é",
            "*a",
            "a**",
            "a++",
            "[a",
            "[]",
            "[z-a]",
            "a{3,2}",
            "a^b",
        ),
        *("a^b", "a$b", r"\d{2001}", r"\q", "\\", "{2}", r"[\d-z]", "a{1000}b{1000}c{1000}"),
        "a{1000}|b{1000}|c{1000}",
    ],
)
def test_what_is_not_in_the_language_is_refused(regex: str) -> None:
    with pytest.raises(InvalidFilterPattern, match="Invalid regular expression"):
        parse_regex(regex)


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        ("a*a*a*a*a*a*a*a*b", "a" * 200_000),
        (r"[\w-]*[\w-]*[\w-]*x$", "a" * 200_000),
        ("a*" + "a?" * 20 + "b$", "a" * 200_000),
        ("a.{0,900}b.{0,900}c", "c" + "ab" * 100_000),
    ],
)
def test_hostile_regexes_take_time_in_proportion_to_the_message(regex: str, message: str) -> None:
    # A matcher that goes back would take hours.
    began = time.process_time()
    parse_regex(regex).is_in(message)
    assert time.process_time() - began < 5
