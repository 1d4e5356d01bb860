"""Metric filters: put, describe, delete, test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.metric_filter import MetricFilter, MetricTransformation
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import invalid_parameter, require_group
from lambdad.services.logs.paging import page
from lambdad.services.logs.patterns import read_filter_pattern
from lambdad.services.logs.settings import metric_filters_of

MAX_FILTERS = 100  # of one group
MAX_DIMENSIONS = 3

FILTER_NOT_FOUND = "The specified metric filter does not exist."
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


async def put_metric_filter(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a filter, or replace the one of that name."""
    read_filter_pattern(request["filterPattern"])
    transformation = _transformation(request)
    caller, name = context.caller, request["filterName"]
    async with logs.lock:
        group = require_group(logs.store, caller, request)
        others = [each for each in metric_filters_of(logs, caller, group) if each.name != name]
        if len(others) >= MAX_FILTERS:
            raise ClientError("LimitExceededException", "Resource limit exceeded.")
        put = MetricFilter(
            caller.account_id,
            caller.region,
            group,
            name,
            request["filterPattern"],
            transformation,
            logs.now_ms(),
            bool(request.get("applyOnTransformedLogs")),
        )
        await logs.resources.save(put)
    return {}


async def describe_metric_filters(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the filters of a group, or of all groups, or those that make a certain metric."""
    caller = context.caller
    name, namespace = request.get("metricName"), request.get("metricNamespace")
    if (name is None) != (namespace is None):
        raise invalid_parameter("metricName and metricNamespace must be specified together.")
    if "logGroupName" in request:
        found = metric_filters_of(logs, caller, require_group(logs.store, caller, request))
    else:
        found = list(logs.resources.list(MetricFilter, caller.account_id, caller.region))
    prefix = request.get("filterNamePrefix", "")
    chosen = [
        each
        for each in found
        if each.name.startswith(prefix)
        and name in (None, each.transformation.name)
        and namespace in (None, each.transformation.namespace)
    ]
    shown, token = page(chosen, lambda each: (each.log_group, each.name), request)
    result: dict[str, Any] = {"metricFilters": [_description(each) for each in shown]}
    return result if token is None else {**result, "nextToken": token}


async def delete_metric_filter(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a filter; the metric that it has made stays."""
    async with logs.lock:
        group = require_group(logs.store, context.caller, request)
        found = _find(logs, context.caller, group, request["filterName"])
        if found is None:
            raise ClientError("ResourceNotFoundException", FILTER_NOT_FOUND)
        await logs.resources.delete(found)
    return {}


async def test_metric_filter(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Which of some messages a pattern lets through, and what it finds in them."""
    pattern = read_filter_pattern(request["filterPattern"])
    found = [(message, pattern.extract(message)) for message in request["logEventMessages"]]
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": values}
            for number, (message, values) in enumerate(found)
            if values is not None
        ]
    }


def _transformation(request: Mapping[str, Any]) -> MetricTransformation:
    (told,) = request["metricTransformations"]
    value, dimensions = told["metricValue"], told.get("dimensions") or {}
    if not (_NUMBER.fullmatch(value) or value.startswith("$")):
        raise invalid_parameter(f"Invalid metric transformation: metricValue {value} is invalid.")
    if dimensions and told.get("defaultValue") is not None:
        raise invalid_parameter(
            "Invalid metric transformation: dimensions and default value are mutually exclusive "
            "properties."
        )
    if len(dimensions) > MAX_DIMENSIONS:
        raise invalid_parameter(
            f"Invalid metric transformation: there are more than {MAX_DIMENSIONS} dimensions."
        )
    for reference in dimensions.values():
        if not reference.startswith("$"):
            raise invalid_parameter(
                f"Invalid metric transformation: dimension value {reference} is invalid."
            )
    return MetricTransformation(
        told["metricNamespace"],
        told["metricName"],
        value,
        told.get("unit") or "None",
        told.get("defaultValue"),
        dict(dimensions),
    )


def _find(logs: Logs, caller: Caller, group: str, name: str) -> MetricFilter | None:
    place = (caller.account_id, caller.region)
    return logs.resources.find(MetricFilter, *place, f"{group}:{name}")


def _description(found: MetricFilter) -> dict[str, Any]:
    told = found.transformation
    transformation: dict[str, Any] = {
        "metricName": told.name,
        "metricNamespace": told.namespace,
        "metricValue": told.value,
        "unit": told.unit,
    }
    if told.default is not None:
        transformation["defaultValue"] = told.default
    if told.dimensions:
        transformation["dimensions"] = dict(told.dimensions)
    return {
        "filterName": found.name,
        "filterPattern": found.pattern,
        "metricTransformations": [transformation],
        "creationTime": found.created_ms,
        "logGroupName": found.log_group,
        "applyOnTransformedLogs": found.applies_to_transformed_logs,
    }


OPERATIONS = {
    "DeleteMetricFilter": delete_metric_filter,
    "DescribeMetricFilters": describe_metric_filters,
    "PutMetricFilter": put_metric_filter,
    "TestMetricFilter": test_metric_filter,
}
