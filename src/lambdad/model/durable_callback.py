"""Callbacks of durable executions: somebody outside answers them by their ids."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.durable_execution import (
    FAILED,
    STARTED,
    SUCCEEDED,
    TIMED_OUT,
    DurableExecution,
    Operation,
    payload,
)


def make_callback_id(execution: DurableExecution, operation_id: str, nonce: str) -> str:
    """The id with which somebody outside answers a callback; it says where the callback is."""
    text = json.dumps([*execution.key, operation_id, nonce], separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def read_callback_id(callback_id: str) -> tuple[tuple[str, str, str], str] | None:
    """Where a callback is: its execution's key and its operation's id; None if it is no such id."""
    try:
        parts = json.loads(base64.b64decode(callback_id, validate=True))
    except (ValueError, RecursionError):
        return None
    if not (isinstance(parts, list) and len(parts) == 5):
        return None
    if not all(isinstance(part, str) for part in parts):
        return None
    account_id, region, id, operation_id, _ = parts
    return (account_id, region, id), operation_id


def beat(execution: DurableExecution, callback_id: str, now: float) -> DurableExecution:
    """The execution after a sign of life from whoever is to answer a callback."""
    operation = _open_callback(execution, callback_id, now)
    return execution.with_operation(replace(operation, heartbeat=now))


def answer_callback(
    execution: DurableExecution,
    callback_id: str,
    now: float,
    *,
    result: str | None = None,
    error: dict[str, Any] | None = None,
) -> DurableExecution:
    """The execution after a callback was answered, with a result or with an error."""
    operation = _open_callback(execution, callback_id, now)
    member, value = ("Result", result) if error is None else ("Error", error)
    answered = replace(
        operation,
        status=SUCCEEDED if error is None else FAILED,
        ended=now,
        details={**operation.details, **({} if value is None else {member: value})},
    )
    word = "CallbackSucceeded" if error is None else "CallbackFailed"
    told = {member: payload(value)}
    return execution.with_operation(answered).with_event(word, now, told, answered)


def _open_callback(execution: DurableExecution, callback_id: str, now: float) -> Operation:
    found = [each for each in execution.operations if each.details.get("CallbackId") == callback_id]
    if not found:
        raise callback_not_found()
    (operation,) = found
    if operation.status == TIMED_OUT or (operation.status == STARTED and operation.is_overdue(now)):
        raise ClientError("CallbackTimeoutException", "The callback has timed out.")
    if operation.status != STARTED:
        raise ClientError(
            "InvalidParameterValueException",
            f"The callback has been completed already: its status is {operation.status}.",
        )
    return operation


def callback_not_found() -> ClientError:
    """The error for an id that is nobody's."""
    return ClientError("ResourceNotFoundException", "There is no callback with this CallbackId.")
