"""What operators see of events and do with them: `lambdad events` asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from lambdad.clock import Clock
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import Caller
from lambdad.model.resource import Key
from lambdad.store.event_records import Backlog, DeadEvent, EventRecords

PATH = "/_lambdad/events"
MOST_SHOWN = 1_000

Route = Callable[[Caller, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


class Dispatcher(Protocol):
    """Who runs events."""

    @property
    def is_paused(self) -> bool:
        """Whether events are accepted and not run."""

    def pause(self) -> None:
        """Run no more until `resume`."""

    def resume(self) -> None:
        """Run them again."""

    def due(self, function: Key, at: float) -> None:
        """There is an event of this function that is due then."""


@dataclass(frozen=True, slots=True)
class _Events:
    records: EventRecords
    dispatcher: Dispatcher
    clock: Clock  # the queue's


def event_routes(records: EventRecords, dispatcher: Dispatcher, clock: Clock) -> dict[str, Route]:
    """Methods and paths."""
    events = _Events(records, dispatcher, clock)
    routes = {
        f"GET {PATH}": _show,
        f"GET {PATH}/dead": _show_dead,
        f"POST {PATH}/replay": _replay,
        f"POST {PATH}/purge": _purge,
        f"POST {PATH}/pause": _pause,
        f"POST {PATH}/resume": _resume,
    }
    return {name: partial(run, events) for name, run in routes.items()}


async def _show(events: _Events, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
    backlogs = await events.records.backlogs(caller.account_id, caller.region)
    now = events.clock.now()
    return {
        "Paused": events.dispatcher.is_paused,
        "Functions": [_backlog(backlog, now) for backlog in backlogs],
    }


async def _show_dead(
    events: _Events, caller: Caller, query: Mapping[str, str]
) -> Mapping[str, Any]:
    name = query.get("FunctionName") or None
    limit = _limit(query.get("MaxItems", "100"))
    found = await events.records.dead(caller.account_id, caller.region, name, limit)
    return {"Events": [_dead_event(each) for each in found]}


async def _replay(events: _Events, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
    """A dead event is queued again, with its request id and a new age."""
    request_id, now = _required(query, "RequestId"), events.clock.now()
    event = await events.records.replay(caller.account_id, caller.region, request_id, now)
    if event is None:
        message = f"There is no dead event with the request id {request_id}."
        raise ClientError("ResourceNotFoundException", message, status=404)
    events.dispatcher.due(event.function_key, now)
    return {"FunctionName": event.function_name, "RequestId": request_id}


async def _purge(events: _Events, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
    """A function's events are forgotten: the dead ones, or those that are queued."""
    name, which = _required(query, "FunctionName"), query.get("Which", "")
    if which not in ("dead", "queued"):
        raise invalid_parameter("Which must be dead or queued.")
    key = (caller.account_id, caller.region, name)
    purged = await events.records.purge(key, is_dead=which == "dead")
    return {"FunctionName": name, "Purged": purged}


async def _pause(events: _Events, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Of every account: it is the node that pauses."""
    events.dispatcher.pause()
    return {"Paused": True}


async def _resume(events: _Events, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
    events.dispatcher.resume()
    return {"Paused": False}


def _required(query: Mapping[str, str], name: str) -> str:
    if not query.get(name):
        raise invalid_parameter(f"{name} must be given.")
    return query[name]


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_SHOWN):
        raise invalid_parameter(f"MaxItems must be a number from 1 to {MOST_SHOWN}.")
    return int(text)


def _backlog(backlog: Backlog, now: float) -> dict[str, Any]:
    age = None if backlog.oldest is None else round(max(0.0, now - backlog.oldest), 3)
    return {
        "FunctionName": backlog.function_name,
        "Queued": backlog.queued,
        "Running": backlog.running,
        "Retrying": backlog.retrying,
        "Dead": backlog.dead,
        "OldestAgeInSeconds": age,
    }


def _dead_event(dead: DeadEvent) -> dict[str, Any]:
    event = dead.event
    return {
        "RequestId": event.request_id,
        "FunctionName": event.function_name,
        "Qualifier": event.qualifier,
        "Condition": dead.condition,
        "Error": dead.error,
        "Tries": event.tries,
        "AcceptedAt": event.accepted_at,
        "DiedAt": dead.died_at,
    }
