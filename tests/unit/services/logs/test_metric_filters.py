"""Metric filters: put, describe, delete, test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Call = Callable[..., Awaitable[Any]]
COUNT = {"metricName": "Errors", "metricNamespace": "Shop", "metricValue": "1"}


def put(name: str = "f", **changes: Any) -> dict[str, Any]:
    request = {
        "logGroupName": "g",
        "filterName": name,
        "filterPattern": "ERROR",
        "metricTransformations": [COUNT],
    }
    return {**request, **changes}


async def test_a_filter_is_described_as_it_was_put(call: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")
    latency = {
        "metricName": "Latency",
        "metricNamespace": "Shop",
        "metricValue": "$.ms",
        "unit": "Milliseconds",
        "dimensions": {"Page": "$.page"},
    }
    await call(
        "PutMetricFilter", **put("b", metricTransformations=[{**COUNT, "defaultValue": 0.0}])
    )
    await call("PutMetricFilter", **put("a"))
    await call(
        "PutMetricFilter",
        **put("a", filterPattern="{ $.ms > 0 }", metricTransformations=[latency]),
    )
    first, second = (await call("DescribeMetricFilters", logGroupName="g"))["metricFilters"]
    assert first["filterName"] == "a"
    assert first["filterPattern"] == "{ $.ms > 0 }"
    assert first["metricTransformations"] == [latency]
    assert second["metricTransformations"] == [{**COUNT, "unit": "None", "defaultValue": 0.0}]
    (group,) = (await call("DescribeLogGroups"))["logGroups"]
    assert group["metricFilterCount"] == 2


async def test_filters_are_chosen_by_prefix_and_by_metric(call: Call, refuses: Call) -> None:
    for group in ("g", "h"):
        await call("CreateLogGroup", logGroupName=group)
        await call("PutMetricFilter", **put("errors", logGroupName=group))
    other = {**COUNT, "metricName": "Other"}
    await call("PutMetricFilter", **put("others", metricTransformations=[other]))

    async def names(**request: Any) -> list[str]:
        found = (await call("DescribeMetricFilters", **request))["metricFilters"]
        return [f"{each['logGroupName']}/{each['filterName']}" for each in found]

    assert await names() == ["g/errors", "g/others", "h/errors"]
    assert await names(logGroupName="g", filterNamePrefix="o") == ["g/others"]
    assert await names(metricName="Errors", metricNamespace="Shop") == ["g/errors", "h/errors"]
    code, _ = await refuses("DescribeMetricFilters", metricName="Errors")
    assert code == "InvalidParameterException"


async def test_a_filter_can_be_deleted_once(call: Call, refuses: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")
    await call("PutMetricFilter", **put())
    await call("DeleteMetricFilter", logGroupName="g", filterName="f")
    assert await refuses("DeleteMetricFilter", logGroupName="g", filterName="f") == (
        "ResourceNotFoundException",
        "The specified metric filter does not exist.",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"filterPattern": "{ $.a = }"},
        {"metricTransformations": [{**COUNT, "metricValue": "one"}]},
        {"metricTransformations": [{**COUNT, "dimensions": {"A": "$.a"}, "defaultValue": 0}]},
        {"metricTransformations": [{**COUNT, "dimensions": {"A": "a"}}]},
        {"metricTransformations": [{**COUNT, "dimensions": {each: "$.a" for each in "abcd"}}]},
    ],
)
async def test_what_cannot_be_a_filter_is_refused(
    call: Call, refuses: Call, changes: dict[str, Any]
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    code, _ = await refuses("PutMetricFilter", **put(**changes))
    assert code == "InvalidParameterException"


async def test_a_pattern_is_tested_on_messages(call: Call) -> None:
    line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534'
    found = await call(
        "TestMetricFilter",
        filterPattern="[..., size > 1000]",
        logEventMessages=["nothing here", line],
    )
    (match,) = found["matches"]
    assert match["eventNumber"] == 1
    assert match["eventMessage"] == line
    assert match["extractedValues"] == {
        "$1": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$5": "GET /apache_pb.gif HTTP/1.0",
        "$6": "200",
        "$size": "1534",
    }
