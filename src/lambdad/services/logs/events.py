"""Reading lines: GetLogEvents for one stream, FilterLogEvents for a group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from lambdad.model.caller import Caller, RequestContext
from lambdad.model.filter_pattern import FilterPattern
from lambdad.model.log_line import Position, StoredLine
from lambdad.observe.log_store import LogStore
from lambdad.services.logs.names import invalid_parameter, require_group, require_stream
from lambdad.services.logs.paging import parse_place_token, place_token
from lambdad.services.logs.patterns import read_filter_pattern

MAX_EVENTS = 10_000
MAX_PAGE_CHARACTERS = 1_048_576
MAX_SEARCH_SECONDS = 5.0  # after which a request answers with a token
LOOKS_AT_CLOCK = 256  # lines between two looks, where no place is reached between them

_FORWARD, _BACKWARD = "f", "b"


async def get_log_events(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of one stream, oldest first, with the tokens that lead on and back."""
    caller = context.caller
    group = require_group(log_store, caller, request)
    await require_stream(log_store, caller, group, request["logStreamName"])
    direction, place = _start(request, default_from_head=False)
    read = partial(
        log_store.read,
        caller.account_id,
        caller.region,
        group,
        [request["logStreamName"]],
        request.get("startTime", 0),
        request.get("endTime"),
        **_bounds(direction, place),
    )
    found = await asyncio.to_thread(_take, read, request.get("limit") or MAX_EVENTS)
    if direction == _BACKWARD:
        found.reverse()
    before = found[0].position if found else place or Position(0)
    behind = found[-1].position.next() if found else before
    return {
        "events": [_output_event(line) for line in found],
        "nextForwardToken": place_token(_FORWARD, behind),
        "nextBackwardToken": place_token(_BACKWARD, before),
    }


async def filter_log_events(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the lines of a group that the pattern lets through, streams interleaved."""
    caller = context.caller
    pattern = read_filter_pattern(request.get("filterPattern"))
    group = require_group(log_store, caller, request)
    streams, prefix = await _chosen_streams(log_store, caller, group, request)
    direction, place = _start(request, default_from_head=True)
    end_ms = request.get("endTime")
    search = partial(
        log_store.search,
        caller.account_id,
        caller.region,
        group,
        streams,
        request.get("startTime", 0),
        None if end_ms is None else end_ms + 1,  # here, unlike in GetLogEvents, inclusive
        **_bounds(direction, place),
        terms=pattern.required_terms(),
        prefix=prefix,
    )
    limit = request.get("limit") or MAX_EVENTS
    found, unread = await asyncio.to_thread(_search, search, pattern, limit)
    result: dict[str, Any] = {
        "events": [_filtered_event(line) for line in found],
        "searchedLogStreams": [],
    }
    if unread is not None:
        result["nextToken"] = place_token(direction, _gap(unread, direction))
    return result


def _start(request: dict[str, Any], *, default_from_head: bool) -> tuple[str, Position | None]:
    """The direction of reading, and where it starts if a token says so."""
    token = request.get("nextToken")
    if token is not None:
        return parse_place_token(token)
    from_head = request.get("startFromHead", default_from_head)
    return (_FORWARD if from_head else _BACKWARD), None


def _bounds(direction: str, place: Position | None) -> dict[str, Any]:
    if direction == _FORWARD:
        return {"since": place}
    return {"until": place, "newest_first": True}


async def _chosen_streams(
    log_store: LogStore, caller: Caller, group: str, request: dict[str, Any]
) -> tuple[list[str] | None, str]:
    """The names of the streams that are asked for; None for all whose names have a prefix."""
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
    if names and prefix:
        raise invalid_parameter(
            "The parameters logStreamNames and logStreamNamePrefix cannot both be specified."
        )
    for name in names or ():
        await require_stream(log_store, caller, group, name)
    return names or None, prefix


def _take(read: Callable[[], Iterator[StoredLine]], limit: int) -> list[StoredLine]:
    """Up to `limit` lines, and not much more than a page's size."""
    found: list[StoredLine] = []
    size = 0
    for line in islice(read(), limit):
        size += len(line.line.message)
        if found and size > MAX_PAGE_CHARACTERS:
            break
        found.append(line)
    return found


def _search(
    search: Callable[[], Iterator[StoredLine | Position]], pattern: FilterPattern, limit: int
) -> tuple[list[StoredLine], StoredLine | Position | None]:
    """The lines of one page, and the first that was not looked at, or a place in front of it."""
    found: list[StoredLine] = []
    size = 0
    began, start, looked = time.monotonic(), None, 0
    for line in search():
        if isinstance(line, Position):
            start = line if start is None else start
            if line != start and time.monotonic() - began > MAX_SEARCH_SECONDS:
                return found, line
            continue
        if len(found) == limit or size > MAX_PAGE_CHARACTERS:
            return found, line
        looked += 1
        if looked % LOOKS_AT_CLOCK == 0 and time.monotonic() - began > MAX_SEARCH_SECONDS:
            return found, line
        if pattern.matches(line.line.message):
            found.append(line)
            size += len(line.line.message)
    return found, None


def _gap(unread: StoredLine | Position, direction: str) -> Position:
    """The gap in front of what was not looked at."""
    if isinstance(unread, Position):
        return unread
    return unread.position if direction == _FORWARD else unread.position.next()


def _output_event(line: StoredLine) -> dict[str, Any]:
    return {
        "timestamp": line.line.timestamp_ms,
        "message": line.line.message,
        "ingestionTime": line.ingestion_ms,
    }


def _filtered_event(line: StoredLine) -> dict[str, Any]:
    return {
        "logStreamName": line.stream,
        **_output_event(line),
        "eventId": line.position.digits,
    }
