"""What an OpenTelemetry collector is sent."""

from __future__ import annotations

from typing import Any

from lambdad.observe.exposition import Gauge
from lambdad.observe.function_totals import FunctionTotals
from lambdad.observe.otlp import metrics_document


def metrics() -> dict[str, dict[str, Any]]:
    totals = FunctionTotals()
    totals.add("Invocations", ("1", "r", "f"))
    totals.add("Duration", ("1", "r", "f"), 2.0)
    totals.add("Duration", ("1", "r", "f"), 4.0)
    gauges = [Gauge("environments", "How many.", 3), Gauge("commits_total", "So many.", 9, True)]
    document = metrics_document(totals, gauges, version="1", started=1.0, now=2.5)
    (resource,) = document["resourceMetrics"]
    (scope,) = resource["scopeMetrics"]
    return {each["name"]: each for each in scope["metrics"]}


def test_counts_are_sums_since_the_start() -> None:
    told = metrics()["lambdad.invocations"]["sum"]
    assert (told["aggregationTemporality"], told["isMonotonic"]) == (2, True)
    (point,) = told["dataPoints"]
    assert (point["asDouble"], point["startTimeUnixNano"]) == (1.0, "1000000000")
    assert point["timeUnixNano"] == "2500000000"
    assert {"key": "faas.name", "value": {"stringValue": "f"}} in point["attributes"]


def test_times_are_histograms() -> None:
    (point,) = metrics()["lambdad.duration_milliseconds"]["histogram"]["dataPoints"]
    assert (point["count"], point["sum"], point["min"], point["max"]) == ("2", 6.0, 2.0, 4.0)


def test_figures_of_the_node_are_gauges_or_sums() -> None:
    told = metrics()
    assert told["lambdad.environments"]["gauge"]["dataPoints"][0]["asDouble"] == 3.0
    assert told["lambdad.commits_total"]["sum"]["dataPoints"][0]["asDouble"] == 9.0
