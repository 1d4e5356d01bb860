"""An invocation and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdad.model.response_stream import ResponseStream
from lambdad.model.trace_header import TraceHeader


@dataclass(frozen=True, slots=True)
class Invocation:
    """One accepted request to run a function.

    `deadline` (epoch seconds) is set by the environment when the event is handed to the runtime.
    A response that the runtime streams goes into `stream` as it is written; without one it is
    collected, and is a result as every other.

    `accepted_at` (epoch seconds) is when the caller's request, or the event, was accepted; an event
    has an `attempt`, from 1. `upstream` is the segment of the trace from which the request came.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    trace_id: str
    client_context: str | None = None  # decoded JSON text
    tenant_id: str | None = None
    stream: ResponseStream | None = None
    accepted_at: float = 0.0
    attempt: int | None = None
    upstream: str = ""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The function's failure: data, never an exception of ours.

    `error_type` is the platform's word for it (`Sandbox.Timedout`, `Runtime.ExitError`,
    `Function.ResponseSizeTooLarge`, …) or the runtime's.
    """

    error_type: str
    status: str = "error"  # as the REPORT line says it: error | timeout


@dataclass(frozen=True, slots=True)
class Report:
    """What the REPORT line says. Times in milliseconds, memory in megabytes."""

    request_id: str
    duration_ms: float
    billed_duration_ms: int
    memory_size_mb: int
    max_memory_used_mb: int
    init_duration_ms: float | None = None
    error: FunctionError | None = None
    cpu_ms: float = 0.0  # of the processor, since the environment's last event
    trace: TraceHeader | None = None  # when it is sampled


@dataclass(frozen=True, slots=True)
class Ended:
    """An invocation that is over: what is counted of it. It had an environment from `began_at` on,
    and its outcome at `ended_at` (epoch seconds)."""

    invoked_arn: str
    initialization_type: str
    report: Report
    began_at: float = 0.0
    ended_at: float = 0.0
    accepted_at: float = 0.0  # this and what follows as the invocation has it
    attempt: int | None = None
    trace_id: str = ""
    upstream: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of an invocation: the payload is the function's answer or the error's JSON body;
    it is empty when the answer went into the invocation's stream.

    `log_tail` is what this invocation logged, START to REPORT; the caller cuts it to its last
    4 KB.
    """

    payload: bytes
    executed_version: str
    report: Report
    log_tail: bytes = field(default=b"", repr=False)

    @property
    def error(self) -> FunctionError | None:
        return self.report.error
