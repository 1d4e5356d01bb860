"""X-Ray's filter expressions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.segment import parse_segment
from lambdad.model.trace import TraceSummary, put_together, summarize
from lambdad.model.trace_filter import InvalidFilter, parse_trace_filter


def summary(**members: Any) -> TraceSummary:
    document = {
        "id": "53995c3f42cd8ad8",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "name": "shop",
        "start_time": 100.0,
        "end_time": 102.5,
        **members,
    }
    (trace,) = put_together([parse_segment(json.dumps(document))])
    return summarize(trace)


FULL = summary(
    fault=True,
    user="ann",
    annotations={"tenant": "blue", "rows": 3, "is_new": True},
    http={"request": {"url": "http://shop/x", "method": "GET"}, "response": {"status": 503}},
)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "fault",
        "fault = true",
        "ok = false",
        "!ok",
        "NOT error AND fault",
        "error OR fault",
        "(error OR throttle) OR NOT (ok AND partial)",
        "duration > 2 AND duration <= 2.5 AND responsetime = 2.5",
        'service("shop")',
        "service()",
        'annotation.tenant = "blue"',
        'annotation[tenant] BEGINSWITH "bl"',
        "annotation[rows] >= 3 AND annotation.rows < 4",
        "annotation.is_new = true AND annotation.is_new != false",
        "annotation.tenant AND fault",
        "http.status >= 500 AND http.status != 504",
        'http.method = "GET" AND http.url CONTAINS "shop"',
        'http.url ENDSWITH "/x" AND user = "ann"',
        "FAULT and not ERROR",
    ],
)
def test_it_takes(expression: str) -> None:
    assert parse_trace_filter(expression)(FULL)


@pytest.mark.parametrize(
    "expression",
    [
        "ok",
        "fault = false",
        "fault != true",
        "error AND fault",
        "fault AND error OR throttle",
        "duration > 2.5",
        'service("shop2")',
        'annotation.tenant = "red"',
        "annotation.tenant = 3",
        "annotation.other",
        'annotation.other != "x"',
        "annotation.is_new = 1",
        "http.status < 500",
        'user != "ann"',
    ],
)
def test_it_does_not_take(expression: str) -> None:
    assert not parse_trace_filter(expression)(FULL)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ('edge("a", "b")', "'edge'"),
        ('service("a") { fault }', "'{'"),
        ("rootcause.fault.service", "'rootcause.fault.service'"),
        ("duration >", "ends too early"),
        ("duration = high", "'high'"),
        ("(fault", "ends too early"),
        ("fault)", "'\\)'"),
        ("fault error", "'error'"),
        ("fault & error", "'&'"),
        ('service("a', "'\"'"),
        ("user = 3", "'3'"),
        ("annotation[] = 3", "has a key"),
        ("annotation.a > true", "'>'"),
        ("(" * 500, "nested too deeply"),
        ("fault " * 1000, "at most"),
    ],
)
def test_what_cannot_be_is_named(expression: str, named: str) -> None:
    with pytest.raises(InvalidFilter, match=named):
        parse_trace_filter(expression)


_words = st.sampled_from(
    [
        *("fault", "AND", "or", "not", "!", "(", ")", "duration", ">", "=", "2", '"x"', "service"),
        *("annotation.a", "annotation[b]", "http.status", "user", "true", "ok", ",", "{", "é"),
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(_words, max_size=20).map(" ".join)))
def test_whatever_is_written_is_a_test_or_refused(expression: str) -> None:
    try:
        test = parse_trace_filter(expression)
    except InvalidFilter:
        return
    assert test(FULL) in (True, False)


_flags = {"fault": True, "error": False, "throttle": False, "ok": False, "partial": False}
_expressions = st.recursive(
    st.sampled_from(sorted(_flags)).map(lambda flag: (flag, _flags[flag])),
    lambda inner: st.one_of(
        inner.map(lambda a: (f"NOT ({a[0]})", not a[1])),
        st.tuples(inner, inner).map(
            lambda p: (f"({p[0][0]}) AND ({p[1][0]})", p[0][1] and p[1][1])
        ),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) OR ({p[1][0]})", p[0][1] or p[1][1])),
    ),
    max_leaves=8,
)


@given(_expressions)
def test_logic_is_logic(pair: tuple[str, bool]) -> None:
    expression, truth = pair
    assert parse_trace_filter(expression)(FULL) == truth
