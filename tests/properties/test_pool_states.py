"""The pool against environments that die and fail whenever they like, and functions that change."""

from __future__ import annotations

import asyncio
import sys
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

ROOM = 4
MEMORY = 100  # that idle ones may hold together
IDLE = (State.READY, State.FAILED)
versions = st.sampled_from([make_version("f", "1"), make_version("f", "2"), make_version("g", "1")])


class PoolMachine(RuleBasedStateMachine):
    """`held` are the environments that somebody has reserved just now."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.ward = Ward(self.clock)
        self.ward.pool = self.ward.make_pool(ROOM, MEMORY)
        self.held: list[tuple[Any, PlayedEnvironment]] = []

    def teardown(self) -> None:
        while self.held:
            self.give_back(0)
        self._settle()
        self.loop.run_until_complete(asyncio.wait_for(self.ward.pool.close(), 5))
        assert len(self.ward.pool) == 0
        assert all(environment.state is State.STOPPED for environment in self.ward.made)
        self.loop.close()

    def _idle(self) -> list[PlayedEnvironment]:
        held = {environment.number for _, environment in self.held}
        return [e for e in self.ward.made if e.state in IDLE and e.number not in held]

    def _settle(self) -> None:
        for environment in self.ward.made:
            environment.dies_slowly = False
            if environment.state is State.STOPPING:
                environment.end()

    @rule(version=versions, slowly=st.booleans())
    def reserve(self, version: Any, slowly: bool) -> None:
        served = [e for e in self._idle() if e.version.revision_id == version.revision_id]
        context = self.ward.pool.reserve(version)
        reserved: Any = self.loop.run_until_complete(context.__aenter__())
        reserved.dies_slowly = slowly
        assert reserved.version.revision_id == version.revision_id
        assert (reserved.state in IDLE) == bool(served)  # nothing is made that is there
        if any(environment.state is State.READY for environment in served):
            assert reserved.state is State.READY
        assert all(reserved is not environment for _, environment in self.held)
        reserved.begin()
        self.held.append((context, reserved))

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20), fails=st.booleans(), holds=st.integers(0, MEMORY + 10))
    def give_back(self, which: int, fails: bool = False, holds: int = 0) -> None:
        context, environment = self.held.pop(which % len(self.held))
        environment.memory_held = holds
        if fails:
            environment.fail()
        self.clock.advance(1)
        self.loop.run_until_complete(context.__aexit__(None, None, None))

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20))
    def break_off(self, which: int) -> None:
        context, environment = self.held.pop(which % len(self.held))
        environment.stop()
        leaving = context.__aexit__(RuntimeError, RuntimeError("the event failed"), None)
        assert not self.loop.run_until_complete(leaving)  # it is not swallowed

    @precondition(lambda self: self.ward.made)
    @rule(which=st.integers(0, 50))
    def die(self, which: int) -> None:
        """The process of an environment that is idle or being stopped ends."""
        environment = self.ward.made[which % len(self.ward.made)]
        if environment.state in (State.READY, State.STOPPING):
            environment.end()

    @rule(version=versions)
    def retire(self, version: Any) -> None:
        self.ward.pool.retire((version.account_id, version.region, version.name))
        assert not [e for e in self._idle() if e.version.name == version.name]

    @rule(seconds=st.sampled_from([1, IDLE_TIMEOUT // 2, IDLE_TIMEOUT]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.ward.pool.expire()
        longest_ago = self.clock.monotonic() - IDLE_TIMEOUT
        assert all(environment.idle_since > longest_ago for environment in self._idle())

    @invariant()
    def the_pool_holds_exactly_what_has_not_ended(self) -> None:
        living = [e for e in self.ward.made if e.state is not State.STOPPED]
        assert len(self.ward.pool) == len(living)

    @invariant()
    def the_books_hold_exactly_who_is_idle(self) -> None:
        books = {environment.number for environment in self.ward.pool._idle}  # type: ignore[attr-defined]
        assert books == {environment.number for environment in self._idle()}

    @invariant()
    def who_is_idle_holds_no_more_memory_than_they_may(self) -> None:
        held = sum(environment.memory_held for environment in self._idle())
        assert self.ward.pool._idle.memory == held <= MEMORY

    @invariant()
    def nobody_who_has_ended_is_remembered_as_retired(self) -> None:
        retired: set[Any] = self.ward.pool._retired  # type: ignore[assignment]
        assert all(environment.state is not State.STOPPED for environment in retired)


PoolMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestPool = pytest.mark.slow(PoolMachine.TestCase)
