"""Dimensions as requests and answers have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lambdad.model.caller import Caller
from lambdad.model.metric import Dimensions, Metric, dimensions_of
from lambdad.services.cloudwatch.errors import invalid_value


def metric_of(caller: Caller, request: Mapping[str, Any]) -> Metric:
    """The metric that members `Namespace`, `MetricName` and `Dimensions` name."""
    return Metric(
        caller.account_id,
        caller.region,
        request["Namespace"],
        request["MetricName"],
        parsed_dimensions(request.get("Dimensions") or ()),
    )


def parsed_dimensions(pairs: Iterable[Mapping[str, str]]) -> Dimensions:
    """Dimensions in their order; each name once."""
    pairs = list(pairs)
    by_name = {pair["Name"]: pair["Value"] for pair in pairs}
    if len(by_name) != len(pairs):
        raise invalid_value("No dimension may be given twice.")
    return dimensions_of(by_name)


def dimension_list(dimensions: Dimensions) -> list[dict[str, str]]:
    """Dimensions as answers have them."""
    return [{"Name": name, "Value": value} for name, value in dimensions]


def metric_member(metric: Metric) -> dict[str, Any]:
    """A metric as answers have it."""
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": dimension_list(metric.dimensions),
    }
