"""The execution environments of a node: idle ones are used again, the latest first.

reserve ─▶ an idle one ─▶ one that is about to be free (waiters.py) ─▶ a new one
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager

from lambdad.clock import Clock
from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.eviction import choose_eviction, choose_evictions
from lambdad.environment.lifecycle import State
from lambdad.environment.variables import ON_DEMAND, PROVISIONED_CONCURRENCY
from lambdad.errors import PlatformError
from lambdad.invocation.idle import IdleEnvironments, can_serve
from lambdad.invocation.provisioned import ProvisionedEnvironments
from lambdad.invocation.waiters import Waiters
from lambdad.model.emit import Emit, emit_nothing
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import FunctionError

FunctionKey = tuple[str, str, str]
_SWEEPS_PER_IDLE_TIMEOUT = 10

OnEnd = Callable[[ExecutionEnvironment], None]
MakeEnvironment = Callable[[FunctionVersion, OnEnd, str], ExecutionEnvironment]
StampCode = Callable[[str], Awaitable[str]]
Admit = Callable[[FunctionVersion], None]


class Pool:
    """Every environment is in here from its making to its end.

    `room` is how many may exist at once; when a new one is needed beyond it, idle ones of other
    functions make place. `idle_memory` is how many bytes the idle ones may hold together.
    `provisioned` are those that were made ahead: they neither expire nor make place.
    `admit` refuses, by a ClientError, to have another one made for an event of a version.
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
        admit: Admit,
        stamp_code: StampCode | None = None,
        emit: Emit = emit_nothing,
    ) -> None:
        self._make = make
        self._admit = admit
        self._stamp_code = stamp_code
        self._stamps: dict[ExecutionEnvironment, str] = {}  # of those with live code
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._room = room
        self._idle_memory = idle_memory
        self.provisioned = ProvisionedEnvironments(emit)
        self._idle = IdleEnvironments()
        self._waiters = Waiters(clock, self._put_back)
        self._all: set[ExecutionEnvironment] = set()
        self._retired: set[ExecutionEnvironment] = set()
        self._is_closed = False

    @asynccontextmanager
    async def reserve(
        self, version: FunctionVersion, tenant_id: str | None = None
    ) -> AsyncIterator[ExecutionEnvironment]:
        """Hold an environment of `version`, which never serves two tenants, for one event;
        afterwards it is idle, or ended."""
        stamp = await self._look_at_code(version) if version.code.directory else None
        self._check_open()
        environment = self._take_idle(version, tenant_id) or await self._wait_or_make(
            version, tenant_id
        )
        if stamp is not None:
            self._stamps.setdefault(environment, stamp)
        self._waiters.occupy(environment)
        if tenant_id is None:
            self.provisioned.count(environment)
        try:
            yield environment
        except BaseException:
            environment.stop()  # whatever it had may still run, and its answer is nobody's
            raise
        finally:
            self._give_back(environment)

    async def provision(
        self, version: FunctionVersion, on_end: OnEnd
    ) -> ExecutionEnvironment | FunctionError:
        """Initialize an environment ahead, and keep it for the events of `version` until it ends;
        or what failed of its Init. `on_end` is called when it can serve no more."""
        self._check_open()
        environment = self._add(version, PROVISIONED_CONCURRENCY)
        try:
            failure = await environment.initialize()
            if failure is None and not self._is_wanted(environment):
                raise PlatformError("the execution environment ended before it had an event")
        except BaseException:
            environment.stop()
            raise
        if failure is not None:
            environment.stop()
            return failure
        self.provisioned.add(environment, on_end)
        self._put_idle(environment)
        return environment

    def retire(self, function: FunctionKey, version: str | None = None) -> None:
        """The function, or this version of it, has changed or is gone: idle environments end,
        running ones after their event."""
        self._waiters.retire(function, version)
        self.dismiss([e for e in self._of(function) if version in (None, e.version.version)])

    def dismiss(self, environments: Collection[ExecutionEnvironment]) -> None:
        """These end: those that are idle at once, the others after their event."""
        self._retired.update(environments)
        self._waiters.dismiss(environments)
        for environment in environments:
            if environment in self._idle or environment in self.provisioned.idle:
                self._stop_idle(environment)

    def digests(self) -> set[str]:
        """Of what environments, idle or not, have of code and layers."""
        versions = {each.version.revision_id: each.version for each in self._all}
        return {digest for version in versions.values() for digest in version.digests}

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

    @property
    def idle_count(self) -> int:
        """How many wait for an event, without those that were made ahead."""
        return len(list(self._idle))

    def __iter__(self) -> Iterator[ExecutionEnvironment]:
        return iter(tuple(self._all))

    def is_idle(self, environment: ExecutionEnvironment) -> bool:
        """Whether it waits for an event."""
        return environment in self._idle or environment in self.provisioned.idle

    def __len__(self) -> int:
        return len(self._all)

    def _check_open(self) -> None:
        if self._is_closed:
            raise PlatformError("the server is stopping")

    def _take_idle(
        self, version: FunctionVersion, tenant_id: str | None
    ) -> ExecutionEnvironment | None:
        """Those that were initialized ahead belong to no tenant."""
        ahead = self.provisioned.take(version.revision_id) if tenant_id is None else None
        return ahead or self._idle.take(version.revision_id, tenant_id)

    async def _look_at_code(self, version: FunctionVersion) -> str:
        """POLICY: who began with other code than there is now gets no event any more. The stamp is
        older than what a new environment loads: what changes meanwhile shows at the next event."""
        assert self._stamp_code is not None
        stamp = await self._stamp_code(version.code.directory)
        self.dismiss(
            [
                environment
                for environment in self._of(version.function_key)
                if environment.version.code == version.code
                and not _is_same(self._stamps.get(environment), stamp)
            ]
        )
        return stamp

    async def _wait_or_make(
        self, version: FunctionVersion, tenant_id: str | None
    ) -> ExecutionEnvironment:
        """Wait for one if that is likely to be quicker; a new one otherwise, or in the end."""
        chosen = self._waiters.choose(version, tenant_id)
        if chosen is None:
            return self._make_on_demand(version, tenant_id)
        crew, seconds = chosen
        environment = await self._waiters.wait(crew, seconds)
        if environment is not None and self._is_wanted(environment):
            return environment
        if environment is not None:
            self._stop_busy(environment)  # dismissed when it had just been handed over
        self._check_open()
        if not crew.is_retired:
            return self._take_idle(version, tenant_id) or self._make_on_demand(version, tenant_id)
        environment = self._make_on_demand(version, tenant_id)
        self._retired.add(environment)  # for this event only, which is older than the change
        return environment

    def _make_on_demand(
        self, version: FunctionVersion, tenant_id: str | None
    ) -> ExecutionEnvironment:
        self._admit(version)
        return self._add(version, ON_DEMAND, tenant_id)

    def _add(
        self, version: FunctionVersion, initialization_type: str, tenant_id: str | None = None
    ) -> ExecutionEnvironment:
        if len(self._all) >= self._room and (victim := choose_eviction(self._idle)):
            self._stop_idle(victim)
        environment = self._make(version, self._forget, initialization_type)
        environment.tenant_id = tenant_id
        self._all.add(environment)
        self._waiters.add(environment)
        return environment

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        self._waiters.vacate(environment)
        is_unwanted = environment in self._retired or self._is_closed
        if is_unwanted or environment.state not in (State.INVOKING, State.FAILED):
            self._stop_busy(environment)
            return
        if environment.state is State.FAILED and environment in self.provisioned:
            self._stop_busy(environment)  # another one is initialized ahead
            return
        environment.release()
        if can_serve(environment):  # otherwise its process has ended by itself
            self._put_idle(environment)

    def _put_back(self, environment: ExecutionEnvironment) -> None:
        """It was handed over to somebody who has no event for it."""
        self._waiters.vacate(environment)
        if self._is_wanted(environment):
            self._put_idle(environment)
        else:
            self._stop_busy(environment)

    def _put_idle(self, environment: ExecutionEnvironment) -> None:
        """It is free: for who has waited longest, otherwise for whoever comes next."""
        if self._waiters.hand_over(environment):
            return
        provisioned = self.provisioned.idle
        (provisioned if environment in self.provisioned else self._idle).put(environment)
        if (surplus := self._idle.memory + provisioned.memory - self._idle_memory) > 0:
            for victim in choose_evictions(self._idle, surplus):
                self._stop_idle(victim)

    def _is_wanted(self, environment: ExecutionEnvironment) -> bool:
        is_retired = environment in self._retired or self._is_closed
        return can_serve(environment) and not is_retired

    def _stop_busy(self, environment: ExecutionEnvironment) -> None:
        """It has had its last event."""
        self._waiters.abandon(environment)
        environment.stop()

    def _stop_idle(self, environment: ExecutionEnvironment) -> None:
        self._idle.remove(environment)
        self.provisioned.idle.remove(environment)
        environment.stop()

    def _forget(self, environment: ExecutionEnvironment) -> None:
        self._all.discard(environment)
        self._retired.discard(environment)
        self._stamps.pop(environment, None)
        self._idle.remove(environment)
        self._waiters.forget(environment)
        self.provisioned.forget(environment)

    def _of(self, function: FunctionKey) -> list[ExecutionEnvironment]:
        return [e for e in self._all if e.version.function_key == function]


def _is_same(began_with: str | None, now: str) -> bool:
    return bool(now) and began_with == now
