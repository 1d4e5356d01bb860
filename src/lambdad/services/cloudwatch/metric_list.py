"""ListMetrics: which metrics there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.metric import HOUR, KEPT, MINUTE, Dimensions
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.dimensions import metric_member
from lambdad.services.cloudwatch.paging import page

PAGE_SIZE = 500
_RECENT = 3 * HOUR


async def list_metrics(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the metrics that had values in the past two weeks, or in the past three hours."""
    caller, now = context.caller, cloudwatch.clock.now()
    kept = _RECENT if request.get("RecentlyActive") else KEPT[MINUTE]
    found = await cloudwatch.metrics.metrics(caller.account_id, caller.region)
    metrics = sorted(
        metric
        for metric, last_at in found.items()
        if last_at >= now - kept
        and request.get("Namespace") in (None, metric.namespace)
        and request.get("MetricName") in (None, metric.name)
        and _has_dimensions(metric.dimensions, request.get("Dimensions") or ())
    )
    listed, following = page(metrics, request.get("NextToken"), PAGE_SIZE)
    answer = {"Metrics": [metric_member(metric) for metric in listed], **following}
    if request.get("IncludeLinkedAccounts"):
        answer["OwningAccounts"] = [caller.account_id] * len(listed)
    return answer


def _has_dimensions(dimensions: Dimensions, wanted: Iterable[Mapping[str, str]]) -> bool:
    """A filter without a value asks for the name alone."""
    own = dict(dimensions)
    return all(
        each["Name"] in own and each.get("Value") in (None, own[each["Name"]]) for each in wanted
    )


OPERATIONS = {"ListMetrics": list_metrics}
