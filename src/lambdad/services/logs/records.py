"""GetLogRecord: the whole event that a query's `@ptr` leads to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.log_line import Position, StoredLine
from lambdad.observe.insights.pointers import parse_pointer
from lambdad.observe.log_store import LogStore
from lambdad.services.logs.names import invalid_parameter

MAX_FIELDS = 200  # that are discovered in one event


async def get_log_record(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """All fields of the event, those of its JSON included."""
    caller, pointer = context.caller, request["logRecordPointer"]
    found = parse_pointer(pointer)
    if found is None:
        raise invalid_parameter("The specified logRecordPointer is invalid.")
    group, position = found
    line = await asyncio.to_thread(
        _read, log_store, (caller.account_id, caller.region, group), position
    )
    if line is None:
        raise ClientError("ResourceNotFoundException", "The specified log record does not exist.")
    return {
        "logRecord": {
            **discovered(line.line.message),
            "@ptr": pointer,
            "@log": f"{caller.account_id}:{group}",
            "@logStream": line.stream,
            "@timestamp": str(line.line.timestamp_ms),
            "@ingestionTime": str(line.ingestion_ms),
            "@message": line.line.message,
        }
    }


def _read(log_store: LogStore, key: tuple[str, str, str], position: Position) -> StoredLine | None:
    lines = log_store.read(*key, start_ms=0, since=position, until=position.next())
    return next(lines, None)


def discovered(message: str) -> dict[str, str]:
    """The members of a message that is JSON, by their paths."""
    try:
        document = json.loads(message)
        leaves = list(islice(_leaves(document), MAX_FIELDS)) if isinstance(document, dict) else []
    except (ValueError, RecursionError):  # no JSON, or none that anybody has written
        return {}
    return {f"@{path}" if path.startswith("@") else path: value for path, value in leaves}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value)
