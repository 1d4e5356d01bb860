"""Counting what happened."""

from __future__ import annotations

from lambdad.model.caller import Caller
from lambdad.observe.function_totals import FunctionTotals, Totals

F, G = ("1", "r", "f"), ("1", "r", "g")


def test_a_metric_is_a_statistic_set() -> None:
    totals = FunctionTotals()
    for value in (5.0, 2.0, 11.0):
        totals.add("AsyncEventAge", F, value)
    assert totals.of(F) == {"AsyncEventAge": Totals(3, 18.0, 2.0, 11.0)}


def test_what_happens_counts_one() -> None:
    totals = FunctionTotals()
    totals.add("AsyncEventsDropped", F)
    totals.add("AsyncEventsDropped", F)
    assert totals.of(F)["AsyncEventsDropped"] == Totals(2, 2.0, 1.0, 1.0)


def test_functions_and_names_are_apart() -> None:
    totals = FunctionTotals()
    totals.add("a", F)
    totals.add("b", F)
    totals.add("a", G)
    assert set(totals.of(F)) == {"a", "b"}
    assert set(totals.of(G)) == {"a"}


def test_of_a_function_that_nobody_has_invoked_nothing_is_known() -> None:
    assert FunctionTotals().of(F) == {}


async def test_an_operator_sees_those_of_his_account_and_region() -> None:
    totals = FunctionTotals()
    totals.add("Throttles", F)
    totals.add("Throttles", F)
    totals.add("Throttles", ("2", "r", "f"))
    totals.add("Throttles", ("1", "s", "f"))

    shown = await totals.show(Caller("1", "r"), {})

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
