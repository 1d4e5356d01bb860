"""Export tasks: create, describe, cancel. What they do is in exporter.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.export_task import CANCELLED, ExportTask
from lambdad.services.logs.exporter import Exporter
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import invalid_parameter, require_group
from lambdad.services.logs.paging import page

DEFAULT_PREFIX = "exportedlogs"
TASK_NOT_FOUND = "The specified export task does not exist."


async def create_export_task(
    exporter: Exporter, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Begin to export lines to a bucket that can be written to; one task at a time."""
    logs, caller = exporter.logs, context.caller
    group = require_group(logs.store, caller, request)
    if request["from"] >= request["to"]:
        raise invalid_parameter("The specified time range is invalid: from must be before to.")
    task = ExportTask(
        caller.account_id,
        caller.region,
        str(uuid4()),
        request.get("taskName", ""),
        group,
        request.get("logStreamNamePrefix", ""),
        request["from"],
        request["to"],
        request["destination"],
        request.get("destinationPrefix", DEFAULT_PREFIX),
        logs.now_ms(),
    )
    _require_none_active(logs, caller)
    await exporter.try_bucket(task)  # not while the lock is held: who answers may be far away
    async with logs.lock:
        _require_none_active(logs, caller)
        await logs.resources.save(task)
    exporter.wake.set()
    return {"taskId": task.id}


async def describe_export_tasks(
    exporter: Exporter, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the tasks, the youngest first; one, or those in some state."""
    caller = context.caller
    id, status = request.get("taskId"), request.get("statusCode")
    chosen = [
        task
        for task in exporter.logs.resources.list(ExportTask, caller.account_id, caller.region)
        if id in (None, task.id) and status in (None, task.status)
    ]
    shown, token = page(chosen, lambda task: (task.created_ms, task.id), request, descending=True)
    result: dict[str, Any] = {"exportTasks": [_description(task) for task in shown]}
    return result if token is None else {**result, "nextToken": token}


async def cancel_export_task(
    exporter: Exporter, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Export no more; what is in the bucket stays."""
    logs, caller = exporter.logs, context.caller
    async with logs.lock:
        key = (caller.account_id, caller.region, request["taskId"])
        task = logs.resources.find(ExportTask, *key)
        if task is None:
            raise ClientError("ResourceNotFoundException", TASK_NOT_FOUND)
        if not task.is_active:
            raise ClientError(
                "InvalidOperationException", "The specified export task has already finished"
            )
        await logs.resources.save(replace(task, status=CANCELLED, ended_ms=logs.now_ms()))
    return {}


def _require_none_active(logs: Logs, caller: Caller) -> None:
    tasks = logs.resources.list(ExportTask, caller.account_id, caller.region)
    if any(each.is_active for each in tasks):
        raise ClientError("LimitExceededException", "Resource limit exceeded.")


def _description(task: ExportTask) -> dict[str, Any]:
    times = {"creationTime": task.created_ms, "completionTime": task.ended_ms}
    told = {
        "taskId": task.id,
        "taskName": task.name,
        "logGroupName": task.log_group,
        "from": task.start_ms,
        "to": task.end_ms,
        "destination": task.bucket,
        "destinationPrefix": task.prefix,
        "status": {"code": task.status, "message": task.message},
        "executionInfo": {name: value for name, value in times.items() if value is not None},
    }
    return {name: value for name, value in told.items() if value != ""}


OPERATIONS = {
    "CancelExportTask": cancel_export_task,
    "CreateExportTask": create_export_task,
    "DescribeExportTasks": describe_export_tasks,
}
