"""StartLiveTail: the lines of some groups as they come, for up to three hours.

Each second a session asks what has reached the disk since it last looked. It keeps nothing
meanwhile, so that a client that does not read costs nothing, and gets the youngest lines when it
reads on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.filter_pattern import FilterPattern
from lambdad.model.log_line import StoredLine
from lambdad.observe.frames import GroupKey, StreamKey
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import invalid_parameter, require_group
from lambdad.services.logs.patterns import read_filter_pattern

UPDATE_SECONDS = 1.0
SESSION_SECONDS = 3 * 3600.0
MAX_SESSIONS = 15  # of an account in a region
MAX_SHOWN = 500  # lines of one update; of more, some
MAX_SHOWN_SIZE = 2 << 20  # characters of them, about: clients refuse messages of 24 MiB
MAX_SEARCHED = 20_000  # lines that are looked at for one update
MAX_FRAMES = 64  # that are looked at for one update: the youngest

_CHOSEN = ("logGroupIdentifiers", "logStreamNames", "logStreamNamePrefixes")


@dataclass(frozen=True, slots=True)
class _Session:
    """What a client wants to see."""

    logs: Logs
    groups: frozenset[GroupKey]
    names: frozenset[str]
    prefixes: tuple[str, ...]
    pattern: FilterPattern

    def look(self, after_frame: int, durable_frame: int) -> tuple[list[dict[str, Any]], bool]:
        """The lines of the frames between these, and whether they are only some."""
        start = max(after_frame, durable_frame - MAX_FRAMES)
        found: list[dict[str, Any]] = []
        size, is_sampled = 0, start > after_frame
        for searched, (key, line) in enumerate(self._lines(start, durable_frame)):
            if searched == MAX_SEARCHED or size > MAX_SHOWN_SIZE:
                is_sampled = True
                break
            if self.pattern.matches(line.line.message):
                found.append(_shown(key, line))
                size += len(line.line.message)
        if len(found) <= MAX_SHOWN:
            return found, is_sampled
        return [found[at * len(found) // MAX_SHOWN] for at in range(MAX_SHOWN)], True

    def _lines(self, after_frame: int, last_frame: int) -> Iterator[tuple[StreamKey, StoredLine]]:
        for arrival in self.logs.store.arrivals(self.groups, after_frame):
            if arrival.frame > last_frame:
                return
            for key, lines in arrival.lines.items():
                if self._wants(key):
                    yield from ((key, line) for line in lines)

    def _wants(self, key: StreamKey) -> bool:
        if not self.names and not self.prefixes:
            return True
        return key[3] in self.names or key[3].startswith(self.prefixes)


async def start_live_tail(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Show lines as they come."""
    caller, identifiers = context.caller, request["logGroupIdentifiers"]
    names, prefixes = request.get("logStreamNames"), request.get("logStreamNamePrefixes")
    if names and prefixes:
        raise invalid_parameter(
            "The parameters logStreamNames and logStreamNamePrefixes cannot both be specified."
        )
    if (names or prefixes) and len(identifiers) > 1:
        raise invalid_parameter("Log streams can be chosen of one log group only.")
    groups = frozenset(
        (
            caller.account_id,
            caller.region,
            require_group(logs.store, caller, {"logGroupIdentifier": identifier}),
        )
        for identifier in identifiers
    )
    if logs.live_tails[caller.account_id, caller.region] >= MAX_SESSIONS:
        raise ClientError("LimitExceededException", "Too many Live Tail sessions.")
    pattern = read_filter_pattern(request.get("logEventFilterPattern"))
    session = _Session(logs, groups, frozenset(names or ()), tuple(prefixes or ()), pattern)
    return {"responseStream": _events(session, context, request)}


async def _events(
    session: _Session, context: RequestContext, request: Mapping[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    logs, place = session.logs, (context.caller.account_id, context.caller.region)
    logs.live_tails[place] += 1
    frame, end = logs.store.durable_frame, logs.clock.monotonic() + SESSION_SECONDS
    try:
        yield {
            "sessionStart": {
                "requestId": context.request_id,
                "sessionId": str(uuid4()),
                **{name: request.get(name, []) for name in _CHOSEN},
                "logEventFilterPattern": request.get("logEventFilterPattern", ""),
            }
        }
        while logs.clock.monotonic() < end:
            await asyncio.sleep(UPDATE_SECONDS)
            durable_frame = logs.store.durable_frame
            shown, is_sampled = await asyncio.to_thread(session.look, frame, durable_frame)
            frame = durable_frame
            yield {
                "sessionUpdate": {
                    "sessionMetadata": {"sampled": is_sampled},
                    "sessionResults": shown,
                }
            }
        yield {"SessionTimeoutException": {"message": "The session has ended after three hours."}}
    finally:
        logs.live_tails[place] -= 1


def _shown(key: StreamKey, line: StoredLine) -> dict[str, Any]:
    account_id, _, group, stream = key
    return {
        "logStreamName": stream,
        "logGroupIdentifier": f"{account_id}:{group}",
        "message": line.line.message,
        "timestamp": line.line.timestamp_ms,
        "ingestionTime": line.ingestion_ms,
    }


OPERATIONS = {"StartLiveTail": start_live_tail}
