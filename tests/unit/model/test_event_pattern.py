"""Event patterns: what says something, and what does not."""

from __future__ import annotations

import json

import pytest

from lambdad.model.event_pattern import MAX_DEPTH, InvalidPatternError, parse_pattern

VALID = [
    {"a": ["x", "", 1, 2.5, True, False, None]},
    {"a": {"b": {"c": ["x"]}}},
    {"a": [{"exists": False}]},
    {"a": [{"prefix": "x"}, {"suffix": ""}, {"equals-ignore-case": "X"}]},
    {"a": [{"prefix": {"equals-ignore-case": "x"}}]},
    {"a": [{"wildcard": r"a*b\*c\\"}]},
    {"a": [{"wildcard": r"\**"}]},
    {"a": [{"cidr": "10.0.0.1/24"}, {"cidr": "2001:db8::/32"}]},
    {"a": [{"numeric": ["=", 3]}, {"numeric": ["<", -1.5]}]},
    {"a": [{"numeric": [">", 0, "<=", 5e9]}]},
    {"a": [{"anything-but": "x"}, {"anything-but": 1}, {"anything-but": ["x", "y"]}]},
    {"a": [{"anything-but": [1, 2]}, {"anything-but": {"prefix": "x"}}]},
    {"a": [{"anything-but": {"suffix": ["x", "y"]}}]},
    {"$or": [{"a": ["x"]}, {"b": [{"exists": True}]}], "c": ["y"]},
    {"a": {"$or": [{"b": ["x"]}, {"c": ["y"]}]}},
]
INVALID = [
    "",
    "x",
    "{",
    "[]",
    "1",
    "null",
    "{}",
    '{"a": NaN}',
    '{"a": [Infinity]}',
    '{"a": "x"}',
    '{"a": 1}',
    '{"a": null}',
    '{"a": []}',
    '{"a": {}}',
    '{"a": [["x"]]}',
    '{"a": [{}]}',
    '{"a": [{"prefix": "x", "suffix": "y"}]}',
    '{"a": [{"like": "x"}]}',
    '{"a": [{"exists": "true"}]}',
    '{"a": [{"exists": 1}]}',
    '{"a": [{"prefix": 1}]}',
    '{"a": [{"prefix": {"suffix": "x"}}]}',
    '{"a": [{"equals-ignore-case": ["x"]}]}',
    '{"a": [{"wildcard": "a**b"}]}',
    '{"a": [{"wildcard": "a\\\\b"}]}',
    '{"a": [{"wildcard": 1}]}',
    '{"a": [{"cidr": "10.0.0.1"}]}',
    '{"a": [{"cidr": "10.0.0.0/33"}]}',
    '{"a": [{"cidr": "10.0.0.0/255.0.0.0"}]}',
    '{"a": [{"cidr": 1}]}',
    '{"a": [{"numeric": 1}]}',
    '{"a": [{"numeric": []}]}',
    '{"a": [{"numeric": ["!=", 1]}]}',
    '{"a": [{"numeric": [">", "1"]}]}',
    '{"a": [{"numeric": [">", true]}]}',
    '{"a": [{"numeric": [">", 6e9]}]}',
    '{"a": [{"numeric": ["<", 5, ">", 1]}]}',
    '{"a": [{"numeric": [">", 5, "<", 5]}]}',
    '{"a": [{"numeric": [">", 1, "<", 5, "<", 6]}]}',
    '{"a": [{"anything-but": []}]}',
    '{"a": [{"anything-but": ["x", 1]}]}',
    '{"a": [{"anything-but": null}]}',
    '{"a": [{"anything-but": {"prefix": []}}]}',
    '{"a": [{"anything-but": {"prefix": "x", "suffix": "y"}}]}',
    '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
    '{"$or": [{"a": ["x"]}]}',
    '{"$or": {"a": ["x"]}}',
    '{"$or": [{"a": ["x"]}, {}]}',
    '{"$or": [{"a": ["x"]}, "y"]}',
]


@pytest.mark.parametrize("pattern", VALID, ids=json.dumps)
def test_a_pattern_is_read(pattern: dict[str, object]) -> None:
    assert parse_pattern(json.dumps(pattern)) == pattern


@pytest.mark.parametrize("text", INVALID)
def test_what_says_nothing_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidPatternError, match=r"\.$"):
        parse_pattern(text)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 600, 4096])
def test_depth_is_limited(levels: int) -> None:
    for text in ('{"a":' * levels + '["x"]' + "}" * levels, "[" * levels + "]" * levels):
        with pytest.raises(InvalidPatternError):
            parse_pattern(text)
    with pytest.raises(InvalidPatternError):
        parse_pattern('{"$or":[' * levels)


def test_the_last_of_two_equal_keys_counts() -> None:
    assert parse_pattern('{"a": "x", "a": ["y"]}') == {"a": ["y"]}
