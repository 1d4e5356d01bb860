"""Filter patterns of CloudWatch Logs: read or refused whatever they are, and true to what they say.

Regular expressions find what Python's own find, which are the same language with more in it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdad.model.filter_pattern import InvalidFilterPattern, parse_filter_pattern
from lambdad.model.filter_pattern.columns import split_columns
from lambdad.model.filter_pattern.regex import parse_regex

pytestmark = pytest.mark.slow

PIECES = ["{", "}", "[", "]", "(", ")", "$.a", "$.b[0]", "$['a.b']", "[*]", "=", "!=", ">", "&&"]
PIECES += ["||", "IS", "NULL", "NOT", "EXISTS", "...", ",", "a", "b", '"x*"', "%a+%", "1e3", "-"]
PIECES += ["?", "*", " ", '"', "%", "\\"]
nearly_patterns = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
names = st.sampled_from(["a", "b", "a.b", "level"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
documents: Any = st.dictionaries(names, scalars | st.lists(scalars, max_size=3), max_size=4)
messages = st.text() | documents.map(json.dumps) | st.text(alphabet='ab "[]x1', max_size=30)

atoms = st.sampled_from(["a", "b", "1", ".", r"\d", r"\w", r"\S", "[ab]", "[^a1]", r"\.", r"\x61"])
repetitions = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,}", "{0,2}", "*?"])
chains = st.builds(
    lambda parts, begin, end: f"{begin}{''.join(parts)}{end}",
    st.lists(st.builds("".join, st.tuples(atoms, repetitions)), max_size=6),
    *(st.sampled_from(["", "", "^"]), st.sampled_from(["", "", "$"])),
)
regexes = st.lists(chains, min_size=1, max_size=3).map("|".join)


@given(nearly_patterns, messages)
@example('{$.a="\\"}', "{}")
def test_any_text_is_a_pattern_or_is_refused(text: str, message: str) -> None:
    try:
        pattern = parse_filter_pattern(text)
    except InvalidFilterPattern:
        return
    matches = pattern.matches(message)
    assert (pattern.extract(message) is not None) is matches
    if matches:
        assert all(term in message for term in pattern.required_terms())


@given(regexes, st.text(alphabet="ab1. \né", max_size=20))
def test_regexes_find_what_those_of_python_find(regex: str, message: str) -> None:
    expected = re.search(regex, message, re.ASCII | re.DOTALL) is not None
    assert parse_regex(regex).is_in(message) is expected


@given(names, st.text(), documents)
def test_a_text_is_equal_to_itself(name: str, value: str, others: dict[str, Any]) -> None:
    quoted = re.sub(r'([\\"*])', r"\\\1", value)
    condition = f"$['{name}'] = \"{quoted}\""
    for ensure_ascii in (True, False):
        message = json.dumps({**others, name: value}, ensure_ascii=ensure_ascii)
        pattern = parse_filter_pattern(f"{{ {condition} }}")
        assert pattern.extract(message) == {f"$['{name}']": value}
        assert pattern.required_terms() <= {
            part for part in re.findall(r"[A-Za-z0-9 _.,:;@#=+*-]+", value + "\n" + name)
        }


@given(st.lists(st.tuples(st.text("abc1-", min_size=1), st.sampled_from(['""', "[]", ""]))))
def test_columns_come_apart_as_they_were_put_together(columns: list[tuple[str, str]]) -> None:
    message = " ".join(f"{sign[:1]}{word}{sign[1:]}" for word, sign in columns)
    assert list(split_columns(message)) == [word for word, _ in columns]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False), messages)
def test_numbers_have_their_order(bound: float, value: float, text: str) -> None:
    pattern = parse_filter_pattern(f"{{ $.n >= {bound!r} }}")
    assert pattern.matches(json.dumps({"n": text})) is False
    if abs(value) != float("inf"):
        assert pattern.matches(json.dumps({"n": value})) is (value >= bound)
