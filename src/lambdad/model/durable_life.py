"""The life of a durable execution: it starts, is paused and resumed, ends, and is deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.durable_execution import (
    DELETING,
    FAILED,
    FINAL,
    OPEN,
    OPEN_OPERATION,
    PAUSED,
    PAUSING,
    RUNNING,
    STARTED,
    STOPPED,
    SUCCEEDED,
    TIMED_OUT,
    DurableExecution,
    Operation,
    Pause,
    Request,
    payload,
)


def start(execution: DurableExecution) -> DurableExecution:
    """A new execution with its first operation and its first event."""
    now = execution.started
    operation = Operation(
        id=execution.id,
        type="EXECUTION",
        name=execution.name,
        status=STARTED,
        started=now,
        changed=0,
        details={"InputPayload": execution.input},
    )
    details = {
        "Input": {"Payload": execution.input},
        "ExecutionTimeout": execution.execution_timeout,
    }
    begun = execution.with_operation(operation)
    return begun.with_event("ExecutionStarted", now, details, operation)


def begin_invocation(execution: DurableExecution, checkpoint_token: str) -> DurableExecution:
    """The execution with an invocation that has been given all of its state, and a token."""
    return replace(
        execution,
        checkpoint_token=checkpoint_token,
        told_before=execution.changes,
        told=execution.changes,
        last_checkpoint=None,
    )


def finish(
    execution: DurableExecution,
    status: str,
    now: float,
    *,
    result: str | None = None,
    error: dict[str, Any] | None = None,
) -> DurableExecution:
    """The execution at its end: SUCCEEDED with a result, or another final status with an error.
    What was still open is stopped."""
    for operation in execution.operations:
        if operation.status in OPEN_OPERATION:
            own = status if operation.type == "EXECUTION" else STOPPED
            execution = execution.with_operation(replace(operation, status=own, ended=now))
    word = {SUCCEEDED: "Succeeded", FAILED: "Failed", STOPPED: "Stopped", TIMED_OUT: "TimedOut"}
    outcome = {"Result": payload(result)} if status == SUCCEEDED else {"Error": payload(error)}
    execution = execution.with_event(
        f"Execution{word[status]}", now, outcome, execution.operations[0]
    )
    return replace(
        execution,
        status=status,
        ended=now,
        result=result,
        error=error,
        checkpoint_token=None,
        pause=None,
    )


def stop(execution: DurableExecution, now: float, error: dict[str, Any] | None) -> DurableExecution:
    """The execution stopped; one that has ended stays as it is."""
    if execution.status not in OPEN:
        return execution
    return finish(execution, STOPPED, now, error=error or {"ErrorMessage": "Execution stopped."})


def pause(
    execution: DurableExecution,
    now: float,
    *,
    client_token: str | None,
    reason: str | None,
    is_timeout_paused: bool,
) -> DurableExecution:
    """The execution pausing, or paused if no invocation runs."""
    request = Request(client_token, now, (reason or "", str(is_timeout_paused)))
    if _is_repeated(execution.last_pause, request):
        return execution
    if execution.status != RUNNING:
        raise _conflict(execution, "paused")
    asked = replace(
        execution,
        status=PAUSING,
        pause=Pause(now, is_timeout_paused, reason),
        last_pause=request,
    )
    return asked if asked.checkpoint_token else begin_pause(asked, now)


def begin_pause(execution: DurableExecution, now: float) -> DurableExecution:
    """A pausing execution when its invocation has come to a rest."""
    assert execution.pause is not None
    asked = execution.pause
    details = {
        "PauseRequestTimestamp": asked.requested,
        "ExecutionTimeoutPaused": asked.is_timeout_paused,
        **({"Reason": payload(asked.reason)} if asked.reason else {}),
    }
    paused = replace(
        execution, status=PAUSED, pause=replace(asked, since=now), checkpoint_token=None
    )
    return paused.with_event("ExecutionPaused", now, details)


def resume(
    execution: DurableExecution, now: float, *, client_token: str | None, reason: str | None
) -> DurableExecution:
    """The execution running again; a pause that had not begun is as if nobody had asked for it."""
    request = Request(client_token, now, (reason or "",))
    if _is_repeated(execution.last_resume, request):
        return execution
    if execution.pause is None:
        raise _conflict(execution, "resumed")
    asked = execution.pause
    running = replace(execution, status=RUNNING, pause=None, last_resume=request)
    if asked.since is None:
        return running
    if asked.is_timeout_paused:
        spent = running.paused_seconds + now - asked.since
        running = replace(running, paused_seconds=spent)
    details = {
        "ResumeRequestTimestamp": now,
        **({"Reason": payload(reason)} if reason else {}),
    }
    return running.with_event("ExecutionResumed", now, details)


def delete(execution: DurableExecution) -> DurableExecution:
    """An execution that has ended, on its way out."""
    if execution.status not in FINAL:
        raise _conflict(execution, "deleted")
    return replace(execution, status=DELETING)


def _is_repeated(earlier: Request | None, request: Request) -> bool:
    if earlier is None or not earlier.is_repeated_by(request.client_token, request.moment):
        return False
    if earlier.subject != request.subject:
        raise ClientError(
            "InvalidParameterValueException",
            "The ClientToken was used less than 15 minutes ago with other parameters.",
        )
    return True


def _conflict(execution: DurableExecution, what: str) -> ClientError:
    return ClientError(
        "ResourceConflictException",
        f"The durable execution cannot be {what}: its status is {execution.status}.",
    )
