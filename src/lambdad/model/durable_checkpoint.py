"""A checkpoint: what a running invocation of a durable execution has done, kept all or not at all.

Each checkpoint token is good once, and the checkpoint brings the next one. One operation has one
update in a checkpoint; a STEP or a CONTEXT may be started and ended in the same one. Parents come
before their children, and EXECUTION last. `_TRANSITIONS` says what may follow what.

A STEP or CONTEXT may end without having been started: some of AWS's SDKs tell of it only then.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lambdad.errors import invalid_parameter
from lambdad.model.durable_details import Update, detailed
from lambdad.model.durable_execution import (
    CANCELLED,
    FAILED,
    PAUSING,
    PENDING,
    READY,
    RUNNING,
    STARTED,
    SUCCEEDED,
    WORDS,
    DurableExecution,
    Operation,
    Request,
)
from lambdad.model.durable_life import begin_pause, finish

MAX_OPERATIONS = 3_000
LARGEST_PAYLOAD = 1 << 20  # bytes; a result of the execution is as large as Invoke allows

# Type and action: from which statuses (None: not there yet), and to which.
_TRANSITIONS: Mapping[tuple[str, str], tuple[frozenset[str | None], str]] = {
    ("STEP", "START"): (frozenset({None, READY}), STARTED),
    ("STEP", "SUCCEED"): (frozenset({None, STARTED, READY}), SUCCEEDED),
    ("STEP", "FAIL"): (frozenset({None, STARTED, READY}), FAILED),
    ("STEP", "RETRY"): (frozenset({None, STARTED, READY}), PENDING),
    ("CONTEXT", "START"): (frozenset({None}), STARTED),
    ("CONTEXT", "SUCCEED"): (frozenset({None, STARTED}), SUCCEEDED),
    ("CONTEXT", "FAIL"): (frozenset({None, STARTED}), FAILED),
    ("WAIT", "START"): (frozenset({None}), STARTED),
    ("WAIT", "CANCEL"): (frozenset({STARTED}), CANCELLED),
    ("CALLBACK", "START"): (frozenset({None}), STARTED),
    ("CHAINED_INVOKE", "START"): (frozenset({None}), STARTED),
    ("EXECUTION", "SUCCEED"): (frozenset({STARTED}), SUCCEEDED),
    ("EXECUTION", "FAIL"): (frozenset({STARTED}), FAILED),
}
_EVENTS = {
    STARTED: "Started",
    SUCCEEDED: "Succeeded",
    FAILED: "Failed",
    PENDING: "Failed",  # an attempt of a step
    CANCELLED: "Cancelled",
}
_STARTED_AND_ENDED = ("STEP", "CONTEXT")
_ENDED = (SUCCEEDED, FAILED, CANCELLED)


def is_repeated(execution: DurableExecution, request: Request) -> bool:
    """Is this the last checkpoint again? It is answered as before and changes nothing."""
    last = execution.last_checkpoint
    return (
        last is not None
        and last.subject == request.subject
        and last.is_repeated_by(request.client_token, request.moment)
    )


def checkpoint(
    execution: DurableExecution, updates: Sequence[Update], request: Request, new_token: str
) -> DurableExecution:
    """The execution after a checkpoint, or AWS's error; `request` has the token that was used.

    What has changed since the answer before is then `news()`, until the next checkpoint.
    """
    if is_repeated(execution, request):
        return execution
    check_token(execution, *request.subject)
    _check_order(updates)
    for update in updates:
        execution = _apply(execution, update, request.moment, new_token)
    execution = replace(
        execution,
        told_before=execution.told,
        told=execution.changes,
        last_checkpoint=request,
    )
    if execution.status == PAUSING:
        return begin_pause(execution, request.moment)
    return replace(execution, checkpoint_token=new_token if execution.status == RUNNING else None)


def check_token(execution: DurableExecution, token: str) -> None:
    """Refuse a checkpoint token that is not the running invocation's newest."""
    due = execution.checkpoint_token
    if due is None or not hmac.compare_digest(due.encode(), token.encode()):
        raise invalid_parameter(
            "Invalid checkpoint token: it was used before, or its invocation has ended."
        )


