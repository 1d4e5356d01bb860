"""Durable executions: looking at them, steering them, and what their invocations and callbacks say.

The rules are the model's (`durable_life`, `durable_checkpoint`, `durable_callback`); here
executions are found, locked and saved. Those being deleted are taken up by `resume`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from lambdad.errors import ClientError, invalid_parameter
from lambdad.model import durable_life as life
from lambdad.model.caller import RequestContext
from lambdad.model.durable_callback import (
    answer_callback,
    beat,
    callback_not_found,
    read_callback_id,
)
from lambdad.model.durable_checkpoint import check_token, checkpoint
from lambdad.model.durable_execution import DELETING, OPEN, DurableExecution, Request, key_of
from lambdad.model.resource import Key
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.durable_descriptions import (
    event_description,
    operation_description,
    pause_details,
    summary,
)
from lambdad.services.lambda_.paging import page

PAGE_SIZE, LARGEST_PAGE = 100, 1_000

Change = Callable[[DurableExecution, float], DurableExecution]


def new_checkpoint_token() -> str:
    """A token that nobody can guess."""
    return base64.b64encode(secrets.token_bytes(48)).decode()


# Looking


async def get_durable_execution(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One execution, with its payloads unless the request does without."""
    execution = _find(control, context, request["DurableExecutionArn"])
    with_data = request.get("IncludeExecutionData", True)
    data = {
        "InputPayload": execution.input,
        "Result": execution.result,
        "Error": execution.error,
    }
    optional = {
        **(data if with_data else {}),
        "EndTimestamp": execution.ended,
        "PauseDetails": pause_details(execution, with_data=with_data),
        "ExpectedExecutionTimeoutTimestamp": (
            execution.timeout_at if execution.status in OPEN else None
        ),
    }
    return {
        **summary(execution),
        "Version": execution.version,
        "ExecutionDataIncluded": with_data,
        "DurableConfig": {
            "RetentionPeriodInDays": execution.retention_days,
            "ExecutionTimeout": execution.execution_timeout,
        },
        **{name: value for name, value in optional.items() if value is not None},
    }


