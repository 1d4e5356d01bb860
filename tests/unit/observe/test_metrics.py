"""Counting what happened."""

from __future__ import annotations

from lambdad.model.caller import Caller
from lambdad.observe.metrics import Metrics, Statistics

F, G = ("1", "r", "f"), ("1", "r", "g")


def test_a_metric_is_a_statistic_set() -> None:
    metrics = Metrics()
    for value in (5.0, 2.0, 11.0):
        metrics.emit("AsyncEventAge", F, value)
    assert metrics.of(F) == {"AsyncEventAge": Statistics(3, 18.0, 2.0, 11.0)}


def test_what_happens_counts_one() -> None:
    metrics = Metrics()
    metrics.emit("AsyncEventsDropped", F)
    metrics.emit("AsyncEventsDropped", F)
    assert metrics.of(F)["AsyncEventsDropped"] == Statistics(2, 2.0, 1.0, 1.0)


def test_functions_and_names_are_apart() -> None:
    metrics = Metrics()
    metrics.emit("a", F)
    metrics.emit("b", F)
    metrics.emit("a", G)
    assert set(metrics.of(F)) == {"a", "b"}
    assert set(metrics.of(G)) == {"a"}


def test_of_a_function_that_nobody_has_invoked_nothing_is_known() -> None:
    assert Metrics().of(F) == {}


async def test_an_operator_sees_those_of_his_account_and_region() -> None:
    metrics = Metrics()
    metrics.emit("Throttles", F)
    metrics.emit("Throttles", F)
    metrics.emit("Throttles", ("2", "r", "f"))
    metrics.emit("Throttles", ("1", "s", "f"))

    shown = await metrics.show(Caller("1", "r"), {})

    assert shown == {
        "Metrics": [
            {
                "FunctionName": "f",
                "MetricName": "Throttles",
                "SampleCount": 2,
                "Sum": 2.0,
                "Minimum": 1.0,
                "Maximum": 1.0,
            }
        ]
    }
