"""Metrics in log lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.embedded_metrics import MAX_DATA, EmbeddedDatum, embedded_metrics


def line(*directives: dict[str, Any], **members: Any) -> str:
    about = {"Timestamp": 1_700_000_000_000, "CloudWatchMetrics": list(directives)}
    return json.dumps({"_aws": about, **members})


def directive(**changes: Any) -> dict[str, Any]:
    return {
        "Namespace": "Shop",
        "Dimensions": [["Page"]],
        "Metrics": [{"Name": "Time", "Unit": "Milliseconds"}],
        **changes,
    }


def test_a_line_tells_values_by_metric_and_set_of_dimensions() -> None:
    found = embedded_metrics(
        line(
            directive(
                Dimensions=[["Page", "Country"], []],
                Metrics=[{"Name": "Time", "Unit": "Milliseconds"}, {"Name": "Hits"}],
            ),
            Page="cart",
            Country="de",
            Time=[12, 17.5],
            Hits=1,
        )
    )
    places = [(("Country", "de"), ("Page", "cart")), ()]
    at = 1_700_000_000_000
    assert found == [
        EmbeddedDatum("Shop", name, place, unit, values, at, False)
        for name, unit, values in (("Time", "Milliseconds", (12.0, 17.5)), ("Hits", "None", (1.0,)))
        for place in places
    ]


def test_a_resolution_of_a_second_can_be_asked_for() -> None:
    metrics = [{"Name": "Time", "StorageResolution": 1}]
    (found,) = embedded_metrics(line(directive(Metrics=metrics), Page="a", Time=1))
    assert found.is_high_resolution


@pytest.mark.parametrize(
    "message",
    [
        'about "_aws" only',
        line(directive(), Time=1),  # the dimension has no value
        line(directive(), Page="a"),  # the metric has no value
        line(directive(), Page="a", Time="fast"),
        line(directive(), Page="a", Time=True),
        line(directive(), Page="a", Time=[1] * 101),
        line(directive(), Page="", Time=1),
        line(directive(Namespace=""), Page="a", Time=1),
        line(directive(Dimensions=[[str(n) for n in range(31)]]), Time=1),
        line(directive(Namespace="S\ud800"), Page="a", Time=1),
        line(directive(), Page="\ud800", Time=1),
        '{"_aws": []}',
        '["_aws"]',
        '{"_aws": {"Timestamp": "now", "CloudWatchMetrics": [{}]}}',
    ],
)
def test_a_line_that_does_not_follow_the_format_tells_nothing(message: str) -> None:
    assert embedded_metrics(message) == []


def test_a_line_that_tells_too_much_tells_the_beginning() -> None:
    metrics = [{"Name": f"m{number}"} for number in range(1000)]
    message = line(
        *[directive(Dimensions=[["Page"]] * 1000, Metrics=metrics)] * 20,
        Page="a",
        **{f"m{number}": 1 for number in range(1000)},
    )
    assert len(embedded_metrics(message)) == MAX_DATA


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values, json_values)
def test_no_line_can_break_it(about: Any, value: Any) -> None:
    for found in embedded_metrics(json.dumps({"_aws": about, "Time": value})):
        assert found.values


@given(json_values)
def test_no_directive_can_break_it(told: Any) -> None:
    embedded_metrics(line(told, Page="a", Time=1))
    embedded_metrics(line(directive(Metrics=told), Page="a", Time=1))
    embedded_metrics(line(directive(Dimensions=told), Page="a", Time=1))
