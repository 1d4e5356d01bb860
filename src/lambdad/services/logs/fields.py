"""GetLogGroupFields: which fields the lines of a group have, and how many of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import islice
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import require_group
from lambdad.services.logs.records import discovered

SPAN_MS = 8 * 60_000  # before and behind the time that is asked for
DEFAULT_SPAN_MS = 15 * 60_000  # before now
MAX_LINES = 1_000  # that are looked at
_OF_ALL = ("@message", "@timestamp", "@ingestionTime", "@logStream", "@log", "@ptr")


async def get_log_group_fields(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The fields of the youngest lines of some minutes, the most frequent first."""
    caller = context.caller
    group = require_group(logs.store, caller, request)
    if "time" in request:
        start_ms, end_ms = request["time"] - SPAN_MS, request["time"] + SPAN_MS
    else:
        start_ms, end_ms = logs.now_ms() - DEFAULT_SPAN_MS, logs.now_ms() + 1
    messages = await asyncio.to_thread(
        _messages, logs, (caller.account_id, caller.region, group), max(0, start_ms), end_ms
    )
    found = Counter(name for message in messages for name in discovered(message))
    counts = [*((name, len(messages)) for name in _OF_ALL), *found.most_common()]
    return {
        "logGroupFields": [
            {"name": name, "percent": round(100 * count / len(messages))} for name, count in counts
        ]
        if messages
        else []
    }


def _messages(logs: Logs, key: tuple[str, str, str], start_ms: int, end_ms: int) -> list[str]:
    lines = logs.store.read(*key, None, start_ms, end_ms, newest_first=True)
    return [line.line.message for line in islice(lines, MAX_LINES)]


OPERATIONS = {"GetLogGroupFields": get_log_group_fields}
