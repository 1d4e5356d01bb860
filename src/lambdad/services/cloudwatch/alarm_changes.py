"""Changes of alarms as their history tells them."""

from __future__ import annotations

import json

from lambdad.clock import to_datetime
from lambdad.model.alarm_document import Alarm
from lambdad.services.cloudwatch.alarm_descriptions import alarm_description
from lambdad.store.alarm_history import HistoryEntry


def configuration_entry(alarm: Alarm, now: float, change: str) -> HistoryEntry:
    """It was created, updated or deleted."""
    data: dict[str, object] = {"version": "1.0", "type": change[:-1].capitalize()}
    data[f"{change}Alarm"] = _json_description(alarm)
    return _entry(alarm, now, "ConfigurationUpdate", f'Alarm "{alarm.name}" {change}', data)


def state_entry(before: Alarm, after: Alarm, now: float) -> HistoryEntry:
    """Its state has changed."""
    data = {"version": "1.0", "oldState": _state(before), "newState": _state(after)}
    summary = f"Alarm updated from {before.state} to {after.state}"
    return _entry(after, now, "StateUpdate", summary, data)


def action_entry(alarm: Alarm, now: float, arn: str, failure: str | None) -> HistoryEntry:
    """An action was done, or could not be."""
    data = {
        "version": "1.0",
        "actionState": "Succeeded" if failure is None else "Failed",
        "notificationResource": arn,
        "stateUpdateTimestamp": int(alarm.state_updated_at * 1000),
    }
    if failure is None:
        summary = f"Successfully executed action {arn}"
    else:
        summary = f"Failed to execute action {arn}. Received error: {failure}"
        data["error"] = failure
    return _entry(alarm, now, "Action", summary[:1024], data)


def _state(alarm: Alarm) -> dict[str, object]:
    state: dict[str, object] = {"stateValue": alarm.state, "stateReason": alarm.reason}
    if alarm.reason_data:
        state["stateReasonData"] = json.loads(alarm.reason_data)
    return state


def _json_description(alarm: Alarm) -> dict[str, object]:
    description = alarm_description(alarm)
    return {
        name[0].lower() + name[1:]: (
            to_datetime(value).isoformat() if name.endswith("Timestamp") else value
        )
        for name, value in description.items()
        if name != "StateReasonData"
    }


def _entry(alarm: Alarm, now: float, item_type: str, summary: str, data: object) -> HistoryEntry:
    text = json.dumps(data, separators=(",", ":"))
    place = (alarm.account_id, alarm.region, alarm.name, alarm.type)
    return HistoryEntry(*place, item_type, now, summary, text)
