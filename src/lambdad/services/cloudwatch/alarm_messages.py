"""What the targets of an alarm's actions are told, in AWS's forms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lambdad.clock import to_datetime
from lambdad.model.alarm_document import Alarm
from lambdad.services.cloudwatch.alarm_settings import statistic_of

_ACTION_LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions")


def lambda_payload(before: Alarm, after: Alarm, now: datetime) -> dict[str, Any]:
    """The event of a function."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": after.arn,
        "accountId": after.account_id,
        "time": _time(now),
        "region": after.region,
        "alarmData": {
            "alarmName": after.name,
            "state": _state(after),
            "previousState": _state(before),
            "configuration": _configuration(after),
        },
    }


def sns_message(before: Alarm, after: Alarm, now: datetime) -> dict[str, Any]:
    """The message of a topic."""
    settings = after.settings
    return {
        "AlarmName": after.name,
        "AlarmDescription": settings.get("AlarmDescription"),
        "AWSAccountId": after.account_id,
        "AlarmConfigurationUpdatedTimestamp": _time(to_datetime(after.configured_at)),
        "NewStateValue": after.state,
        "NewStateReason": after.reason,
        "StateChangeTime": _time(now),
        "Region": after.region,
        "AlarmArn": after.arn,
        "OldStateValue": before.state,
        **{name: settings.get(name) or [] for name in _ACTION_LISTS},
        **(
            {"AlarmRule": settings["AlarmRule"]}
            if after.is_composite
            else {"Trigger": _trigger(after)}
        ),
    }


def _state(alarm: Alarm) -> dict[str, Any]:
    state = {
        "value": alarm.state,
        "reason": alarm.reason,
        "timestamp": _time(to_datetime(alarm.state_updated_at)),
    }
    return {**state, "reasonData": alarm.reason_data} if alarm.reason_data else state


def _configuration(alarm: Alarm) -> dict[str, Any]:
    settings = alarm.settings
    described = {"description": settings.get("AlarmDescription", "")}
    if alarm.is_composite:
        return {**described, "alarmRule": settings["AlarmRule"]}
    if "Metrics" in settings:
        return {**described, "metrics": [_lower(query) for query in settings["Metrics"]]}
    metric = {
        "namespace": settings["Namespace"],
        "name": settings["MetricName"],
        "dimensions": {each["Name"]: each["Value"] for each in settings.get("Dimensions") or ()},
    }
    told = {"metric": metric, "period": settings["Period"], "stat": statistic_of(settings)}
    return {**described, "metrics": [{"id": alarm.name, "metricStat": told, "returnData": True}]}


def _trigger(alarm: Alarm) -> dict[str, Any]:
    settings = alarm.settings
    names = (
        *("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Unit", "Period", "Metrics"),
        *("EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold"),
        *("TreatMissingData", "EvaluateLowSampleCountPercentile"),
    )
    dimensions = [
        {"name": each["Name"], "value": each["Value"]} for each in settings.get("Dimensions") or ()
    ]
    return {
        **{name: settings[name] for name in names if name in settings},
        "Dimensions": dimensions,
    }


def _lower(value: Any) -> Any:
    """The same with names as JSON of events has them."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _lower(each) for name, each in value.items()}
    return [_lower(each) for each in value] if isinstance(value, list) else value


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
