"""PutLogEvents: lines that a client brings itself."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from typing import Any

from lambdad.clock import Clock
from lambdad.model.caller import RequestContext
from lambdad.model.lines import Lines
from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore
from lambdad.services.logs.names import invalid_parameter, require_group, require_stream

MAX_BATCH_SIZE = 1_048_576

_HOUR_MS = 3_600_000
MAX_AHEAD_MS = 2 * _HOUR_MS
MAX_AGE_MS = 14 * 24 * _HOUR_MS
MAX_SPAN_MS = 24 * _HOUR_MS


async def put_log_events(
    log_store: LogStore, clock: Clock, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Append lines to a stream; they are on disk when this returns."""
    caller, stream = context.caller, request["logStreamName"]
    group = require_group(log_store, caller, request)
    require_stream(log_store, caller, group, stream)
    lines = [LogLine(event["timestamp"], event["message"]) for event in request["logEvents"]]
    now_ms = int(clock.now() * 1000)
    first, end = _accepted(lines, now_ms)
    accepted = lines[first:end]
    if accepted and accepted[-1].timestamp_ms - accepted[0].timestamp_ms > MAX_SPAN_MS:
        raise invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours."
        )
    log_store.append(caller.account_id, caller.region, group, stream, accepted)
    await asyncio.to_thread(log_store.flush)
    # Older clients want a token for their next call; nobody checks it any more.
    result: dict[str, Any] = {"nextSequenceToken": f"{now_ms:056d}"}
    rejected = _rejected(first, end, len(lines))
    return {**result, "rejectedLogEventsInfo": rejected} if rejected else result


def _accepted(lines: list[LogLine], now_ms: int) -> tuple[int, int]:
    """Refuse what is wrong as a whole; else the range that is neither too old nor too new."""
    size = Lines.of(lines).stored_size
    if size > MAX_BATCH_SIZE:
        raise invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {MAX_BATCH_SIZE}")
    times = [line.timestamp_ms for line in lines]
    if times != sorted(times):
        raise invalid_parameter(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    return bisect_left(times, now_ms - MAX_AGE_MS), bisect_right(times, now_ms + MAX_AHEAD_MS)


def _rejected(first: int, end: int, total: int) -> dict[str, int]:
    rejected = {}
    if first > 0:
        rejected["tooOldLogEventEndIndex"] = first
    if end < total:
        rejected["tooNewLogEventStartIndex"] = end
    return rejected
