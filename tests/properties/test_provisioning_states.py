"""Provisioned concurrency against environments that die and fail whenever they like, aliases that
move, and servers that start again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

sys.path.append(str(Path(__file__).parents[1] / "unit/invocation"))

from played import IDLE_TIMEOUT, PlayedEnvironment, Ward, make_version

from lambdad.clock import FakeClock
from lambdad.environment.lifecycle import State
from lambdad.invocation.choose_provisioning import AT_ONCE
from lambdad.invocation.provisioner import INIT_FAILED, Provisioner
from lambdad.model.concurrency import ProvisionedVersion
from lambdad.model.invocation import FunctionError

AHEAD = "provisioned-concurrency"
ROOM = 6
MEMORY = 100  # that idle ones may hold together
VERSIONS = [make_version("f", number, version=number) for number in ("1", "2")]
KEY = VERSIONS[0].function_key
which_version = st.integers(0, 1)
any_number = st.integers(0, 50)


class ProvisioningMachine(RuleBasedStateMachine):
    """`wanted` are the environments ahead of each version, `held` those that have an event."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.wanted = [0, 0]
        self.held: list[tuple[Any, PlayedEnvironment]] = []
        self.is_failing = False
        self.begin()

    def begin(self) -> None:
        self.ward = Ward(self.clock)
        self.ward.pool = self.ward.make_pool(ROOM, MEMORY)
        self.ward.prepare = self.prepare
        self.provisioner = Provisioner(self.ward.pool, self.clock)

    def prepare(self, environment: PlayedEnvironment) -> None:
        environment.init_failure = FunctionError("Runtime.ExitError") if self.is_failing else None

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 5))

    def end(self) -> None:
        while self.held:
            self.give_back(0)
        self.run(self.provisioner.close())
        self.run(self.ward.pool.close())
        assert len(self.ward.pool) == 0
        assert all(environment.state is State.STOPPED for environment in self.ward.made)

    def teardown(self) -> None:
        self.end()
        assert asyncio.all_tasks(self.loop) == set()
        self.loop.close()

    async def _settle(self) -> None:
        """Every Init that is on its way ends; who waits after a failure has waited."""
        for _ in range(20 * AT_ONCE):
            await asyncio.sleep(0)

    async def _change(self) -> None:
        counts = zip(VERSIONS, self.wanted, strict=True)
        self.provisioner.want(KEY, [ProvisionedVersion(*each) for each in counts if each[1]])

    def ahead(self, index: int) -> list[PlayedEnvironment]:
        """Those of a version that live and were made ahead."""
        return [
            environment
            for environment in self.ward.made
            if environment.version.version == VERSIONS[index].version
            and environment.initialization_type == AHEAD
            and environment.state is not State.STOPPED
        ]

    @rule(index=which_version, wanted=st.integers(1, 2 * AT_ONCE), is_waiting=st.booleans())
    def put(self, index: int, wanted: int, is_waiting: bool) -> None:
        self.wanted[index] = wanted
        self.run(self._change())
        if is_waiting:
            self.run(self._settle())

    @rule(index=which_version)
    def delete(self, index: int) -> None:
        self.wanted[index] = 0
        self.run(self._change())

    @rule()
    def move_the_alias(self) -> None:
        self.wanted.reverse()
        self.run(self._change())

    @rule(is_failing=st.booleans())
    def let_init_fail(self, is_failing: bool) -> None:
        self.is_failing = is_failing

    @rule()
    def wait(self) -> None:
        self.run(self._settle())

    @rule(index=which_version, fails=st.booleans())
    def invoke(self, index: int, fails: bool) -> None:
        self.run(self.ward.use(VERSIONS[index], fails=fails, holds=40))

    @rule(index=which_version)
    def reserve(self, index: int) -> None:
        idle = [e for e in self.ahead(index) if e.state is State.READY]
        context = self.ward.pool.reserve(VERSIONS[index])
        reserved: Any = self.run(context.__aenter__())
        assert (reserved.initialization_type == AHEAD) == bool(idle)
        reserved.begin()
        self.held.append((context, reserved))

    @precondition(lambda self: self.held)
    @rule(which=any_number, fails=st.booleans())
    def give_back(self, which: int, fails: bool = False) -> None:
        context, environment = self.held.pop(which % len(self.held))
        if fails:
            environment.fail()
        self.run(context.__aexit__(None, None, None))

    @precondition(lambda self: self.ward.made)
    @rule(which=any_number, seconds=st.sampled_from([0, 60]))
    def die(self, which: int, seconds: int) -> None:
        self.clock.advance(seconds)

        async def end() -> None:
            environment = self.ward.made[which % len(self.ward.made)]
            if environment.state is State.READY:
                environment.end()

        self.run(end())

    @rule()
    def let_time_pass(self) -> None:
        before = [len(self.ahead(index)) for index in range(2)]
        self.clock.advance(IDLE_TIMEOUT)
        self.ward.pool.expire()
        assert [len(self.ahead(index)) for index in range(2)] == before

    @rule()
    def start_again(self) -> None:
        self.end()
        self.begin()
        self.run(self._change())

    @rule()
    def come_to_rest(self) -> None:
        """When Inits succeed, and who waited has waited, all is as it is wanted."""
        self.is_failing = False
        self.run(self._change())  # as if everybody had waited
        self.run(self._settle())
        for index, version in enumerate(VERSIONS):
            provisioned = self.provisioner.provisioned(version)
            assert (provisioned.available, provisioned.failure) == (self.wanted[index], None)

    @invariant()
    def never_are_more_ahead_than_wanted(self) -> None:
        dismissed: set[Any] = self.ward.pool._retired  # type: ignore[assignment]
        for index, wanted in enumerate(self.wanted):
            kept = [e for e in self.ahead(index) if e not in dismissed]
            assert sum(e.state is not State.STARTING for e in kept) <= wanted

    @invariant()
    def what_is_said_to_be_available_is_alive(self) -> None:
        for index, version in enumerate(VERSIONS):
            provisioned = self.provisioner.provisioned(version)
            living = [e for e in self.ahead(index) if e.state is not State.STARTING]
            assert provisioned.available <= min(len(living), self.wanted[index])
            assert provisioned.failure in (None, INIT_FAILED)

    @invariant()
    def the_pool_holds_exactly_what_has_not_ended(self) -> None:
        living = [e for e in self.ward.made if e.state is not State.STOPPED]
        assert len(self.ward.pool) == len(living)

    @invariant()
    def the_books_hold_exactly_who_is_idle(self) -> None:
        held = {environment.number for _, environment in self.held}
        shelves: list[Any] = [self.ward.pool._idle, self.ward.pool.provisioned.idle]
        for is_ahead, shelf in zip((False, True), shelves, strict=True):
            idle = {
                environment.number
                for environment in self.ward.made
                if environment.state in (State.READY, *(() if is_ahead else (State.FAILED,)))
                and environment.number not in held
                and (environment.initialization_type == AHEAD) == is_ahead
            }
            assert {environment.number for environment in shelf} == idle
        assert shelves[0].memory + shelves[1].memory <= max(MEMORY, shelves[1].memory)


ProvisioningMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None
)
TestProvisioning = pytest.mark.slow(ProvisioningMachine.TestCase)
