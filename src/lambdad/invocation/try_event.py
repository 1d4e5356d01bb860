"""One try of one event: find what it invokes now, invoke it, decide what becomes of the event."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.invocation.destinations import deliveries
from lambdad.invocation.invoke import Invoker
from lambdad.model.emit import Emit
from lambdad.model.event import (
    FUNCTION_NOT_FOUND,
    MAXIMUM_EVENT_AGE,
    RECURSIVE_INVOCATION,
    Claim,
    Delivery,
    Event,
    EventTarget,
    storable,
)
from lambdad.model.fate import (
    RETRY_SECONDS,
    Completed,
    Fate,
    GivenUp,
    Requeued,
    fate_after_error,
    fate_after_refusal,
    fate_before_try,
)
from lambdad.model.invocation import Invocation, Result
from lambdad.model.recursion import is_loop
from lambdad.model.trace_header import TraceHeader, parse_trace_header

_SHOWN_OF_ERROR = 1024
_NOT_RUN = 429  # the status that dead letters tell
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try. `is_refused` says that it could not be
    run now, and that the next would fare no better."""

    fate: Fate
    deliveries: Sequence[Delivery] = ()
    has_run: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class EventTrier:
    """`find_target` resolves what an event invokes: None when that is no longer there."""

    invoker: Invoker
    find_target: Callable[[Event], EventTarget | None]
    clock: Clock
    emit: Emit
    retry_seconds: float = RETRY_SECONDS

    async def __call__(self, claim: Claim) -> Tried:
        """Never raises: whatever happens, the event has a fate."""
        event = claim.event
        try:
            return await self._try(event)
        except Exception:  # ours, or of the platform below: it is not the event's fault
            _log.exception("Event %s could not be run; it is tried again.", event.request_id)
            fate = fate_after_refusal(event, MAXIMUM_EVENT_AGE, self.clock.now())
            return Tried(fate, is_refused=True)

    async def _try(self, event: Event) -> Tried:
        target = self.find_target(event)
        if target is None:
            self.emit("AsyncEventsDropped", event.function_key, 1.0)
            error = "The function, or the version or alias invoked, is no longer there."
            return Tried(GivenUp(FUNCTION_NOT_FOUND, error, event.tries))
        given_up = self._given_up(event, target)
        if given_up is not None:
            return self._ended(event, target, given_up, None)
        return await self._invoke(event, target)

    def _given_up(self, event: Event, target: EventTarget) -> GivenUp | None:
        """Whether it is given up before the function has it."""
        if _is_loop(event, target):
            self.emit("RecursiveInvocationsDropped", event.function_key, 1.0)
            error = "The function invokes itself over and over."
            return GivenUp(RECURSIVE_INVOCATION, error, event.tries)
        return fate_before_try(event, target, self.clock.now())

    async def _invoke(self, event: Event, target: EventTarget) -> Tried:
        header = parse_trace_header(event.trace_header)
        age_ms = (self.clock.now() - event.accepted_at) * 1000
        self.emit("AsyncEventAge", event.function_key, age_ms)
        try:
            result = await self.invoker.invoke(
                target.version,
                Invocation(
                    event.request_id,
                    event.payload,
                    target.invoked_arn,
                    _trace_of_try(header),
                    tenant_id=event.tenant_id,
                    accepted_at=event.accepted_at,
                    attempt=event.tries + 1,
                    upstream=header.parent if header else "",
                ),
                is_admitted=True,
            )
        except ClientError:
            fate = fate_after_refusal(event, target.maximum_event_age, self.clock.now())
            return Tried(fate, is_refused=True)
        return self._ended(event, target, self._fate(event, target, result), result)

    def _fate(self, event: Event, target: EventTarget, result: Result) -> Fate:
        if result.error is None:
            return Completed()
        error = _told(result.payload)
        return fate_after_error(event, target, error, self.clock.now(), self.retry_seconds)

    def _ended(self, event: Event, target: EventTarget, fate: Fate, result: Result | None) -> Tried:
        """What is to be told of an event that is not tried again."""
        has_run = result is not None
        if isinstance(fate, Requeued):
            return Tried(fate, has_run=has_run)
        if isinstance(fate, GivenUp):
            self.emit("AsyncEventsDropped", event.function_key, 1.0)
        if not (target.on_success or target.on_failure or target.dead_letter):
            return Tried(fate, has_run=has_run)
        told = deliveries(
            event,
            target,
            fate.condition,
            now=self.clock.now(),
            status_code=200 if has_run else _NOT_RUN,
            tries=event.tries + 1 if isinstance(fate, Completed) else fate.tries,
            reason="" if isinstance(fate, Completed) else fate.error,
            result=result,
        )
        return Tried(fate, tuple(told), has_run=has_run)


def _trace_of_try(header: TraceHeader | None) -> str:
    """The header that the function gets: each try is a step of its own."""
    if header is None:
        return ""
    return str(replace(header, parent=os.urandom(8).hex()))


def _is_loop(event: Event, target: EventTarget) -> bool:
    """Whether the function invokes itself over and over. Most events have no lineage at all."""
    if target.may_recurse or "Lineage=" not in event.trace_header:
        return False
    header = parse_trace_header(event.trace_header)
    return header is not None and is_loop(header, target.version.unqualified_arn)


def _told(payload: bytes) -> str:
    """A function's error as people read it: `ValueError: no`."""
    try:
        error = json.loads(payload)
        told = f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, TypeError, KeyError, RecursionError):
        told = payload[:_SHOWN_OF_ERROR].decode(errors="replace")
    return storable(told)[:_SHOWN_OF_ERROR]
