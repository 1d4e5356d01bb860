"""A durable execution: one run of a durable function, over as many invocations as it takes.

    RUNNING ◀──resume── PAUSED ◀── PAUSING ◀──pause── RUNNING    (PAUSING while an invocation runs)
    RUNNING, PAUSING, PAUSED ──▶ SUCCEEDED, FAILED, TIMED_OUT, STOPPED ──delete──▶ DELETING ──▶ gone

What makes the next execution of one is in `durable_life`, `durable_checkpoint` and
`durable_callback`. An invocation runs as long as there is a checkpoint token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from lambdad.arn import function_arn

RUNNING, PAUSING, PAUSED, DELETING = "RUNNING", "PAUSING", "PAUSED", "DELETING"
SUCCEEDED, FAILED, STOPPED, TIMED_OUT = "SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT"
STARTED, PENDING, READY, CANCELLED = "STARTED", "PENDING", "READY", "CANCELLED"

OPEN = frozenset({RUNNING, PAUSING, PAUSED})  # statuses of an execution that can go on
FINAL = frozenset({SUCCEEDED, FAILED, STOPPED, TIMED_OUT})
OPEN_OPERATION = frozenset({STARTED, PENDING, READY})

DEFAULT_RETENTION_DAYS = 14
REPEATABLE_SECONDS = 15 * 60  # for which a client token makes a repeated request a success
LONGEST_SECONDS = 366 * 24 * 60 * 60

# What the details of an operation are called, and how its events begin.
WORDS = {
    "EXECUTION": "Execution",
    "CONTEXT": "Context",
    "STEP": "Step",
    "WAIT": "Wait",
    "CALLBACK": "Callback",
    "CHAINED_INVOKE": "ChainedInvoke",
}
_ARN = re.compile(
    r"arn:[a-zA-Z0-9-]+:lambda:(?P<region>[a-zA-Z0-9-]+):(?P<account_id>\d{12}):"
    r"function:(?P<function>[a-zA-Z0-9_-]+):(?P<version>\$LATEST(?:\.PUBLISHED)?|[0-9]+)"
    r"/durable-execution/(?P<name>[a-zA-Z0-9_-]+)/(?P<id>[a-zA-Z0-9_-]+)"
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of an execution, in AWS's words. `details` are those of its type, `changed` is the
    number of the change that made it what it is. A callback that is not answered in time has timed
    out: `timeout` counts from its start, `heartbeat_timeout` from the last sign of life."""

    id: str
    type: str
    status: str
    started: float  # seconds since the epoch, as the other moments
    changed: int
    ended: float | None = None
    name: str | None = None
    parent_id: str | None = None
    sub_type: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    timeout: int = 0  # seconds; 0 is none
    heartbeat_timeout: int = 0
    heartbeat: float = 0.0

    def is_overdue(self, now: float) -> bool:
        """Has nobody answered a callback in time?"""
        too_long = self.timeout and now >= self.started + self.timeout
        too_quiet = self.heartbeat_timeout and now >= self.heartbeat + self.heartbeat_timeout
        return bool(too_long or too_quiet)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history."""

    type: str
    moment: float
    details: dict[str, Any]
    operation_id: str | None = None
    name: str | None = None
    parent_id: str | None = None
    sub_type: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be repeated: with its client token it succeeds once more, and changes
    nothing. `subject` is what it was about: parameters, or the checkpoint token that it used."""

    client_token: str | None
    moment: float
    subject: tuple[str, ...] = ()

    def is_repeated_by(self, client_token: str | None, now: float) -> bool:
        """Is a later request with this token the same one?"""
        is_recent = now < self.moment + REPEATABLE_SECONDS
        return client_token is not None and client_token == self.client_token and is_recent


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that was asked for. `since` is when it began."""

    requested: float
    is_timeout_paused: bool
    reason: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class DurableExecution:
    """`operations` are in the order in which they were started; the first is EXECUTION.

    `checkpoint_token` is the one that the running invocation has to use next. `changes` counts the
    changes of operations; the last answer to that invocation told of those from `told_before` on,
    up to `told`.
    """

    kind: ClassVar[str] = "durable-execution"

    account_id: str
    region: str
    function_name: str
    version: str
    name: str
    id: str
    started: float
    execution_timeout: int  # seconds
    status: str = RUNNING
    ended: float | None = None
    input: str = ""
    result: str | None = None
    error: dict[str, Any] | None = None
    operations: tuple[Operation, ...] = ()
    events: tuple[Event, ...] = ()
    checkpoint_token: str | None = None
    changes: int = 0
    told_before: int = 0
    told: int = 0
    retention_days: int = DEFAULT_RETENTION_DAYS
    pause: Pause | None = None
    paused_seconds: float = 0.0  # by which earlier pauses put off the timeout
    last_checkpoint: Request | None = None
    last_pause: Request | None = None
    last_resume: Request | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:version:name:id`."""
        id = f"{self.function_name}:{self.version}:{self.name}:{self.id}"
        return (self.account_id, self.region, id)

    @property
    def function_arn(self) -> str:
        return function_arn(self.account_id, self.region, self.function_name, self.version)

    @property
    def arn(self) -> str:
        return f"{self.function_arn}/durable-execution/{self.name}/{self.id}"

    @property
    def timeout_at(self) -> float:
        """When it times out. A pause puts that off, if it was asked to, until 366 days are over."""
        latest = self.started + LONGEST_SECONDS
        if self.pause is not None and self.pause.since and self.pause.is_timeout_paused:
            return latest
        return min(latest, self.started + self.execution_timeout + self.paused_seconds)

    def operation(self, id: str) -> Operation | None:
        """The operation with this id."""
        return next((each for each in self.operations if each.id == id), None)

    def with_operation(self, operation: Operation) -> DurableExecution:
        """The same with an operation that is new, or has changed."""
        changed = replace(operation, changed=self.changes + 1)
        others = [changed if each.id == changed.id else each for each in self.operations]
        if self.operation(changed.id) is None:
            others.append(changed)
        return replace(self, operations=tuple(others), changes=changed.changed)

    def with_event(
        self, type: str, moment: float, details: dict[str, Any], of: Operation | None = None
    ) -> DurableExecution:
        """The same with one more line in its history."""
        if of is None:
            event = Event(type, moment, details)
        else:
            event = Event(type, moment, details, of.id, of.name, of.parent_id, of.sub_type)
        return replace(self, events=(*self.events, event))

    def news(self) -> Iterator[Operation]:
        """What the last checkpoint's answer tells: the operations that had changed by then."""
        return (each for each in self.operations if each.changed > self.told_before)

    def replayed(self) -> Iterator[Operation]:
        """What an invocation needs in order to replay: all but what a closed context holds,
        unless the context wants that replayed, too."""
        hidden: set[str] = set()
        for operation in self.operations:
            if operation.parent_id in hidden:
                hidden.add(operation.id)
                continue
            yield operation
            is_context = operation.type == "CONTEXT" and operation.status not in OPEN_OPERATION
            if is_context and not operation.details.get("ReplayChildren"):
                hidden.add(operation.id)


def key_of(arn: str) -> tuple[str, str, str] | None:
    """Where the execution with this ARN lives; None if it is not the ARN of one."""
    parts = _ARN.fullmatch(arn)
    if parts is None:
        return None
    id = ":".join(parts[name] for name in ("function", "version", "name", "id"))
    return (parts["account_id"], parts["region"], id)


def payload(value: Any) -> dict[str, Any]:
    """A result, an error or an input as the history has it."""
    return {} if value is None else {"Payload": value}
