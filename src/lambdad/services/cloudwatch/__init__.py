"""Amazon CloudWatch: metrics, alarms and dashboards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.cloudwatch import (
    alarm_history,
    alarm_state,
    alarms,
    dashboards,
    metric_data,
    metric_list,
    put_metric_data,
    statistics,
    tags,
)
from lambdad.services.cloudwatch.alarm_actions import AlarmActions
from lambdad.services.cloudwatch.alarm_watch import AlarmWatch
from lambdad.services.cloudwatch.cloudwatch import CloudWatch

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

# Every file of operations.
_RESOURCES = (
    alarm_history,
    alarm_state,
    alarms,
    dashboards,
    metric_data,
    metric_list,
    put_metric_data,
    statistics,
    tags,
)


def operations(cloudwatch: CloudWatch) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("cloudwatch", operation): partial(run, cloudwatch)
        for resource in _RESOURCES
        for operation, run in resource.OPERATIONS.items()
    }


__all__ = ["AlarmActions", "AlarmWatch", "CloudWatch", "Operation", "operations"]
