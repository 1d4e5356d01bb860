"""What an operation of each type tells: its details, and those of its event in the history."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambdad.arn import parse_function_identifier
from lambdad.errors import invalid_parameter
from lambdad.model.durable_callback import make_callback_id
from lambdad.model.durable_execution import DurableExecution, Operation, payload

Update = Mapping[str, Any]  # AWS's OperationUpdate


def detailed(
    execution: DurableExecution, operation: Operation, update: Update, now: float, new_token: str
) -> tuple[Operation, dict[str, Any]]:
    """The operation with the details of its type, and the details of the event."""
    match operation.type:
        case "CONTEXT":
            return _with_context(operation, update)
        case "STEP":
            return _with_step(operation, update, now)
        case "WAIT":
            return _with_wait(operation, update, now)
        case "CALLBACK":
            return _with_callback(execution, operation, update, now, new_token)
        case _:
            return _with_chained_invoke(execution, operation, update)


def _outcome(update: Update) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an operation has come to, as it keeps it and as the history has it."""
    members = {"Result": update.get("Payload"), "Error": update.get("Error")}
    kept = {name: value for name, value in members.items() if value is not None}
    wanted = {"SUCCEED": "Result", "FAIL": "Error", "RETRY": "Error"}.get(update["Action"])
    return kept, {wanted: payload(members[wanted])} if wanted else {}


def _with_context(operation: Operation, update: Update) -> tuple[Operation, dict[str, Any]]:
    kept, told = _outcome(update)
    options = update.get("ContextOptions", {})
    details = {**operation.details, **kept, **options}
    return replace(operation, details=details), told


def _with_step(
    operation: Operation, update: Update, now: float
) -> tuple[Operation, dict[str, Any]]:
    """Each end of an attempt counts it; until the next one is due, the step is PENDING."""
    attempt = operation.details.get("Attempt", 0)
    if update["Action"] == "START":
        return replace(operation, details={"Attempt": attempt}), {}
    kept, told = _outcome(update)
    details = {"Attempt": attempt + 1, **kept}
    attempts = {"CurrentAttempt": attempt + 1}
    if update["Action"] == "RETRY":
        delay = _option(update, "StepOptions", "NextAttemptDelaySeconds")
        details["NextAttemptTimestamp"] = now + delay
        attempts["NextAttemptDelaySeconds"] = delay
    return replace(operation, details=details), {**told, "RetryDetails": attempts}


def _with_wait(
    operation: Operation, update: Update, now: float
) -> tuple[Operation, dict[str, Any]]:
    if update["Action"] == "CANCEL":
        return operation, {"Error": payload(update.get("Error"))} if update.get("Error") else {}
    seconds = _option(update, "WaitOptions", "WaitSeconds")
    details = {"ScheduledEndTimestamp": now + seconds}
    return replace(operation, details=details), {"Duration": seconds, **details}


def _with_callback(
    execution: DurableExecution, operation: Operation, update: Update, now: float, new_token: str
) -> tuple[Operation, dict[str, Any]]:
    options = update.get("CallbackOptions", {})
    nonce = hashlib.sha256(f"{new_token}:{operation.id}".encode()).hexdigest()[:32]
    started = replace(
        operation,
        details={"CallbackId": make_callback_id(execution, operation.id, nonce)},
        timeout=options.get("TimeoutSeconds", 0),
        heartbeat_timeout=options.get("HeartbeatTimeoutSeconds", 0),
        heartbeat=now,
    )
    timeouts = {"Timeout": started.timeout, "HeartbeatTimeout": started.heartbeat_timeout}
    return started, {**started.details, **timeouts}


def _with_chained_invoke(
    execution: DurableExecution, operation: Operation, update: Update
) -> tuple[Operation, dict[str, Any]]:
    target = _option(update, "ChainedInvokeOptions", "FunctionName")
    identifier = parse_function_identifier(target)
    if identifier is None:
        raise invalid_parameter(f"{target} is not the name or ARN of a function.")
    if identifier.account_id not in (None, execution.account_id):
        raise invalid_parameter(f"{target} belongs to another account.")
    if identifier.region not in (None, execution.region):
        raise invalid_parameter(f"{target} is in another region.")
    options = update["ChainedInvokeOptions"]
    tenant = {"TenantId": options["TenantId"]} if "TenantId" in options else {}
    told = {"FunctionName": target, **tenant, "Input": payload(update.get("Payload"))}
    return operation, told


def _option(update: Update, options: str, member: str) -> Any:
    value = update.get(options, {}).get(member)
    if value is None:
        what = f"{update['Action']} of an operation of type {update['Type']}"
        raise invalid_parameter(f"{what} needs {options}.{member}.")
    return value
