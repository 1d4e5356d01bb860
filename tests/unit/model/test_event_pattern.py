"""The syntax of event patterns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.event_pattern import InvalidPattern, parse_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"body": {"kind": ["order", 1, None, True, {"prefix": "a"}]}},
        {"a": [{"suffix": {"equals-ignore-case": "X"}}, {"equals-ignore-case": "y"}]},
        {"a": [{"numeric": [">", 0]}, {"numeric": [">=", 1, "<", 5.5]}, {"exists": False}]},
        {"a": [{"anything-but": ["x", 1]}, {"anything-but": {"prefix": "p"}}]},
        {"a": [{"cidr": "10.0.0.0/8"}, {"wildcard": "a*b*"}]},
        {"$or": [{"a": [1]}, {"b": {"c": [2]}}]},
    ],
)
def test_patterns_are_read(pattern: dict[str, Any]) -> None:
    assert parse_pattern(json.dumps(pattern)) == pattern


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ('"a"', "not a JSON object"),
        ('{"a": 1}', "neither an object nor a list"),
        ('{"a": []}', "empty list"),
        ('{"a": [[1]]}', "list within a list"),
        ('{"a": [{"is": 1}]}', "unknown operator 'is'"),
        ('{"a": [{"prefix": "a", "suffix": "b"}]}', "not one of a kind"),
        ('{"a": [{}]}', "not one of a kind"),
        ('{"a": [{"prefix": 1}]}', "cannot take its value"),
        ('{"a": [{"numeric": [">"]}]}', "cannot take its value"),
        ('{"a": [{"numeric": ["<", 1, ">", 5]}]}', "cannot take its value"),
        ('{"a": [{"numeric": ["!", 1]}]}', "cannot take its value"),
        ('{"a": [{"exists": "yes"}]}', "cannot take its value"),
        ('{"a": [{"anything-but": []}]}', "cannot take its value"),
        ('{"a": [{"cidr": "10.0.0.0"}]}', "cannot take its value"),
        ('{"a": [{"wildcard": "a**"}]}', "cannot take its value"),
        ('{"$or": [{"a": [1]}]}', "at least two"),
        ("{" + '"a":{' * 100 + "}" * 100 + "}", "nested too deeply"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidPattern, match=reason):
        parse_pattern(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["a", "$or", "numeric", "prefix", "anything-but", "cidr", "exists"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=15,
    )
)
def test_any_json_is_a_pattern_or_is_refused(value: Any) -> None:
    text = json.dumps(value)
    try:
        pattern = parse_pattern(text)
    except InvalidPattern:
        return
    assert json.dumps(pattern) == text