def _check_order(updates: Sequence[Update]) -> None:
    types = [update["Type"] for update in updates]
    if "EXECUTION" in types[:-1]:
        raise invalid_parameter(
            "The update of EXECUTION must be the last one, and there can be only one."
        )
    seen: dict[str, str] = {}
    for update in updates:
        id, action = update["Id"], update["Action"]
        is_end = update["Type"] in _STARTED_AND_ENDED and action != "START"
        if id in seen and not (seen[id] == "START" and is_end):
            raise invalid_parameter(
                f"The operation {id} has more than one update in this checkpoint."
            )
        seen[id] = action


def _apply(
    execution: DurableExecution, update: Update, now: float, new_token: str
) -> DurableExecution:
    type, action = update["Type"], update["Action"]
    if (type, action) not in _TRANSITIONS:
        raise invalid_parameter(f"The action {action} is not one of an operation of type {type}.")
    sources, status = _TRANSITIONS[type, action]
    # An SDK gives the update of EXECUTION an id of its own.
    id = execution.operations[0].id if type == "EXECUTION" else update["Id"]
    current = execution.operation(id)
    if (current.status if current else None) not in sources:
        found = f"its status is {current.status}" if current else "it does not exist"
        raise invalid_parameter(
            f"The action {action} is not possible for the operation {id}: {found}."
        )
    _check_outcome(update)
    if type == "EXECUTION":
        outcome = {"result": update.get("Payload"), "error": update.get("Error")}
        return finish(execution, status, now, **outcome)
    if current is None and len(execution.operations) >= MAX_OPERATIONS:
        raise invalid_parameter(f"An execution has at most {MAX_OPERATIONS} operations.")
    _check_identity(execution, current, update)
    operation = replace(
        current or _new(update, now),
        status=status,
        ended=now if status in _ENDED else None,
    )
    operation, told = detailed(execution, operation, update, now, new_token)
    event = WORDS[type] + _EVENTS[status]
    return execution.with_operation(operation).with_event(event, now, told, operation)


def _new(update: Update, now: float) -> Operation:
    return Operation(
        id=update["Id"],
        type=update["Type"],
        status=STARTED,
        started=now,
        changed=0,
        name=update.get("Name"),
        parent_id=update.get("ParentId"),
        sub_type=update.get("SubType"),
    )


def _check_identity(execution: DurableExecution, current: Operation | None, update: Update) -> None:
    """An operation stays what it is, and its parent is a context that is there."""
    parent = update.get("ParentId")
    if parent is not None:
        found = execution.operation(parent)
        if found is None or found.type != "CONTEXT" or parent == update["Id"]:
            raise invalid_parameter(
                f"The parent {parent} of {update['Id']} is not a context of before."
            )
    if current is None:
        return
    known = {
        "Type": current.type,
        "SubType": current.sub_type,
        "Name": current.name,
        "ParentId": current.parent_id,
    }
    for member, value in known.items():
        if update.get(member, value) != value:
            raise invalid_parameter(f"The {member} of the operation {current.id} cannot change.")


def _check_outcome(update: Update) -> None:
    """A result or an error, whichever the action has room for, of a size that can be kept."""
    result, error, action = update.get("Payload"), update.get("Error"), update["Action"]
    if action == "FAIL" and result is not None:
        raise invalid_parameter("An operation that fails has an Error, and no Payload.")
    if action == "SUCCEED" and error is not None:
        raise invalid_parameter("An operation that succeeds has a Payload, and no Error.")
    if result is not None and error is not None:
        raise invalid_parameter("An operation has a Payload or an Error, and not both.")
    if update["Type"] != "EXECUTION" and len((result or "").encode()) > LARGEST_PAYLOAD:
        raise invalid_parameter(f"The Payload of an operation has at most {LARGEST_PAYLOAD} bytes.")
    if error is not None and len(json.dumps(error).encode()) > LARGEST_PAYLOAD:
        raise invalid_parameter(f"An Error has at most {LARGEST_PAYLOAD} bytes.")
