"""Log groups: create, delete, describe, list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.observe.catalog import LogGroup
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import (
    group_arn,
    group_of_identifier,
    invalid_parameter,
    require_group,
)
from lambdad.services.logs.paging import page
from lambdad.services.logs.settings import everything_set, metric_filters_of, settings_of
from lambdad.services.logs.tags import checked_tags

STANDARD = "STANDARD"


async def create_log_group(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create an empty group; it is on disk when this returns."""
    caller, name = context.caller, request["logGroupName"]
    if name.startswith("aws/"):
        raise invalid_parameter("Log group names starting with aws/ are reserved.")
    if request.get("kmsKeyId"):
        raise invalid_parameter("lambdad does not support kmsKeyId yet.")
    tags = checked_tags(request.get("tags") or {})
    if logs.store.find_group(caller.account_id, caller.region, name) is not None:
        raise ClientError(
            "ResourceAlreadyExistsException", "The specified log group already exists"
        )
    if tags:
        await logs.resources.save(replace(settings_of(logs, caller, name), tags=tags))
    logs.store.create_group(caller.account_id, caller.region, name)
    await asyncio.to_thread(logs.store.flush)
    return {}


async def delete_log_group(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a group with all its streams and lines, and what is set for it."""
    caller = context.caller
    async with logs.lock:
        group = require_group(logs.store, caller, request)
        await logs.resources.delete(*everything_set(logs, caller, group))
        logs.store.delete_group(caller.account_id, caller.region, group)
    await asyncio.to_thread(logs.store.flush)
    return {}


async def describe_log_groups(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the groups of the caller's account and region."""
    caller = context.caller
    prefix, pattern = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
    if prefix and pattern:
        raise invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    groups = logs.store.groups(caller.account_id, caller.region, prefix or "")
    chosen = [
        group
        for group in groups
        if (pattern or "") in group.name and _is_asked_for(caller, group, request)
    ]
    shown, token = page(chosen, lambda group: (group.name,), request)
    sizes = await asyncio.to_thread(logs.store.stored_bytes, caller.account_id, caller.region)
    described = [_description(logs, caller, each, sizes.get(each.name, 0)) for each in shown]
    result: dict[str, Any] = {"logGroups": described}
    return result if token is None else {**result, "nextToken": token}


async def list_log_groups(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the groups whose names have one of some texts in them, or begin with it, and that have
    certain tags."""
    caller = context.caller
    texts = request.get("logGroupNamePattern", "").split("|")
    chosen = [
        group
        for group in logs.store.groups(caller.account_id, caller.region)
        if any(_has(group.name, text) for text in texts)
        and request.get("logGroupClass", STANDARD) == STANDARD
        and _is_tagged(settings_of(logs, caller, group.name).tags, request)
    ]
    shown, token = page(chosen, lambda group: (group.name,), request)
    groups = [
        {
            "logGroupName": group.name,
            "logGroupArn": group_arn(caller, group.name),
            "logGroupClass": STANDARD,
        }
        for group in shown
    ]
    return {"logGroups": groups, **({} if token is None else {"nextToken": token})}


def _has(name: str, text: str) -> bool:
    return name.startswith(text[1:]) if text.startswith("^") else text in name


def _is_tagged(tags: Mapping[str, str], request: Mapping[str, Any]) -> bool:
    return all(
        wanted["key"] in tags and _is_wanted(tags[wanted["key"]], wanted.get("values") or ["*"])
        for wanted in request.get("logGroupTags") or ()
    )


def _is_wanted(value: str, patterns: Sequence[str]) -> bool:
    """Whether a tag's value is one of these: `prod`, `pro*`, `*od`; with `!` before it, not."""
    return any(
        fnmatchcase(value, pattern.removeprefix("!")) is not pattern.startswith("!")
        for pattern in patterns
    )


def _is_asked_for(caller: Caller, group: LogGroup, request: dict[str, Any]) -> bool:
    identifiers = request.get("logGroupIdentifiers")
    if request.get("logGroupClass", STANDARD) != STANDARD:
        return False
    return identifiers is None or group.name in {
        group_of_identifier(caller, identifier) for identifier in identifiers
    }


def _description(logs: Logs, caller: Caller, group: LogGroup, stored_bytes: int) -> dict[str, Any]:
    arn = group_arn(caller, group.name)
    retention_days = settings_of(logs, caller, group.name).retention_days
    return {
        **({} if retention_days is None else {"retentionInDays": retention_days}),
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": len(metric_filters_of(logs, caller, group.name)),
        "arn": f"{arn}:*",
        "storedBytes": stored_bytes,
        "logGroupClass": STANDARD,
        "logGroupArn": arn,
    }


OPERATIONS = {
    "CreateLogGroup": create_log_group,
    "DeleteLogGroup": delete_log_group,
    "DescribeLogGroups": describe_log_groups,
    "ListLogGroups": list_log_groups,
}
