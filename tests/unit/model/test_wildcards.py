"""Patterns of the policy language."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.wildcards import matches

VARIABLES = {"aws:username": ("ann*",), "aws:tags": ("a", "b")}
PATTERNS = st.text("ab*?", max_size=12)
TEXTS = st.text("ab", max_size=12)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", ""),
        ("*", ""),
        ("*", "a:b/c\nd"),
        ("a*", "a"),
        ("a?c", "abc"),
        ("*b*", "abc"),
        ("a**c", "abbc"),
        ("a.c", "a.c"),
    ],
)
def test_what_matches(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("", "a"), ("a", "A"), ("a?c", "ac"), ("a*c", "abcd"), ("a.c", "abc"), ("*a", "ab")],
)
def test_what_does_not_match(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


def test_case_and_wildcards_can_be_ignored() -> None:
    assert matches("Lambda:Get*", "lambda:getfunction", is_case_ignored=True)
    assert matches("a*", "a*", has_wildcards=False)
    assert not matches("a*", "ab", has_wildcards=False)


def test_a_variable_stands_for_its_value_and_never_for_a_wildcard() -> None:
    assert matches("home/${aws:username}/*", "home/ann*/x", VARIABLES)
    assert matches("home/${AWS:UserName}/*", "home/ann*/x", VARIABLES)
    assert not matches("home/${aws:username}/*", "home/anna/x", VARIABLES)


def test_a_variable_without_one_value_has_its_default_or_matches_nothing() -> None:
    assert matches("${aws:x, 'nobody'}", "nobody", VARIABLES)
    assert matches("${aws:tags,'many'}", "many", VARIABLES)
    for pattern in ("${aws:x}", "*${aws:x}", "${aws:tags}", "${aws:x, nobody}", "${}"):
        assert not matches(pattern, "", VARIABLES)
        assert not matches(pattern, "${aws:x}", VARIABLES)


def test_special_characters_can_be_written_as_variables() -> None:
    assert matches("${*}${?}${$}", "*?$", VARIABLES)
    assert not matches("${*}", "a", VARIABLES)


def test_where_there_are_no_variables_a_variable_means_itself() -> None:
    assert matches("${aws:username}", "${aws:username}", None)
    assert matches("${*}", "${a}", None)


@given(PATTERNS, TEXTS)
def test_it_matches_as_file_names_do(pattern: str, text: str) -> None:
    assert matches(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@given(st.text(), st.text())
def test_a_text_without_wildcards_matches_itself_alone(pattern: str, text: str) -> None:
    plain = {"has_wildcards": False}
    assert matches(pattern, pattern, {}, **plain) or "${" in pattern
    assert matches(pattern, text, None, **plain) == (pattern == text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        (["*a" * 10_000 + "b"], "a" * 15_000),
        (["*a?" * 6_000 + "b"], "a" * 15_000),
        (["*?a" for _ in range(4_000)], "b" * 256),
        ([f"*{'a?' * 30}b*" for _ in range(300)], "a" * 256),
    ],
)
def test_hostile_patterns_take_no_long_time(patterns: list[str], text: str) -> None:
    started = time.process_time()
    assert not any(matches(pattern, text) for pattern in patterns)
    assert time.process_time() - started < 2
