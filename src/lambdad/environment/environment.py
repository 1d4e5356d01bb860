"""An execution environment: the place that serves one function version, one event at a time.

It is a durable idea above a perishable thing: its processes may end, and others begin in the same
place, with what the last ones left in /tmp.

    initialize ─▶ Init ahead of any event, for provisioned concurrency
    invoke ─▶ nothing runs yet?  Init: start a process, wait until its runtime asks for an event
           ─▶ Invoke: hand the event over, wait for the answer, the end, or the deadline
           ─▶ END, REPORT, and the result
    idle   ─▶ frozen, until the next event
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from socket import socket

from lambdad.clock import Clock
from lambdad.environment import report
from lambdad.environment.alarm import Alarm
from lambdad.environment.choose_start import choose_start
from lambdad.environment.lifecycle import State, next_state
from lambdad.environment.outcome import Outcome, describe
from lambdad.environment.sandbox import Closable, Initialized, Sandbox, Surroundings, TimedOut
from lambdad.environment.variables import (
    ON_DEMAND,
    Credentials,
    environment_variables,
    make_credentials,
)
from lambdad.errors import PlatformError
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited
from lambdad.model import limits
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Ended, FunctionError, Invocation, Report, Result
from lambdad.model.lines import END, Lines
from lambdad.model.log_line import LogLine
from lambdad.model.runtime import Interpreter
from lambdad.model.trace_header import sampled_trace

# What was logged to which stream, and, with the REPORT line, the invocation that has ended.
Emit = Callable[[FunctionVersion, str, Lines, Ended | None], None]


class EventNotTaken(Exception):
    """The sandbox ended before it had the event: another environment may have it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What an environment needs to know besides its version: the tree with the code ("" when that
    is live), the interpreter that runs it, the tree with the layers, and the one with an archive of
    its classes, if there are any."""

    code: str
    interpreter: Interpreter
    layers: str = ""
    runtime: str = ""  # as the launcher knows it, where that is not the interpreter's name
    archive: str = ""


@dataclass(frozen=True, slots=True)
class _Init:
    """What Init came to. The milliseconds of the first one are told as they are; those of one that
    follows a failure are suppressed: they are a part of the invocation's duration."""

    failure: Outcome | None = None
    init_ms: float | None = None
    suppressed_ms: float = 0.0


_WARM = _Init()


