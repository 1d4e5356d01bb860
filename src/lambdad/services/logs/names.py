"""Finding what a request names, and the ARNs of groups and streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import Caller
from lambdad.observe.log_store import LogStore

GROUP_NOT_FOUND = "The specified log group does not exist."
STREAM_NOT_FOUND = "The specified log stream does not exist."


def invalid_parameter(message: str) -> ClientError:
    """The error for what only this service can find wrong with a request."""
    return ClientError("InvalidParameterException", message)


def group_arn(caller: Caller, group: str) -> str:
    """The group's ARN; the older form, which policies use, has `:*` behind it."""
    return f"arn:aws:logs:{caller.region}:{caller.account_id}:log-group:{group}"


def stream_arn(caller: Caller, group: str, stream: str) -> str:
    return f"{group_arn(caller, group)}:log-stream:{stream}"


def group_of_identifier(caller: Caller, identifier: str) -> str:
    """The name in a group's ARN or name; another account's ARN stays as it is: nobody has it."""
    return identifier.removeprefix(group_arn(caller, "")).removesuffix(":*")


def require_group(log_store: LogStore, caller: Caller, request: Mapping[str, Any]) -> str:
    """The name of the group that `logGroupName` or `logGroupIdentifier` names."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid_parameter(
            "Exactly one of the parameters logGroupName and logGroupIdentifier must be specified."
        )
    group: str = name if name is not None else group_of_identifier(caller, str(identifier))
    if log_store.find_group(caller.account_id, caller.region, group) is None:
        raise ClientError("ResourceNotFoundException", GROUP_NOT_FOUND)
    return group


async def has_stream(log_store: LogStore, caller: Caller, group: str, stream: str) -> bool:
    """Whether there is this stream now; of one that is quiet the disk is asked. Refuses a group
    that has gone meanwhile."""
    key = (caller.account_id, caller.region, group, stream)
    if log_store.has_recent(*key):
        return True
    found = await asyncio.to_thread(log_store.find_stream, *key)
    require_group(log_store, caller, {"logGroupName": group})
    if log_store.has_recent(*key):
        return True
    return found is not None and not log_store.is_deleted(*key, found.first_frame)


async def require_stream(log_store: LogStore, caller: Caller, group: str, stream: str) -> None:
    """Refuse a stream that does not exist."""
    if not await has_stream(log_store, caller, group, stream):
        raise ClientError("ResourceNotFoundException", STREAM_NOT_FOUND)