async def get_durable_execution_history(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of what has happened, with payloads if the request wants them."""
    execution = _find(control, context, request["DurableExecutionArn"])
    numbered = list(enumerate(execution.events, start=1))
    if request.get("ReverseOrder"):
        numbered.reverse()
    start = _behind([str(number) for number, _ in numbered], request.get("Marker"))
    found, following = _page(numbered[start:], request, lambda each: str(each[0]))
    with_data = request.get("IncludeExecutionData", False)
    events = [event_description(number, event, with_data=with_data) for number, event in found]
    return {"Events": events, **following}


async def get_durable_execution_state(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the operations that an invocation replays."""
    execution = _find_invoked(control, context, request["DurableExecutionArn"])
    check_token(execution, request["CheckpointToken"])
    every = [each.id for each in execution.operations]  # what is hidden by now keeps its place
    told = frozenset(every[: _behind(every, request.get("Marker"))])
    operations = (each for each in execution.replayed() if each.id not in told)
    found, following = _page(operations, request, lambda each: each.id)
    return {"Operations": [operation_description(each) for each in found], **following}


async def list_durable_executions_by_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of a function's executions, or of one version's, the newest first."""
    name = names.resolve(context, request)
    names.find_function(control.resources, name)
    version = names.find_version(control.resources, name).version if name.qualifier else None
    executions = [
        each
        for each in control.resources.beneath(DurableExecution, name.key)
        if version in (None, each.version) and _is_wanted(each, request)
    ]
    is_reversed = not request.get("ReverseOrder")
    executions.sort(key=_place, reverse=is_reversed)
    if request.get("Marker"):
        last = _read_place(request["Marker"])
        executions = [each for each in executions if _follows(_place(each), last, is_reversed)]
    found, following = _page(executions, request, lambda each: f"{each.started!r}:{each.id}")
    return {"DurableExecutions": [summary(each) for each in found], **following}


# Steering


async def stop_durable_execution(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Stop an execution for good; one that has ended stays as it is."""
    stopped = await _change(
        control,
        _key(context, request["DurableExecutionArn"]),
        lambda execution, now: life.stop(execution, now, request.get("Error")),
    )
    return {"StopTimestamp": stopped.ended}


async def pause_durable_execution(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let an execution rest after the next checkpoint of the invocation that runs."""
    await _change(
        control,
        _key(context, request["DurableExecutionArn"]),
        lambda execution, now: life.pause(
            execution,
            now,
            client_token=request.get("ClientToken"),
            reason=request.get("Reason"),
            is_timeout_paused=request.get("ExecutionTimeoutPaused", True),
        ),
    )
    return {}


async def resume_durable_execution(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let a paused execution go on."""
    await _change(
        control,
        _key(context, request["DurableExecutionArn"]),
        lambda execution, now: life.resume(
            execution,
            now,
            client_token=request.get("ClientToken"),
            reason=request.get("Reason"),
        ),
    )
    return {}


async def delete_durable_execution(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete an execution that has ended; it goes in the background."""
    key = _key(context, request["DurableExecutionArn"])
    await _change(control, key, lambda execution, now: life.delete(execution))
    _start_removal(control, key)
    return {"DeletionRequestTimestamp": control.clock.now()}


async def resume(control: ControlPlane) -> None:
    """Go on deleting what the last server had begun to delete."""
    for execution in control.resources.all(DurableExecution):
        if execution.status == DELETING:
            _start_removal(control, execution.key)


# What invocations and callbacks say


async def checkpoint_durable_execution(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep what an invocation has done, and tell it what has happened meanwhile."""
    arn = request["DurableExecutionArn"]
    key = _find_invoked(control, context, arn).key
    updates, new_token = request.get("Updates", []), new_checkpoint_token()

    def change(execution: DurableExecution, now: float) -> DurableExecution:
        asked = Request(request.get("ClientToken"), now, (request["CheckpointToken"],))
        return checkpoint(execution, updates, asked, new_token)

    kept = await _change(control, key, change)
    token = {"CheckpointToken": kept.checkpoint_token} if kept.checkpoint_token else {}
    news = [operation_description(each) for each in kept.news()]
    return {**token, "NewExecutionState": {"Operations": news}}


async def send_durable_execution_callback_success(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Answer a callback with a result."""
    callback_id = request["CallbackId"]
    result = _text(request.get("Result"))
    await _change(
        control,
        _callback_key(context, callback_id),
        lambda execution, now: answer_callback(execution, callback_id, now, result=result),
    )
    return {}


async def send_durable_execution_callback_failure(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Answer a callback with an error."""
    callback_id, error = request["CallbackId"], request.get("Error", {})
    await _change(
        control,
        _callback_key(context, callback_id),
        lambda execution, now: answer_callback(execution, callback_id, now, error=error),
    )
    return {}


async def send_durable_execution_callback_heartbeat(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Say that a callback will be answered yet."""
    callback_id = request["CallbackId"]
    await _change(
        control,
        _callback_key(context, callback_id),
        lambda execution, now: beat(execution, callback_id, now),
    )
    return {}


async def _change(control: ControlPlane, key: Key, change: Change) -> DurableExecution:
    """Change an execution and save it, if it has become another one."""
    async with control.changes.lock(_function_key(key)):
        execution = control.resources.find(DurableExecution, *key)
        if execution is None:
            raise _not_found()
        changed = change(execution, control.clock.now())
        if changed is not execution:
            await control.resources.save(changed)
    return changed


def _start_removal(control: ControlPlane, key: Key) -> None:
    what = f"The durable execution {key[2]}"
    control.changes.start_step(what, lambda: _remove(control, key))


async def _remove(control: ControlPlane, key: Key) -> None:
    async with control.changes.lock(_function_key(key)):
        execution = control.resources.find(DurableExecution, *key)
        if execution is not None and execution.status == DELETING:
            await control.resources.delete(execution)


def _function_key(key: Key) -> Key:
    """The function's, with which an execution goes: nobody saves one while it is deleted."""
    account_id, region, id = key
    return (account_id, region, id.partition(":")[0])


def _key(context: RequestContext, arn: str) -> Key:
    """Where an execution lives; those of another account or region are not here."""
    key = key_of(arn)
    caller = context.caller
    if key is None or key[:2] != (caller.account_id, caller.region):
        raise _not_found()
    return key


def _find(control: ControlPlane, context: RequestContext, arn: str) -> DurableExecution:
    execution = control.resources.find(DurableExecution, *_key(context, arn))
    if execution is None:
        raise _not_found()
    return execution


def _find_invoked(control: ControlPlane, context: RequestContext, arn: str) -> DurableExecution:
    """The same for operations that an invocation calls: they know no ResourceNotFoundException."""
    try:
        return _find(control, context, arn)
    except ClientError as error:
        raise invalid_parameter(f"{error.message} ({arn})") from None


def _callback_key(context: RequestContext, callback_id: str) -> Key:
    found = read_callback_id(callback_id)
    caller = context.caller
    if found is None or found[0][:2] != (caller.account_id, caller.region):
        raise callback_not_found()
    return found[0]


def _text(result: bytes | None) -> str | None:
    try:
        return None if result is None else result.decode()
    except UnicodeDecodeError:
        raise invalid_parameter("The Result of a callback must be text in UTF-8.") from None


# Pages


def _behind(markers: list[str], marker: str | None) -> int:
    """The index of what follows `marker`."""
    if not marker:
        return 0
    if marker not in markers:
        raise invalid_parameter(f"The marker {marker[:80]} is not valid.")
    return markers.index(marker) + 1


def _follows(place: tuple[float, str], last: tuple[float, str], is_reversed: bool) -> bool:
    return place < last if is_reversed else place > last


def _read_place(marker: str) -> tuple[float, str]:
    """The place of the last execution that was told; it may have changed or gone since."""
    started, _, id = marker.partition(":")
    try:
        return float(started), id
    except ValueError:
        raise invalid_parameter(f"The marker {marker[:80]} is not valid.") from None


def _page(
    items: Iterable[Any], request: Mapping[str, Any], marker_of: Callable[[Any], str]
) -> tuple[list[Any], dict[str, str]]:
    asked = {"MaxItems": request.get("MaxItems") or PAGE_SIZE}
    return page(items, asked, marker_of, largest=LARGEST_PAGE)


def _is_wanted(execution: DurableExecution, request: Mapping[str, Any]) -> bool:
    name, statuses = request.get("DurableExecutionName"), request.get("Statuses")
    after, before = _epoch(request.get("StartedAfter")), _epoch(request.get("StartedBefore"))
    return (
        name in (None, execution.name)
        and (not statuses or execution.status in statuses)
        and (after is None or execution.started > after)
        and (before is None or execution.started < before)
    )


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _place(execution: DurableExecution) -> tuple[float, str]:
    return (execution.started, execution.id)


def _not_found() -> ClientError:
    return ClientError("ResourceNotFoundException", "There is no such durable execution.")


OPERATIONS = {
    "CheckpointDurableExecution": checkpoint_durable_execution,
    "DeleteDurableExecution": delete_durable_execution,
    "GetDurableExecution": get_durable_execution,
    "GetDurableExecutionHistory": get_durable_execution_history,
    "GetDurableExecutionState": get_durable_execution_state,
    "ListDurableExecutionsByFunction": list_durable_executions_by_function,
    "PauseDurableExecution": pause_durable_execution,
    "ResumeDurableExecution": resume_durable_execution,
    "SendDurableExecutionCallbackFailure": send_durable_execution_callback_failure,
    "SendDurableExecutionCallbackHeartbeat": send_durable_execution_callback_heartbeat,
    "SendDurableExecutionCallbackSuccess": send_durable_execution_callback_success,
    "StopDurableExecution": stop_durable_execution,
}