class ExecutionEnvironment:
    """One environment. `on_end` is called when it can serve no more."""

    def __init__(
        self,
        version: FunctionVersion,
        surroundings: Surroundings,
        *,
        find_place: Callable[[FunctionVersion], Awaitable[Place]],
        clock: Clock,
        emit: Emit,
        serve_endpoint: Callable[[ExecutionEnvironment, socket], Awaitable[Closable]],
        on_end: Callable[[ExecutionEnvironment], None],
        take_segments: Callable[[FunctionVersion, list[str]], None],
        freeze_after: float = 0.02,
        initialization_type: str = ON_DEMAND,
    ) -> None:
        self.version = version
        self.initialization_type = initialization_type
        self.id = secrets.token_hex(16)
        self.credentials: Credentials = make_credentials(version.account_id)
        self.tenant_id: str | None = None  # whom it serves, and nobody else
        self.state = State.STARTING
        self.log_stream = _log_stream(version, clock.now())
        self.idle_since = clock.monotonic()
        self.memory_held = 0  # bytes at most, as known after its last event
        self._find_place = find_place
        self._surroundings = surroundings
        self._clock = clock
        self._emit = emit
        self._serve_endpoint = serve_endpoint
        self._on_end = on_end
        self._take_segments = take_segments
        self._sandbox: Sandbox | None = None
        self.is_frozen = False
        self._freeze_after = freeze_after
        self._freeze_alarm = Alarm(lambda seconds: self._freeze(), clock)
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    async def initialize(self) -> FunctionError | None:
        """Init ahead of any event, and be ready for one; or what failed of Init, after which only
        `stop` remains. It has more time than an Init that an event waits for."""
        seconds = max(limits.PROVISIONED_INIT_SECONDS, self.version.timeout)
        took_ms, failure = await self._first_init("", seconds)
        if failure is not None:
            return failure[1]
        assert self._sandbox is not None
        self._write(report.init_report(took_ms, "init", None))
        self._sandbox.measure_memory()
        self.memory_held = self._sandbox.memory_held
        self.release()
        return None

    async def invoke(self, invocation: Invocation) -> Result:
        """Run the event to its end; PlatformError when no sandbox could be had."""
        began_at = self._clock.now()
        self._wake()
        self._tail, self._tail_bytes = deque(), 0
        init = await self._init(invocation.request_id)
        if init.failure is None:
            self._enter(State.INVOKING)
        self._write(report.start(invocation.request_id, self.version.version))
        if init.failure is None:
            duration_ms, outcome = await self._invoke_phase(invocation, init)
        else:
            duration_ms, outcome = 0.0, init.failure
        duration_ms += init.suppressed_ms
        moments = (began_at, self._clock.now())
        return self._conclude(invocation, outcome, duration_ms, init.init_ms, moments)

    def release(self) -> None:
        """The invocation is over: ready for the next, unless the processes have ended meanwhile."""
        self.idle_since = self._clock.monotonic()
        if self.state is State.FAILED:
            return
        self._enter(State.READY)
        if self._sandbox is not None and self._sandbox.has_ended.is_set():
            self.stop()
        else:
            self._freeze_alarm.set(self._freeze_after)

    def stop(self) -> None:
        """End it: SIGKILL at once, as AWS does without extensions. Safe at any time."""
        if self.state in (State.STOPPING, State.STOPPED):
            return
        self._freeze_alarm.cancel_timer()
        self._enter(State.STOPPING)
        is_over = self._sandbox is None or self._sandbox.has_ended.is_set()
        if self._sandbox is not None:
            self._sandbox.discard()
        if is_over:
            self._ended()

    async def ended(self) -> None:
        """Wait until nothing of it is left."""
        if self._sandbox is not None:
            await self._sandbox.has_ended.wait()

    def _freeze(self) -> None:
        if self.state is State.READY and self._sandbox is not None:
            self._sandbox.freeze()
            self.is_frozen = True

    def _wake(self) -> None:
        """Be ready for an event, if there still is somebody to have it."""
        self._freeze_alarm.clear()
        if self.state is State.READY:
            assert self._sandbox is not None
            if self._sandbox.has_ended.is_set():
                self.stop()
                raise EventNotTaken
            if self.is_frozen:
                self.is_frozen = False
                self._sandbox.thaw()

    async def _init(self, request_id: str) -> _Init:
        match self.state:
            case State.STARTING:
                return await self._init_phase(request_id)
            case State.FAILED:
                return await self._init_again(request_id)
        return _WARM

    async def _init_phase(self, request_id: str) -> _Init:
        """Init for the first time. A failure is tried again, as AWS does, in the function's own
        time instead of Init's ten seconds."""
        init_ms, failure = await self._first_init(request_id, limits.INIT_SECONDS)
        if failure is None:
            return _Init(init_ms=init_ms)
        took_ms, failure = await self._init_anew(request_id)
        return _Init(failure, suppressed_ms=took_ms)

    async def _first_init(self, request_id: str, seconds: float) -> tuple[float, Outcome | None]:
        place = await self._find_place(self.version)
        self._check_wanted()
        interpreter = place.interpreter
        line = report.init_start(self.version.runtime, interpreter, self.version.region)
        self._sandbox = self._make_sandbox(place)
        # When the launcher has been asked: this wakes a thread, and that takes its time.
        start = partial(self._sandbox.start, on_asked=partial(self._write, line))
        return await self._try_init(request_id, "init", seconds, start)

    async def _init_again(self, request_id: str) -> _Init:
        """Init after the processes have ended, which AWS calls suppressed: it takes from the
        function's own time, and no line of the log tells of it unless it fails."""
        self._enter(State.STARTING)
        took_ms, failure = await self._init_anew(request_id)
        return _Init(failure, suppressed_ms=took_ms)

    async def _init_anew(self, request_id: str) -> tuple[float, Outcome | None]:
        assert self._sandbox is not None
        seconds = self.version.timeout
        return await self._try_init(request_id, "invoke", seconds, self._sandbox.restart)

    async def _try_init(
        self,
        request_id: str,
        phase: str,
        seconds: float,
        run: Callable[[dict[str, str]], Awaitable[None]],
    ) -> tuple[float, Outcome | None]:
        """How many milliseconds Init took, and what failed of it."""
        assert self._sandbox is not None
        began = self._clock.monotonic()
        variables = environment_variables(
            self.version, self.credentials, self.log_stream, self.initialization_type
        )
        await run(variables)
        event = await self._sandbox.next_event(seconds)
        took_ms = (self._clock.monotonic() - began) * 1000
        if isinstance(event, Initialized):
            self._sandbox.settle()
            self._check_wanted()
            return took_ms, None
        self._sandbox.kill()
        await self._sandbox.has_ended.wait()
        self._check_wanted()
        failure = describe(event, request_id)
        assert failure[1] is not None
        self._write(report.init_report(took_ms, phase, failure[1]))
        if phase == "invoke":  # there is no other try
            self._enter(State.FAILED)
        return took_ms, failure

    def _check_wanted(self) -> None:
        if self.state is not State.STARTING:
            raise PlatformError("the execution environment was stopped while it started")

    def _make_sandbox(self, place: Place) -> Sandbox:
        order = Order(
            environment_id=secrets.token_hex(16),
            runtime=place.runtime or place.interpreter.name,
            account_id=self.version.account_id,
            code=place.code,
            layers=place.layers,
            memory_mb=self.version.memory_mb,
            ephemeral_storage_mb=self.version.ephemeral_storage_mb,
            start=choose_start(self.version.runtime, self.version.variables),
            live_code=self.version.code.directory,
            file_system=self.version.file_system.get("Arn", ""),
            mount_path=self.version.file_system.get("LocalMountPath", ""),
            egress=self.version.egress,
            archive=place.archive,
        )
        return Sandbox(
            order,
            self._surroundings,
            emit=self._take_output,
            on_end=self._sandbox_ended,
            serve_endpoint=lambda listener: self._serve_endpoint(self, listener),
            take_segments=lambda documents: self._take_segments(self.version, documents),
        )

    async def _invoke_phase(self, invocation: Invocation, init: _Init) -> tuple[float, Outcome]:
        assert self._sandbox is not None
        began = self._clock.monotonic()
        seconds = max(0.0, self.version.timeout - init.suppressed_ms / 1000)
        self._sandbox.deliver(invocation, int((self._clock.now() + seconds) * 1000))
        event = await self._sandbox.next_event(seconds)
        if self._sandbox.may_be_out_of_memory() and await self._sandbox.is_out_of_memory():
            event = await self._sandbox.next_event(seconds)  # its end, whatever it answered
        duration_ms = (self._clock.monotonic() - began) * 1000
        if isinstance(event, Exited) and self.state in (State.STOPPING, State.STOPPED):
            raise PlatformError("the execution environment was stopped while its event ran")
        if isinstance(event, Exited) and init is _WARM and not self._sandbox.api.is_handed_over:
            self.stop()
            raise EventNotTaken
        if isinstance(event, TimedOut):
            self._sandbox.kill()
            event = TimedOut(self.version.timeout)
        if isinstance(event, Exited | TimedOut) and self.state is State.INVOKING:
            self._enter(State.FAILED)
        return duration_ms, describe(event, invocation.request_id)

    def _conclude(
        self,
        invocation: Invocation,
        outcome: Outcome,
        duration_ms: float,
        init_ms: float | None,
        moments: tuple[float, float],
    ) -> Result:
        assert self._sandbox is not None
        payload, error = outcome
        self._sandbox.drain_output()
        max_memory_used_mb = self._sandbox.max_memory_used_mb()
        has_ended = self.state is State.FAILED
        self.memory_held = self._sandbox.files_held if has_ended else self._sandbox.memory_held
        figures = Report(
            request_id=invocation.request_id,
            duration_ms=duration_ms,
            billed_duration_ms=report.billed_ms(duration_ms, init_ms),
            memory_size_mb=self.version.memory_mb,
            max_memory_used_mb=max_memory_used_mb,
            init_duration_ms=init_ms,
            error=error,
            cpu_ms=self._sandbox.cpu_ms(),
            trace=sampled_trace(invocation.trace_id),
        )
        ended = Ended(
            invocation.invoked_arn,
            self.initialization_type,
            figures,
            *moments,
            invocation.accepted_at,
            invocation.attempt,
            invocation.trace_id,
            invocation.upstream,
        )
        self._write(report.end(invocation.request_id), report.report(figures), ended=ended)
        tail = b"".join(self._tail).replace(END, b"\n")
        return Result(payload, self.version.version, figures, tail)

    def _sandbox_ended(self) -> None:
        """Its process is gone: after a stop, by its own doing, or while nobody looked."""
        if self.state is State.READY:
            self.stop()
        elif self.state is State.STOPPING:
            self._ended()
        # Init and Invoke see it themselves, and an environment that has FAILED may start again.

    def _ended(self) -> None:
        if self.state is not State.STOPPED:
            self._enter(State.STOPPED)
            self._on_end(self)

    def _enter(self, state: State) -> None:
        if self.state is State.STARTING and state is State.INVOKING:
            self.state = next_state(self.state, State.READY)
        self.state = next_state(self.state, state)

    def _write(self, *messages: str, ended: Ended | None = None) -> None:
        now_ms = int(self._clock.now() * 1000)
        self._take_output(Lines.of([LogLine(now_ms, message) for message in messages]), ended)

    def _take_output(self, lines: Lines, ended: Ended | None = None) -> None:
        self._emit(self.version, self.log_stream, lines, ended)
        tail = lines.text[-limits.LOG_TAIL :]
        self._tail.append(tail)
        self._tail_bytes += len(tail)
        while self._tail_bytes - len(self._tail[0]) >= limits.LOG_TAIL:
            self._tail_bytes -= len(self._tail.popleft())


def _log_stream(version: FunctionVersion, now: float) -> str:
    day = datetime.fromtimestamp(now, UTC).strftime("%Y/%m/%d")
    return f"{day}/[{version.version}]{secrets.token_hex(16)}"
