"""An execution environment: the place that serves one function version, one event at a time.

It is a durable idea above a perishable thing: at any moment 0 or 1 sandboxes stand behind it.

    invoke ─▶ no sandbox yet?  Init: start one, wait until its runtime asks for an event
           ─▶ Invoke: hand the event over, wait for the answer, the end, or the deadline
           ─▶ END, REPORT, and the result
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from socket import socket

from lambdad.clock import Clock
from lambdad.environment import report
from lambdad.environment.lifecycle import State, next_state
from lambdad.environment.outcome import Outcome, describe
from lambdad.environment.sandbox import (
    Closable,
    Exited,
    Initialized,
    Sandbox,
    Surroundings,
    TimedOut,
)
from lambdad.environment.variables import Credentials, environment_variables, make_credentials
from lambdad.errors import PlatformError
from lambdad.launcher.contract import Order
from lambdad.model import limits
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Invocation, Report, Result
from lambdad.model.log_line import LogLine
from lambdad.model.runtime import Interpreter

_TAIL_KEPT = 2 * limits.LOG_TAIL


class EventNotTaken(Exception):
    """The sandbox ended before it had the event: another environment may have it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What an environment needs to know besides its version: the tree with the code, and the
    interpreter that runs it."""

    code: str
    interpreter: Interpreter


class ExecutionEnvironment:
    """One environment. `on_end` is called when it can serve no more."""

    def __init__(
        self,
        version: FunctionVersion,
        surroundings: Surroundings,
        *,
        find_place: Callable[[FunctionVersion], Awaitable[Place]],
        clock: Clock,
        emit: Callable[[FunctionVersion, str, list[LogLine]], None],
        serve_endpoint: Callable[[ExecutionEnvironment, socket], Awaitable[Closable]],
        on_end: Callable[[ExecutionEnvironment], None],
    ) -> None:
        self.version = version
        self.id = secrets.token_hex(16)
        self.credentials: Credentials = make_credentials()
        self.state = State.STARTING
        self.log_stream = _log_stream(version, clock.now())
        self.idle_since = clock.monotonic()
        self._find_place = find_place
        self._surroundings = surroundings
        self._clock = clock
        self._emit = emit
        self._serve_endpoint = serve_endpoint
        self._on_end = on_end
        self._sandbox: Sandbox | None = None
        self._tail: list[str] = []
        self._tail_bytes = 0

    async def invoke(self, invocation: Invocation) -> Result:
        """Run the event to its end; PlatformError when no sandbox could be had."""
        if self._sandbox is not None and self._sandbox.has_ended.is_set():
            self.stop()
            raise EventNotTaken
        self._tail, self._tail_bytes = [], 0
        init_ms, failure = None, None
        if self._sandbox is None:
            init_ms, failure = await self._init_phase(invocation.request_id)
        self._enter(State.INVOKING if failure is None else State.FAILED)
        self._write(report.start(invocation.request_id, self.version.version))
        if failure is None:
            duration_ms, outcome = await self._invoke_phase(invocation, is_warm=init_ms is None)
        else:
            duration_ms, outcome = 0.0, failure
        return self._conclude(invocation.request_id, outcome, duration_ms, init_ms)

    def release(self) -> None:
        """The invocation is over: ready for the next, unless the sandbox has ended meanwhile."""
        self._enter(State.READY)
        self.idle_since = self._clock.monotonic()
        if self._sandbox is not None and self._sandbox.has_ended.is_set():
            self.stop()

    def stop(self) -> None:
        """End it: SIGKILL at once, as AWS does without extensions. Safe at any time."""
        if self.state not in (State.STOPPING, State.STOPPED):
            self._enter(State.STOPPING)
            if self._sandbox is None or self._sandbox.has_ended.is_set():
                self._ended()
            else:
                self._sandbox.stop()

    async def ended(self) -> None:
        """Wait until nothing of it is left."""
        if self._sandbox is not None:
            await self._sandbox.has_ended.wait()

    async def _init_phase(self, request_id: str) -> tuple[float, Outcome | None]:
        """Init, and what failed of it. A first failure is tried again, as AWS does, with the
        function's own timeout instead of Init's ten seconds."""
        place = await self._find_place(self.version)
        self._check_wanted()
        interpreter = place.interpreter
        self._write(report.init_start(self.version.runtime, interpreter, self.version.region))
        for phase, seconds in (("init", limits.INIT_SECONDS), ("invoke", self.version.timeout)):
            began = self._clock.monotonic()
            failure = await self._try_init(place, request_id, seconds)
            init_ms = (self._clock.monotonic() - began) * 1000
            self._check_wanted()
            if failure is None:
                return init_ms, None
            error = failure[1]
            assert error is not None
            self._write(report.init_report(init_ms, phase, error))
        return init_ms, failure

    def _check_wanted(self) -> None:
        if self.state is not State.STARTING:
            raise PlatformError("the execution environment was stopped while it started")

    async def _try_init(self, place: Place, request_id: str, seconds: float) -> Outcome | None:
        sandbox = self._make_sandbox(place)
        self._sandbox = sandbox
        variables = environment_variables(self.version, self.credentials, self.log_stream)
        await sandbox.start(variables, lambda listener: self._serve_endpoint(self, listener))
        event = await sandbox.next_event(seconds)
        if isinstance(event, Initialized):
            sandbox.limit_cpu()
            return None
        sandbox.stop()
        await sandbox.has_ended.wait()
        return describe(event, request_id)

    def _make_sandbox(self, place: Place) -> Sandbox:
        order = Order(
            environment_id=secrets.token_hex(16),
            runtime=place.interpreter.name,
            account_id=self.version.account_id,
            code=place.code,
            memory_mb=self.version.memory_mb,
            ephemeral_storage_mb=self.version.ephemeral_storage_mb,
        )
        return Sandbox(
            order, self._surroundings, emit=self._take_output, on_end=self._sandbox_ended
        )

    async def _invoke_phase(
        self, invocation: Invocation, *, is_warm: bool
    ) -> tuple[float, Outcome]:
        assert self._sandbox is not None
        began = self._clock.monotonic()
        deadline_ms = int((self._clock.now() + self.version.timeout) * 1000)
        self._sandbox.deliver(invocation, deadline_ms)
        event = await self._sandbox.next_event(self.version.timeout)
        duration_ms = (self._clock.monotonic() - began) * 1000
        if isinstance(event, Exited | TimedOut):
            self.stop()
        if isinstance(event, Exited) and is_warm and not self._sandbox.api.is_handed_over:
            raise EventNotTaken
        return duration_ms, describe(event, invocation.request_id)

    def _conclude(
        self, request_id: str, outcome: Outcome, duration_ms: float, init_ms: float | None
    ) -> Result:
        assert self._sandbox is not None
        payload, error = outcome
        self._sandbox.drain_output()
        figures = Report(
            request_id=request_id,
            duration_ms=duration_ms,
            billed_duration_ms=report.billed_ms(duration_ms, init_ms),
            memory_size_mb=self.version.memory_mb,
            max_memory_used_mb=self._sandbox.max_memory_used_mb(),
            init_duration_ms=init_ms,
            error=error,
        )
        self._write(report.end(request_id), report.report(figures))
        tail = "".join(self._tail).encode()
        return Result(payload, self.version.version, figures, tail)

    def _sandbox_ended(self) -> None:
        """Its process is gone: after a stop, by its own doing, or while nobody looked."""
        if self.state is State.STARTING:
            return  # Init sees it, and may try again
        if self.state in (State.READY, State.STOPPING):
            self._ended()

    def _ended(self) -> None:
        if self.state is not State.STOPPED:
            self._enter(State.STOPPED)
            self._on_end(self)

    def _enter(self, state: State) -> None:
        if self.state is State.STARTING and state is State.INVOKING:
            self.state = next_state(self.state, State.READY)
        self.state = next_state(self.state, state)

    def _write(self, *messages: str) -> None:
        now_ms = int(self._clock.now() * 1000)
        self._take_output([LogLine(now_ms, message) for message in messages])

    def _take_output(self, lines: list[LogLine]) -> None:
        self._emit(self.version, self.log_stream, lines)
        for line in lines:
            self._tail.append(line.message + "\n")
            self._tail_bytes += len(line.message) + 1
        while self._tail_bytes > _TAIL_KEPT and len(self._tail) > 1:
            self._tail_bytes -= len(self._tail.pop(0))


def _log_stream(version: FunctionVersion, now: float) -> str:
    day = datetime.fromtimestamp(now, UTC).strftime("%Y/%m/%d")
    return f"{day}/[{version.version}]{secrets.token_hex(16)}"
