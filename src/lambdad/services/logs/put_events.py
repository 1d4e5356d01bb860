"""PutLogEvents: lines that a client brings itself."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.lines import Lines
from lambdad.model.log_line import LogLine
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import invalid_parameter, require_group, require_stream
from lambdad.services.logs.retention import DAY_MS, retention_of

MAX_BATCH_SIZE = 1_048_576

MAX_AHEAD_MS = 2 * 3_600_000
MAX_AGE_MS = 14 * DAY_MS
MAX_SPAN_MS = DAY_MS


async def put_log_events(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Append lines to a stream; they are on disk when this returns."""
    caller, stream = context.caller, request["logStreamName"]
    group = require_group(logs.store, caller, request)
    await require_stream(logs.store, caller, group, stream)
    lines = [LogLine(event["timestamp"], event["message"]) for event in request["logEvents"]]
    _check(lines)
    now_ms, times = logs.now_ms(), [line.timestamp_ms for line in lines]
    too_old = bisect_left(times, now_ms - MAX_AGE_MS)
    days = retention_of(logs.resources, caller.account_id, caller.region, group)
    expired = 0 if days is None else bisect_left(times, now_ms - days * DAY_MS)
    first, end = max(too_old, expired), bisect_right(times, now_ms + MAX_AHEAD_MS)
    accepted = lines[first:end]
    if accepted and accepted[-1].timestamp_ms - accepted[0].timestamp_ms > MAX_SPAN_MS:
        raise invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours."
        )
    logs.store.append(caller.account_id, caller.region, group, stream, accepted)
    await asyncio.to_thread(logs.store.flush)
    rejected = {
        **({"tooOldLogEventEndIndex": too_old} if too_old > 0 else {}),
        **({"expiredLogEventEndIndex": expired} if expired > too_old else {}),
        **({"tooNewLogEventStartIndex": end} if end < len(lines) else {}),
    }
    # Older clients want a token for their next call; nobody checks it any more.
    result: dict[str, Any] = {"nextSequenceToken": f"{now_ms:056d}"}
    return {**result, "rejectedLogEventsInfo": rejected} if rejected else result


def _check(lines: list[LogLine]) -> None:
    """Refuse what is wrong as a whole."""
    size = Lines.of(lines).stored_size
    if size > MAX_BATCH_SIZE:
        raise invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {MAX_BATCH_SIZE}")
    times = [line.timestamp_ms for line in lines]
    if times != sorted(times):
        raise invalid_parameter(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
