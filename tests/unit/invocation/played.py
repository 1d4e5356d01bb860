"""Execution environments that live and die as a test says, and the pool that holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from lambdad.clock import FakeClock
from lambdad.environment.lifecycle import State, next_state
from lambdad.invocation.pool import Pool
from lambdad.model.function import Code, FunctionVersion, Status
from lambdad.model.invocation import FunctionError, Invocation, Report, Result

IDLE_TIMEOUT = 600
PLENTY = 1 << 40


def make_version(name: str = "f", revision: str = "1", **changes: Any) -> FunctionVersion:
    members: dict[str, Any] = {
        "account_id": "123456789012",
        "region": "eu-west-1",
        "name": name,
        "version": "$LATEST",
        "runtime": "python3.12",
        "handler": "app.handler",
        "role": "arn:aws:iam::123456789012:role/r",
        "code": Code("ab" * 32, 100),
        "revision_id": f"{name}-{revision}",
        "last_modified": 0.0,
        "state": Status("Active"),
    }
    return FunctionVersion(**{**members, **changes})


class PlayedEnvironment:
    """Keeps the rules of the lifecycle, and runs `on_invoke` for an event."""

    def __init__(
        self,
        version: FunctionVersion,
        on_end: Callable[[Any], None],
        clock: FakeClock,
        number: int,
    ) -> None:
        self.version = version
        self.number = number
        self.tenant_id: str | None = None
        self.state = State.STARTING
        self.idle_since = clock.monotonic()
        self.memory_held = 0
        self.invocations: list[str] = []
        self.on_invoke: Callable[[Invocation], Any] = lambda invocation: None
        self.dies_slowly = False
        self.initialization_type = "on-demand"
        self.gate: asyncio.Event | None = None  # which its Init waits for
        self.init_failure: FunctionError | Exception | None = None
        self._clock = clock
        self._on_end = on_end
        self._has_ended = asyncio.Event()

    async def invoke(self, invocation: Invocation) -> Result:
        self.invocations.append(invocation.request_id)
        self.begin()
        await asyncio.sleep(0)
        self.on_invoke(invocation)
        report = Report(invocation.request_id, 1.0, 1, 128, 10)
        return Result(invocation.payload, "$LATEST", report)

    async def initialize(self) -> FunctionError | None:
        """Init ahead of any event."""
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.init_failure, Exception):
            raise self.init_failure
        if self.init_failure is None and self.state is State.STARTING:
            self.release()
        return self.init_failure

    def begin(self) -> None:
        """It has an event; after a failure, its processes start again first."""
        if self.state is State.FAILED:
            self.state = next_state(self.state, State.STARTING)
        if self.state is State.STARTING:
            self.state = next_state(self.state, State.READY)
        self.state = next_state(self.state, State.INVOKING)

    def fail(self) -> None:
        """Its event fails in a way that ends its processes."""
        self.state = next_state(self.state, State.FAILED)

    def release(self) -> None:
        self.idle_since = self._clock.monotonic()
        if self.state is not State.FAILED:
            self.state = next_state(self.state, State.READY)

    def stop(self) -> None:
        if self.state not in (State.STOPPING, State.STOPPED):
            self.state = next_state(self.state, State.STOPPING)
            if not self.dies_slowly:
                self.end()

    def end(self) -> None:
        """Its last process is gone."""
        if self.state is not State.STOPPED:
            self.state = next_state(self.state, State.STOPPED)
            self._has_ended.set()
            self._on_end(self)

    async def ended(self) -> None:
        await self._has_ended.wait()


class Ward:
    """A pool of played environments."""

    def __init__(self, clock: FakeClock, room: int = 100) -> None:
        self.clock = clock
        self.stamps: dict[str, str] = {}  # of directories with live code
        self.made: list[PlayedEnvironment] = []
        self.prepare: Callable[[PlayedEnvironment], None] = lambda environment: None
        self.admit: Callable[[FunctionVersion], None] = lambda version: None
        self.pool = self.make_pool(room)

    def make_pool(self, room: int = 100, idle_memory: int = PLENTY) -> Pool:
        make: Any = self._make
        return Pool(
            make,
            clock=self.clock,
            idle_timeout=IDLE_TIMEOUT,
            room=room,
            idle_memory=idle_memory,
            admit=lambda version: self.admit(version),
            stamp_code=self._stamp,
        )

    async def use(
        self, version: FunctionVersion, *, fails: bool = False, holds: int = 0
    ) -> PlayedEnvironment:
        """Serve one event, and give the environment back."""
        async with self.pool.reserve(version) as reserved:
            environment: Any = reserved
            environment.begin()
            environment.memory_held = holds
            if fails:
                environment.fail()
        found: PlayedEnvironment = environment
        return found

    async def _stamp(self, directory: str) -> str:
        await asyncio.sleep(0)
        return self.stamps[directory]

    def _make(
        self,
        version: FunctionVersion,
        on_end: Callable[[Any], None],
        initialization_type: str,
    ) -> PlayedEnvironment:
        environment = PlayedEnvironment(version, on_end, self.clock, len(self.made))
        environment.initialization_type = initialization_type
        self.prepare(environment)
        self.made.append(environment)
        return environment
