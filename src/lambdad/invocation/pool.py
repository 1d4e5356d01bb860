"""The execution environments of a node: idle ones are used again, the latest first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from lambdad.clock import Clock
from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError
from lambdad.model.function import FunctionVersion

FunctionKey = tuple[str, str, str]
_SWEEPS_PER_IDLE_TIMEOUT = 10

MakeEnvironment = Callable[
    [FunctionVersion, Callable[[ExecutionEnvironment], None]], ExecutionEnvironment
]


class Pool:
    """Every environment is in here from its making to its end.

    `room` is how many may exist at once; when a new one is needed beyond it, idle ones of other
    functions make place.
    """

    def __init__(
        self, make: MakeEnvironment, *, clock: Clock, idle_timeout: float, room: int
    ) -> None:
        self._make = make
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._room = room
        self._idle: dict[str, list[ExecutionEnvironment]] = {}
        self._all: set[ExecutionEnvironment] = set()
        self._retired: set[ExecutionEnvironment] = set()
        self._is_closed = False

    @asynccontextmanager
    async def reserve(self, version: FunctionVersion) -> AsyncIterator[ExecutionEnvironment]:
        """Hold an environment of `version` for one event; afterwards it is idle, or ended."""
        if self._is_closed:
            raise PlatformError("the server is stopping")
        environment = self._take_idle(version) or self._add(version)
        try:
            yield environment
        finally:
            self._give_back(environment)

    def retire(self, function: FunctionKey) -> None:
        """The function has changed or is gone: idle environments end, running ones after their
        event."""
        for environment in self._of(function):
            self._retired.add(environment)
        for environment in [e for e in self._idle_ones() if e in self._retired]:
            self._stop_idle(environment)

    def expire(self) -> None:
        """End what has been idle for too long."""
        longest_ago = self._clock.monotonic() - self._idle_timeout
        for environment in [e for e in self._idle_ones() if e.idle_since <= longest_ago]:
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

    def _take_idle(self, version: FunctionVersion) -> ExecutionEnvironment | None:
        idle = self._idle.get(version.revision_id)
        while idle:
            environment = idle.pop()
            if _is_ready(environment):
                return environment
        return None

    def _add(self, version: FunctionVersion) -> ExecutionEnvironment:
        if len(self._all) >= self._room and (victim := choose_eviction(self._idle_ones())):
            self._stop_idle(victim)
        environment = self._make(version, self._forget)
        self._all.add(environment)
        return environment

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        is_unwanted = environment in self._retired or self._is_closed
        if is_unwanted or environment.state is not State.INVOKING:
            environment.stop()
        else:
            environment.release()
            if not _is_ready(environment):
                return  # its process ended by itself
            self._idle.setdefault(environment.version.revision_id, []).append(environment)

    def _stop_idle(self, environment: ExecutionEnvironment) -> None:
        self._idle[environment.version.revision_id].remove(environment)
        environment.stop()

    def _forget(self, environment: ExecutionEnvironment) -> None:
        self._all.discard(environment)
        self._retired.discard(environment)
        idle = self._idle.get(environment.version.revision_id, [])
        if environment in idle:
            idle.remove(environment)
        if not idle:
            self._idle.pop(environment.version.revision_id, None)

    def _of(self, function: FunctionKey) -> list[ExecutionEnvironment]:
        return [
            e
            for e in self._all
            if (e.version.account_id, e.version.region, e.version.name) == function
        ]

    def _idle_ones(self) -> list[ExecutionEnvironment]:
        return [environment for idle in self._idle.values() for environment in idle]


def _is_ready(environment: ExecutionEnvironment) -> bool:
    return environment.state is State.READY


def choose_eviction(idle: Iterable[ExecutionEnvironment]) -> ExecutionEnvironment | None:
    """POLICY: the one that has been idle for longest makes place; None when none is idle."""
    return min(idle, key=lambda environment: environment.idle_since, default=None)
