"""Changes of an alarm's state, by the watch or by SetAlarmState, with all that they set off."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lambdad.clock import to_datetime
from lambdad.model.alarm_document import Alarm, PendingAction
from lambdad.model.caller import RequestContext
from lambdad.services.cloudwatch.alarm_changes import state_entry
from lambdad.services.cloudwatch.alarm_messages import lambda_payload, sns_message
from lambdad.services.cloudwatch.alarms import require_alarm
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.errors import validation_error


async def set_alarm_state(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Put an alarm into a state for the time being: its next evaluation may change it back."""
    reason_data = request.get("StateReasonData", "")
    if reason_data:
        _check_json(reason_data)
    async with cloudwatch.lock:
        alarm = require_alarm(cloudwatch, context.caller, request["AlarmName"])
        told = (request["StateValue"], request["StateReason"], reason_data)
        await change_state(cloudwatch, alarm, *told)
    return {}


async def change_state(
    cloudwatch: CloudWatch, alarm: Alarm, state: str, reason: str, reason_data: str
) -> Alarm:
    """Save the new state, and with it the actions that it sets off; whoever calls holds the lock.
    `AlarmActions` does them, which hears of it."""
    now = cloudwatch.clock.now()
    changed = replace(
        alarm,
        state=state,
        reason=reason[:1023],
        reason_data=reason_data,
        state_updated_at=now,
        transitioned_at=alarm.transitioned_at if state == alarm.state else now,
    )
    if state != alarm.state:
        actions = tuple(
            PendingAction(arn, _body(arn, alarm, changed), now) for arn in changed.actions()
        )
        changed = replace(changed, pending=alarm.pending + actions)
    await cloudwatch.resources.save(changed)
    if state != alarm.state:
        await cloudwatch.history.add(state_entry(alarm, changed, now))
        cloudwatch.alarms_changed.set()
        cloudwatch.actions_pending.set()
    return changed


def _body(arn: str, before: Alarm, after: Alarm) -> str:
    make = sns_message if arn.split(":", 3)[2:3] == ["sns"] else lambda_payload
    return json.dumps(make(before, after, to_datetime(after.state_updated_at)))


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise validation_error("StateReasonData must be valid JSON.") from None


OPERATIONS = {"SetAlarmState": set_alarm_state}
