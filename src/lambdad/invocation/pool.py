"""The execution environments of a node: idle ones are used again, the latest first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lambdad.clock import Clock
from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.eviction import choose_eviction, choose_evictions
from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError
from lambdad.invocation.idle import IdleEnvironments
from lambdad.model.function import FunctionVersion

FunctionKey = tuple[str, str, str]
_SWEEPS_PER_IDLE_TIMEOUT = 10

MakeEnvironment = Callable[
    [FunctionVersion, Callable[[ExecutionEnvironment], None]], ExecutionEnvironment
]


class Pool:
    """Every environment is in here from its making to its end.

    `room` is how many may exist at once; when a new one is needed beyond it, idle ones of other
    functions make place. `idle_memory` is how many bytes the idle ones may hold together.
    """

    def __init__(
        self,
        make: MakeEnvironment,
        *,
        clock: Clock,
        idle_timeout: float,
        room: int,
        idle_memory: int,
    ) -> None:
        self._make = make
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._room = room
        self._idle_memory = idle_memory
        self._idle = IdleEnvironments()
        self._all: set[ExecutionEnvironment] = set()
        self._retired: set[ExecutionEnvironment] = set()
        self._is_closed = False

    @asynccontextmanager
    async def reserve(
        self, version: FunctionVersion, tenant_id: str | None = None
    ) -> AsyncIterator[ExecutionEnvironment]:
        """Hold an environment of `version`, which never serves two tenants, for one event;
        afterwards it is idle, or ended."""
        if self._is_closed:
            raise PlatformError("the server is stopping")
        environment = self._take_idle(version, tenant_id) or self._add(version, tenant_id)
        try:
            yield environment
        except BaseException:
            environment.stop()  # whatever it had may still run, and its answer is nobody's
            raise
        finally:
            self._give_back(environment)

    def retire(self, function: FunctionKey, version: str | None = None) -> None:
        """The function, or this version of it, has changed or is gone: idle environments end,
        running ones after their event."""
        for environment in self._of(function):
            if version in (None, environment.version.version):
                self._retired.add(environment)
        for environment in [e for e in self._idle if e in self._retired]:
            self._stop_idle(environment)

    def uses(self, digest: str) -> bool:
        """Whether an environment, idle or not, has this package."""
        return any(code.sha256 == digest for each in self._all for code in each.version.codes)

    def expire(self) -> None:
        """End what has been idle for too long."""
        longest_ago = self._clock.monotonic() - self._idle_timeout
        for environment in [e for e in self._idle if e.idle_since <= longest_ago]:
            self._stop_idle(environment)

    async def expire_forever(self) -> None:
        """Sweep now and then; runs as a task for the node's life."""
        while True:
            await asyncio.sleep(max(0.05, self._idle_timeout / _SWEEPS_PER_IDLE_TIMEOUT))
            self.expire()

    async def close(self) -> None:
        """End every environment, and wait until they are gone."""
        self._is_closed = True
        environments = list(self._all)
        for environment in environments:
            environment.stop()
        await asyncio.gather(*(environment.ended() for environment in environments))

    def __len__(self) -> int:
        return len(self._all)

    def _take_idle(
        self, version: FunctionVersion, tenant_id: str | None
    ) -> ExecutionEnvironment | None:
        while environment := self._idle.take(version.revision_id, tenant_id):
            if _can_serve(environment):
                return environment
        return None

    def _add(self, version: FunctionVersion, tenant_id: str | None) -> ExecutionEnvironment:
        if len(self._all) >= self._room and (victim := choose_eviction(self._idle)):
            self._stop_idle(victim)
        environment = self._make(version, self._forget)
        environment.tenant_id = tenant_id
        self._all.add(environment)
        return environment

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        is_unwanted = environment in self._retired or self._is_closed
        if is_unwanted or environment.state not in (State.INVOKING, State.FAILED):
            environment.stop()
            return
        environment.release()
        if _can_serve(environment):  # otherwise its process has ended by itself
            self._idle.put(environment)
            if (surplus := self._idle.memory - self._idle_memory) > 0:
                for victim in choose_evictions(self._idle, surplus):
                    self._stop_idle(victim)

    def _stop_idle(self, environment: ExecutionEnvironment) -> None:
        self._idle.remove(environment)
        environment.stop()

    def _forget(self, environment: ExecutionEnvironment) -> None:
        self._all.discard(environment)
        self._retired.discard(environment)
        self._idle.remove(environment)

    def _of(self, function: FunctionKey) -> list[ExecutionEnvironment]:
        return [e for e in self._all if e.version.function_key == function]


def _can_serve(environment: ExecutionEnvironment) -> bool:
    return environment.state in (State.READY, State.FAILED)
