"""Alarms: put, describe, switch their actions, delete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from lambdad.model.alarm_document import INSUFFICIENT_DATA, Alarm
from lambdad.model.caller import Caller, RequestContext
from lambdad.services.cloudwatch.alarm_changes import configuration_entry
from lambdad.services.cloudwatch.alarm_descriptions import alarm_description
from lambdad.services.cloudwatch.alarm_rules import check_rule, children_of, parents_of
from lambdad.services.cloudwatch.alarm_settings import check_metric_alarm
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.dimensions import metric_of
from lambdad.services.cloudwatch.errors import (
    invalid_combination,
    not_found,
    validation_error,
)
from lambdad.services.cloudwatch.tags import checked_tags

USUAL_PAGE = 50
MOST_DELETED = 100


async def put_metric_alarm(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create an alarm on a metric or on an expression of metrics, or replace one."""
    check_metric_alarm(request)
    return await _put(cloudwatch, context, request, is_composite=False)


async def put_composite_alarm(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create an alarm on the states of other alarms, or replace one."""
    check_rule(cloudwatch, context.caller, request["AlarmName"], request["AlarmRule"])
    return await _put(cloudwatch, context, request, is_composite=True)


async def describe_alarms(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of alarms by name; metric alarms alone unless other types are asked for."""
    if request.get("AlarmNames") and request.get("AlarmNamePrefix"):
        raise invalid_combination("AlarmNames and AlarmNamePrefix cannot both be specified.")
    size = request.get("MaxRecords", USUAL_PAGE)
    after = request.get("NextToken", "")
    chosen = (alarm for alarm in _chosen(cloudwatch, context.caller, request) if alarm.name > after)
    found = list(islice(chosen, size + 1))
    shown = found[:size]
    answer: dict[str, Any] = {
        "MetricAlarms": [alarm_description(alarm) for alarm in shown if not alarm.is_composite],
        "CompositeAlarms": [alarm_description(alarm) for alarm in shown if alarm.is_composite],
    }
    if len(found) > size:
        answer["NextToken"] = shown[-1].name
    return answer


async def describe_alarms_for_metric(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The alarms on exactly this metric."""
    wanted = metric_of(context.caller, request)
    also = {
        name: request[name]
        for name in ("Statistic", "ExtendedStatistic", "Period", "Unit")
        if name in request
    }
    found = [
        alarm_description(alarm)
        for alarm in _alarms(cloudwatch, context.caller)
        if "MetricName" in alarm.settings
        and metric_of(context.caller, alarm.settings) == wanted
        and all(alarm.settings.get(name) == value for name, value in also.items())
    ]
    return {"MetricAlarms": found}


async def delete_alarms(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete alarms; names of which there is none are passed over."""
    names = request["AlarmNames"]
    if len(names) > MOST_DELETED:
        raise validation_error(f"At most {MOST_DELETED} alarms can be deleted at once.")
    caller = context.caller
    async with cloudwatch.lock:
        gone = [
            alarm for name in dict.fromkeys(names) if (alarm := _find(cloudwatch, caller, name))
        ]
        for alarm in gone:
            _refuse_watched(cloudwatch, caller, alarm, {each.name for each in gone})
        await cloudwatch.resources.delete(*gone)
        now = cloudwatch.clock.now()
        if gone:
            await cloudwatch.history.add(
                *(configuration_entry(alarm, now, "deleted") for alarm in gone)
            )
    return {}


async def enable_alarm_actions(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Changes of state do something again."""
    return await _switch_actions(cloudwatch, context.caller, request["AlarmNames"], to=True)


async def disable_alarm_actions(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Changes of state do nothing more."""
    return await _switch_actions(cloudwatch, context.caller, request["AlarmNames"], to=False)


async def _put(
    cloudwatch: CloudWatch,
    context: RequestContext,
    request: Mapping[str, Any],
    *,
    is_composite: bool,
) -> dict[str, Any]:
    caller, now = context.caller, cloudwatch.clock.now()
    settings = _storable({name: value for name, value in request.items() if name != "Tags"})
    async with cloudwatch.lock:
        there = _find(cloudwatch, caller, request["AlarmName"])
        if there is not None and there.is_composite != is_composite:
            raise validation_error(
                f"The alarm {there.name} is a {there.type}; another type cannot take its place."
            )
        if there is not None:
            alarm = replace(there, settings=settings, configured_at=now)
        else:
            alarm = Alarm(
                caller.account_id,
                caller.region,
                request["AlarmName"],
                is_composite,
                settings,
                configured_at=now,
                state=INSUFFICIENT_DATA,
                state_updated_at=now,
                transitioned_at=now,
                tags=checked_tags(request.get("Tags") or ()),
            )
        await cloudwatch.resources.save(alarm)
        action = "created" if there is None else "updated"
        await cloudwatch.history.add(configuration_entry(alarm, now, action))
    cloudwatch.alarms_changed.set()
    return {}


async def _switch_actions(
    cloudwatch: CloudWatch, caller: Caller, names: Iterable[str], *, to: bool
) -> dict[str, Any]:
    async with cloudwatch.lock:
        changed = [
            replace(alarm, settings={**alarm.settings, "ActionsEnabled": to})
            for name in dict.fromkeys(names)
            if (alarm := _find(cloudwatch, caller, name))
        ]
        await cloudwatch.resources.save(*changed)
    return {}


def _chosen(cloudwatch: CloudWatch, caller: Caller, request: Mapping[str, Any]) -> Iterator[Alarm]:
    types = request.get("AlarmTypes") or ["MetricAlarm"]
    names = request.get("AlarmNames")
    if "AlarmTypes" not in request and names:
        types = ["MetricAlarm"]
    related = _related(cloudwatch, caller, request)
    for alarm in _alarms(cloudwatch, caller, request.get("AlarmNamePrefix", "")):
        action_prefix = request.get("ActionPrefix", "")
        if related is not None:
            if alarm.name in related:
                yield alarm
        elif (
            alarm.type in types
            and (not names or alarm.name in names)
            and request.get("StateValue") in (None, alarm.state)
            and (not action_prefix or _has_action(alarm, action_prefix))
        ):
            yield alarm


def _related(cloudwatch: CloudWatch, caller: Caller, request: Mapping[str, Any]) -> set[str] | None:
    """The names that ChildrenOfAlarmName or ParentsOfAlarmName choose; None without them."""
    if "ChildrenOfAlarmName" in request:
        alarm = require_alarm(cloudwatch, caller, request["ChildrenOfAlarmName"])
        return children_of(alarm)
    if "ParentsOfAlarmName" in request:
        return parents_of(_alarms(cloudwatch, caller), request["ParentsOfAlarmName"])
    return None


def _has_action(alarm: Alarm, prefix: str) -> bool:
    lists = ("OKActions", "AlarmActions", "InsufficientDataActions")
    return any(arn.startswith(prefix) for name in lists for arn in alarm.settings.get(name) or ())


def _refuse_watched(cloudwatch: CloudWatch, caller: Caller, alarm: Alarm, going: set[str]) -> None:
    parents = parents_of(_alarms(cloudwatch, caller), alarm.name) - going
    if parents:
        raise validation_error(
            f"The alarm {alarm.name} cannot be deleted: the composite alarms "
            f"{', '.join(sorted(parents))} depend on it."
        )


def require_alarm(cloudwatch: CloudWatch, caller: Caller, name: str) -> Alarm:
    """The alarm of this name; ResourceNotFound if there is none."""
    alarm = _find(cloudwatch, caller, name)
    if alarm is None:
        raise not_found(f"Could not find alarm {name}.")
    return alarm


def _find(cloudwatch: CloudWatch, caller: Caller, name: str) -> Alarm | None:
    return cloudwatch.resources.find(Alarm, caller.account_id, caller.region, name)


def _alarms(cloudwatch: CloudWatch, caller: Caller, prefix: str = "") -> list[Alarm]:
    place = (caller.account_id, caller.region)
    return list(cloudwatch.resources.list(Alarm, *place, prefix=prefix))


def _storable(settings: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(settings)))


OPERATIONS = {
    "DeleteAlarms": delete_alarms,
    "DescribeAlarms": describe_alarms,
    "DescribeAlarmsForMetric": describe_alarms_for_metric,
    "DisableAlarmActions": disable_alarm_actions,
    "EnableAlarmActions": enable_alarm_actions,
    "PutCompositeAlarm": put_composite_alarm,
    "PutMetricAlarm": put_metric_alarm,
}
