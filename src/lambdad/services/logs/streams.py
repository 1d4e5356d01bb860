"""Log streams: create, delete, describe."""

from __future__ import annotations

import asyncio
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.observe.catalog import LogStream
from lambdad.observe.log_store import LogStore
from lambdad.services.logs.names import (
    has_stream,
    invalid_parameter,
    require_group,
    require_stream,
    stream_arn,
)
from lambdad.services.logs.paging import page


async def create_log_stream(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create an empty stream; it is on disk when this returns."""
    caller, name = context.caller, request["logStreamName"]
    group = require_group(log_store, caller, request)
    if await has_stream(log_store, caller, group, name):
        raise ClientError(
            "ResourceAlreadyExistsException", "The specified log stream already exists"
        )
    log_store.create_stream(caller.account_id, caller.region, group, name)
    await asyncio.to_thread(log_store.flush)
    return {}


async def delete_log_stream(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a stream with all its lines."""
    caller, name = context.caller, request["logStreamName"]
    group = require_group(log_store, caller, request)
    await require_stream(log_store, caller, group, name)
    log_store.delete_stream(caller.account_id, caller.region, group, name)
    await asyncio.to_thread(log_store.flush)
    return {}


async def describe_log_streams(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the streams of a group, by name or by the time of their last line."""
    caller = context.caller
    prefix = request.get("logStreamNamePrefix")
    by_time = request.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    group = require_group(log_store, caller, request)
    place = _time_place if by_time else _name_place
    descending = bool(request.get("descending"))

    def read_page() -> tuple[list[LogStream], str | None]:
        streams = log_store.streams(caller.account_id, caller.region, group, prefix or "")
        return page(streams, place, request, descending=descending)

    shown, token = await asyncio.to_thread(read_page)
    result: dict[str, Any] = {
        "logStreams": [_description(caller, group, stream) for stream in shown]
    }
    return result if token is None else {**result, "nextToken": token}


def _name_place(stream: LogStream) -> tuple[str]:
    return (stream.name,)


def _time_place(stream: LogStream) -> tuple[int, str]:
    return (stream.last_ms or 0, stream.name)


def _description(caller: Caller, group: str, stream: LogStream) -> dict[str, Any]:
    figures = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "firstEventTimestamp": stream.first_ms,
        "lastEventTimestamp": stream.last_ms,
        "lastIngestionTime": stream.ingestion_ms,
        "arn": stream_arn(caller, group, stream.name),
        "storedBytes": 0,  # CloudWatch tells the size of groups only, since 2019
    }
    return {name: value for name, value in figures.items() if value is not None}
