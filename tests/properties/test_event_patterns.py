"""Whatever text comes as a pattern: it is read, or refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.model.event_pattern import OPERATORS, OR, InvalidPatternError, parse_pattern

pytestmark = pytest.mark.slow

words = st.sampled_from([*OPERATORS, OR, "a", "b", ">", "<=", "10.0.0.0/8", "*"]) | st.text()
nearly_patterns = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
    max_leaves=20,
)
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
numbers = st.floats(min_value=-5e9, max_value=5e9) | st.integers(-5_000_000_000, 5_000_000_000)
bounds = st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1])
alternatives = st.one_of(
    values.filter(lambda value: value not in (float("inf"), float("-inf"))),
    st.builds(lambda flag: {"exists": flag}, st.booleans()),
    st.builds(lambda name, text: {name: text}, st.sampled_from(["prefix", "suffix"]), st.text()),
    st.builds(lambda text: {"equals-ignore-case": text}, st.text()),
    st.builds(lambda texts: {"anything-but": texts}, st.lists(st.text(), min_size=1)),
    st.builds(lambda pair: {"numeric": [">=", pair[0], "<", pair[1]]}, bounds),
    st.builds(lambda network: {"cidr": f"{network}/16"}, st.ip_addresses().map(str)),
)
names = st.text().filter(lambda name: name != OR)
patterns = st.recursive(
    st.dictionaries(names, st.lists(alternatives, min_size=1, max_size=3), min_size=1, max_size=3),
    lambda inner: (
        st.dictionaries(names, inner, min_size=1, max_size=3)
        | st.builds(lambda either: {OR: either}, st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.text() | st.text('{}[]",:0a$', max_size=200) | nearly_patterns.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse_pattern(text)
    except InvalidPatternError:
        pass


@settings(deadline=None)
@given(patterns)
def test_every_pattern_of_the_syntax_is_read(pattern: dict[str, Any]) -> None:
    assert parse_pattern(json.dumps(pattern)) == pattern
