"""Log groups: create, delete, describe."""

from __future__ import annotations

import asyncio
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.observe.catalog import LogGroup
from lambdad.observe.log_store import LogStore
from lambdad.services.logs.names import (
    group_arn,
    group_of_identifier,
    invalid_parameter,
    require_group,
)
from lambdad.services.logs.paging import page

STANDARD = "STANDARD"


async def create_log_group(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create an empty group; it is on disk when this returns."""
    caller, name = context.caller, request["logGroupName"]
    if name.startswith("aws/"):
        raise invalid_parameter("Log group names starting with aws/ are reserved.")
    if request.get("kmsKeyId"):
        raise invalid_parameter("lambdad does not support kmsKeyId yet.")
    if log_store.find_group(caller.account_id, caller.region, name) is not None:
        raise ClientError(
            "ResourceAlreadyExistsException", "The specified log group already exists"
        )
    log_store.create_group(caller.account_id, caller.region, name)
    await asyncio.to_thread(log_store.flush)
    return {}


async def delete_log_group(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a group with all its streams and lines."""
    caller = context.caller
    group = require_group(log_store, caller, request)
    log_store.delete_group(caller.account_id, caller.region, group)
    await asyncio.to_thread(log_store.flush)
    return {}


async def describe_log_groups(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the groups of the caller's account and region."""
    caller = context.caller
    prefix, pattern = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
    if prefix and pattern:
        raise invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    groups = log_store.groups(caller.account_id, caller.region, prefix or "")
    chosen = [
        group
        for group in groups
        if (pattern or "") in group.name and _is_asked_for(caller, group, request)
    ]
    shown, token = page(chosen, lambda group: (group.name,), request)
    result: dict[str, Any] = {"logGroups": [_description(caller, group) for group in shown]}
    return result if token is None else {**result, "nextToken": token}


def _is_asked_for(caller: Caller, group: LogGroup, request: dict[str, Any]) -> bool:
    identifiers = request.get("logGroupIdentifiers")
    if request.get("logGroupClass", STANDARD) != STANDARD:
        return False
    return identifiers is None or group.name in {
        group_of_identifier(caller, identifier) for identifier in identifiers
    }


def _description(caller: Caller, group: LogGroup) -> dict[str, Any]:
    arn = group_arn(caller, group.name)
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": group.stored_bytes,
        "logGroupClass": STANDARD,
        "logGroupArn": arn,
    }
