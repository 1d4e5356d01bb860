"""An event: an asynchronous invocation that was accepted, and what is to become of it.

accepted ─▶ queued ─▶ claimed ─▶ the function has run ─▶ completed
              ▲          │                          └──▶ given up ─▶ deliveries, or dead
              └──────────┴─ function error, throttled, service error
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lambdad.arn import LATEST, function_arn
from lambdad.model.function import FunctionVersion
from lambdad.model.resource import Key

MAXIMUM_RETRY_ATTEMPTS = 2
MAXIMUM_EVENT_AGE = 21_600  # seconds

# Why an event was given up, in AWS's words where it has some.
RETRIES_EXHAUSTED = "RetriesExhausted"
EVENT_AGE_EXCEEDED = "EventAgeExceeded"
ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
RECURSIVE_INVOCATION = "RecursiveInvocation"
FUNCTION_NOT_FOUND = "FunctionNotFound"  # deleted since; AWS says nothing of it


def storable(text: str) -> str:
    """`text` without what is no character, half a surrogate pair say, which no database takes."""
    return text.encode(errors="replace").decode()


@dataclass(frozen=True, slots=True)
class Event:
    """One accepted event. `qualifier` is what was asked for; which version runs is found out at
    each try. `tries` counts what the function has run, `throttles` what was refused before."""

    id: int
    request_id: str
    account_id: str
    region: str
    function_name: str
    qualifier: str | None
    payload: bytes = field(repr=False)
    accepted_at: float  # seconds since the epoch
    trace_header: str = ""
    tenant_id: str | None = None
    tries: int = 0
    throttles: int = 0

    @property
    def function_key(self) -> Key:
        """Where its function lives."""
        return (self.account_id, self.region, self.function_name)

    @property
    def function_arn(self) -> str:
        """The ARN that destination records name: always qualified."""
        return function_arn(*self.function_key, self.qualifier or LATEST)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run an event until `until`, which can be extended; who has a newer `fence`
    than another has taken it from him."""

    event: Event
    fence: int
    until: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class EventTarget:
    """What an event invokes, as it is configured now."""

    version: FunctionVersion
    invoked_arn: str
    maximum_retry_attempts: int = MAXIMUM_RETRY_ATTEMPTS
    maximum_event_age: int = MAXIMUM_EVENT_AGE  # seconds
    on_success: str = ""  # ARNs; empty for none
    on_failure: str = ""
    dead_letter: str = ""
    has_no_concurrency: bool = False  # its reserved concurrency is 0
    may_recurse: bool = False  # its recursion config is Allow


ON_SUCCESS, ON_FAILURE, DEAD_LETTER = "OnSuccess", "OnFailure", "DeadLetter"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something about an event that is to be sent to `target_arn`: a destination's record, or for
    a dead-letter queue the event itself. `role` is who sends it. `attributes` are a dead-letter
    queue's message attributes; with a record, `FunctionArn` is whose record it is."""

    id: int
    event_id: int
    kind: str  # OnSuccess, OnFailure or DeadLetter
    target_arn: str
    account_id: str
    region: str
    function_name: str
    request_id: str
    role: str
    body: bytes = field(repr=False)
    created_at: float  # seconds since the epoch
    attributes: dict[str, Any] = field(default_factory=dict)
    trace_header: str = ""
    tries: int = 0
