"""JSON as the Java runtime reads and writes it, beside Python's."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_api import event, run_bootstrap

ECHO = "example.Interfaces$Echo"

VALID = [
    b"0", b"-0", b"-1", b"2147483647", b"2147483648", b"-9223372036854775808",
    b"9223372036854775807", b"9223372036854775808", b"1e5", b"1E-5", b"-1.5e+3", b"0.1",
    b"123456789012345678901234567890", b"5e-324", b"1.7976931348623157e308", b'""', b" [ ] ",
    b"\t{\r\n}\n", b'{"a":1,"a":2}', b'"\\u00eb\\ud83d\\ude00\\"\\\\\\/\\b\\f\\n\\r\\t"',
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', '"ë\U0001f600\u2028"'.encode(), b'{"":{}}',
    b'"\x7f"', b"true", b"false", b"null", b'{"a":[{"b":[null]}]}',
]  # fmt: skip

INVALID = [
    b"", b" ", b"{", b"[", b"[1,]", b"[,1]", b"[1 2]", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{a:1}",
    b"{1:1}", b"'a'", b'"a', b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"a\nb"', b'"\x00"', b"01", b"-",
    b"+1", b"1.", b".5", b"1e", b"1e+", b"0x10", b"NaN", b"Infinity", b"-Infinity", b"tru", b"nul",
    b"truex", b"1 2", b"[]]", b"//", b"\x00", b"1\x00", b"[" * 1001 + b"]" * 1001, b"\xef\xbb\xbf1",
    b"1e99999999999",
]  # fmt: skip


def is_something(value: object) -> bool:
    """Members of objects that are null are left out, as AWS does it."""
    return value is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner.filter(is_something)),
    max_leaves=8,
)  # fmt: skip


def test_what_is_json_comes_back_as_it_came(run_java):
    outcome = run_java(ECHO, [event(body=text) for text in VALID])
    assert outcome.results() == [json.loads(text) for text in VALID]


def test_members_that_are_null_are_left_out_as_aws_does_it(run_java):
    given = {"a": None, "b": [None, {"c": None}], "d": {"e": {"f": None}, "g": 1}, "": None}
    outcome = run_java(ECHO, [event(given)])
    assert outcome.results() == [{"b": [None, {}], "d": {"e": {}, "g": 1}}]


DEEP = [b"[" * 1000 + b"]" * 1000, b'{"a":' * 1000 + b"1" + b"}" * 1000]


@pytest.mark.parametrize("mode", ["-Xint", "-Xcomp"])
@pytest.mark.parametrize("deep", DEEP, ids=["arrays", "objects"])
def test_a_thousand_levels_leave_a_part_of_the_stack(java_command, variables, mode, deep):
    java, *options = java_command
    outcome = run_bootstrap(
        [java, "-Xss700k", mode, *options],  # of the 1024k that threads have
        {**variables, "_HANDLER": ECHO},
        [event(body=deep)],
    )
    assert outcome.post.body == deep


def test_what_is_no_json_is_refused(run_java):
    outcome = run_java(ECHO, [event(body=text) for text in INVALID])
    taken = [
        text
        for text, post in zip(INVALID, outcome.posts, strict=True)
        if post.path.endswith("/response")
    ]
    assert taken == []


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(VALUES, max_size=20))
def test_any_value_comes_back_as_it_came(run_java, values):
    assert run_java(ECHO, [event(value) for value in values]).results() == values
