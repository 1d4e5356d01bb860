"""Durable executions, their operations and events in AWS's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambdad.model.durable_execution import WORDS, DurableExecution, Event, Operation

_PAYLOADS = ("Input", "Result", "Error", "Reason")  # of an event


def operation_description(operation: Operation) -> dict[str, Any]:
    """An operation as AWS's Operation."""
    optional = {
        "ParentId": operation.parent_id,
        "Name": operation.name,
        "SubType": operation.sub_type,
        "EndTimestamp": operation.ended,
    }
    return {
        "Id": operation.id,
        "Type": operation.type,
        "Status": operation.status,
        "StartTimestamp": operation.started,
        **{name: value for name, value in optional.items() if value is not None},
        f"{WORDS[operation.type]}Details": operation.details,
    }


def summary(execution: DurableExecution) -> dict[str, Any]:
    """An execution as AWS's Execution."""
    ended = {"EndTimestamp": execution.ended} if execution.ended is not None else {}
    return {
        "DurableExecutionArn": execution.arn,
        "DurableExecutionName": execution.name,
        "FunctionArn": execution.function_arn,
        "Status": execution.status,
        "StartTimestamp": execution.started,
        **ended,
    }


def pause_details(execution: DurableExecution, *, with_data: bool) -> dict[str, Any] | None:
    pause = execution.pause
    if pause is None:
        return None
    reason = {"Reason": pause.reason} if pause.reason and with_data else {}
    return {
        "PauseRequestTimestamp": pause.requested,
        "ExecutionTimeoutPaused": pause.is_timeout_paused,
        **reason,
    }


def event_description(number: int, event: Event, *, with_data: bool) -> dict[str, Any]:
    """One line of the history as AWS's Event."""
    optional = {
        "Id": event.operation_id,
        "Name": event.name,
        "ParentId": event.parent_id,
        "SubType": event.sub_type,
    }
    details = event.details if with_data else dict(_without_data(event.details))
    return {
        "EventType": event.type,
        "EventId": number,
        "EventTimestamp": event.moment,
        **{name: value for name, value in optional.items() if value is not None},
        f"{event.type}Details": details,
    }


def _without_data(details: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in details.items():
        is_payload = name in _PAYLOADS and "Payload" in value
        yield name, {"Truncated": True} if is_payload else value
