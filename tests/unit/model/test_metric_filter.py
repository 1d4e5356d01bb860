"""What metric filters make of lines."""

from __future__ import annotations

from typing import Any

from lambdad.model.log_line import LogLine
from lambdad.model.metric_filter import (
    MetricDatum,
    MetricFilter,
    MetricTransformation,
    metric_data,
)

MINUTE = 60_000


def filtered(pattern: str, *lines: LogLine, **transformation: Any) -> list[MetricDatum]:
    told = MetricTransformation("Shop", "Errors", **{"value": "1", **transformation})
    made = MetricFilter("000000000000", "us-east-1", "/app", "f", pattern, told, 0)
    return metric_data([made], lines)


def values(data: list[MetricDatum]) -> list[tuple[float, int]]:
    return [(datum.value, datum.timestamp_ms) for datum in data]


def test_each_line_that_matches_is_worth_the_value_at_its_time() -> None:
    lines = [LogLine(1, "ERROR a"), LogLine(2, "INFO"), LogLine(3, "ERROR b")]
    found = filtered("ERROR", *lines, value="2.5", unit="Count")
    assert values(found) == [(2.5, 1), (2.5, 3)]
    assert found[0] == MetricDatum("Shop", "Errors", (), "Count", 2.5, 1)


def test_a_value_and_dimensions_are_taken_from_the_line() -> None:
    lines = [
        LogLine(1, '{"page": "cart", "ms": 1.5e2, "code": 200}'),
        LogLine(2, '{"page": "cart", "ms": "slow", "code": 200}'),  # no number
        LogLine(3, '{"ms": 7, "code": 200}'),  # has not the dimension
        LogLine(4, '{"page": "cart", "ms": 1e999, "code": 200}'),
    ]
    found = filtered("{ $.code = 200 }", *lines, value="$.ms", dimensions={"Page": "$.page"})
    assert found == [MetricDatum("Shop", "Errors", (("Page", "cart"),), "None", 150.0, 1)]


def test_columns_have_values_too() -> None:
    line = LogLine(5, '10.0.0.1 "GET /" 200 1534')
    found = filtered("[ip, request, status, bytes]", line, value="$bytes")
    assert values(found) == [(1534.0, 5)]


def test_a_minute_without_a_match_is_worth_the_default_once() -> None:
    lines = [
        LogLine(1, "INFO"),
        LogLine(2, "INFO"),
        LogLine(MINUTE + 1, "INFO"),
        LogLine(MINUTE + 2, "ERROR"),
    ]
    assert values(filtered("ERROR", *lines, default=0.0)) == [(1.0, MINUTE + 2), (0.0, 1)]
    assert values(filtered("ERROR", *lines)) == [(1.0, MINUTE + 2)]
