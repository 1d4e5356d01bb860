"""The execution environments of a node: idle ones are used again, the latest first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
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
StampCode = Callable[[str], Awaitable[str]]


class Pool:
    """Every environment is in here from its making to its end.

    `room` is how many may exist at once; when a new one is needed beyond it, idle ones of other
    functions make place. `idle_memory` is how many bytes the idle ones may hold together.
    `stamp_code` tells of a directory with live code what differs whenever a file in it does.
    """

    def __init__(
        self,
        make: MakeEnvironment,
        *,
        clock: Clock,
        idle_timeout: float,
        room: int,
        idle_memory: int,
        stamp_code: StampCode | None = None,
    ) -> None:
        self._make = make
        self._stamp_code = stamp_code
        self._stamps: dict[ExecutionEnvironment, str] = {}  # of those with live code
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._room = room
        self._idle_memory = idle_memory
        self._idle = IdleEnvironments()
        self._all: set[ExecutionEnvironment] = set()
        self._retired: set[ExecutionEnvironment] = set()
        self._is_closed = False

    @asynccontextmanager
    async def reserve(self, version: FunctionVersion) -> AsyncIterator[ExecutionEnvironment]:
        """Hold an environment of `version` for one event; afterwards it is idle, or ended."""
        stamp = await self._look_at_code(version) if version.code.directory else None
        if self._is_closed:
            raise PlatformError("the server is stopping")
        environment = self._take_idle(version.revision_id) or self._add(version)
        if stamp is not None:
            self._stamps.setdefault(environment, stamp)
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
                self._retire(environment)

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

    async def _look_at_code(self, version: FunctionVersion) -> str:
        """POLICY: who began with other code than there is now gets no event any more. The stamp is
        older than what a new environment loads: what changes meanwhile shows at the next event."""
        assert self._stamp_code is not None
        stamp = await self._stamp_code(version.code.directory)
        for environment in self._of(version.function_key):
            began_with = self._stamps.get(environment)
            if environment.version.code == version.code and not _is_same(began_with, stamp):
                self._retire(environment)
        return stamp

    def _retire(self, environment: ExecutionEnvironment) -> None:
        self._retired.add(environment)
        if environment in self._idle:
            self._stop_idle(environment)

    def _take_idle(self, revision_id: str) -> ExecutionEnvironment | None:
        while environment := self._idle.take(revision_id):
            if _can_serve(environment):
                return environment
        return None

    def _add(self, version: FunctionVersion) -> ExecutionEnvironment:
        if len(self._all) >= self._room and (victim := choose_eviction(self._idle)):
            self._stop_idle(victim)
        environment = self._make(version, self._forget)
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
        self._stamps.pop(environment, None)
        self._idle.remove(environment)

    def _of(self, function: FunctionKey) -> list[ExecutionEnvironment]:
        return [e for e in self._all if e.version.function_key == function]


def _can_serve(environment: ExecutionEnvironment) -> bool:
    return environment.state in (State.READY, State.FAILED)


def _is_same(began_with: str | None, now: str) -> bool:
    return bool(now) and began_with == now
