"""Alarms as answers have them."""

from __future__ import annotations

from typing import Any

from lambdad.model.alarm_document import Alarm


def alarm_description(alarm: Alarm) -> dict[str, Any]:
    """All of an alarm, as DescribeAlarms tells it."""
    actions = {
        name: alarm.settings.get(name) or []
        for name in ("OKActions", "AlarmActions", "InsufficientDataActions")
    }
    description: dict[str, Any] = {
        **alarm.settings,
        **actions,
        "AlarmArn": alarm.arn,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.settings.get("ActionsEnabled", True),
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.state_updated_at,
        "StateTransitionedTimestamp": alarm.transitioned_at,
    }
    if alarm.reason_data:
        description["StateReasonData"] = alarm.reason_data
    if not alarm.is_composite and "Metrics" not in alarm.settings:
        description["Dimensions"] = alarm.settings.get("Dimensions") or []
    return description
