"""The pool against environments that die whenever they like, and functions that change."""

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
versions = st.sampled_from([make_version("f", "1"), make_version("f", "2"), make_version("g", "1")])


class PoolMachine(RuleBasedStateMachine):
    """`held` are the environments that somebody has reserved just now."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.ward = Ward(self.clock, ROOM)
        self.held: list[tuple[Any, PlayedEnvironment]] = []

    def teardown(self) -> None:
        while self.held:
            self.give_back(0)
        self._settle()
        self.loop.run_until_complete(asyncio.wait_for(self.ward.pool.close(), 5))
        assert len(self.ward.pool) == 0
        assert all(environment.state is State.STOPPED for environment in self.ward.made)
        self.loop.close()

    def _settle(self) -> None:
        for environment in self.ward.made:
            environment.dies_slowly = False
            if environment.state is State.STOPPING:
                environment.end()

    @rule(version=versions, slowly=st.booleans())
    def reserve(self, version: Any, slowly: bool) -> None:
        context = self.ward.pool.reserve(version)
        reserved: Any = self.loop.run_until_complete(context.__aenter__())
        reserved.dies_slowly = slowly
        assert reserved.version.revision_id == version.revision_id
        assert reserved.state in (State.STARTING, State.READY)
        assert all(reserved is not environment for _, environment in self.held)
        reserved.begin()
        self.held.append((context, reserved))

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20))
    def give_back(self, which: int) -> None:
        context, _ = self.held.pop(which % len(self.held))
        self.clock.advance(1)
        self.loop.run_until_complete(context.__aexit__(None, None, None))

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20))
    def fail(self, which: int) -> None:
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
        idle = [e for e in self.ward.made if e.state is State.READY]
        assert not [e for e in idle if e.version.name == version.name]

    @rule(seconds=st.sampled_from([1, IDLE_TIMEOUT // 2, IDLE_TIMEOUT]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.ward.pool.expire()
        longest_ago = self.clock.monotonic() - IDLE_TIMEOUT
        idle = [e for e in self.ward.made if e.state is State.READY]
        assert all(environment.idle_since > longest_ago for environment in idle)

    @invariant()
    def the_pool_holds_exactly_what_has_not_ended(self) -> None:
        living = [e for e in self.ward.made if e.state is not State.STOPPED]
        assert len(self.ward.pool) == len(living)

    @invariant()
    def nobody_idle_is_held_and_nobody_held_is_idle(self) -> None:
        held = {environment.number for _, environment in self.held}
        idle = {e.number for e in self.ward.made if e.state is State.READY}
        assert not held & idle

    @invariant()
    def the_books_hold_nobody_who_has_ended(self) -> None:
        pool = self.ward.pool
        kept: set[Any] = {*pool._retired, *(e for idle in pool._idle.values() for e in idle)}
        assert all(environment.state is not State.STOPPED for environment in kept)


PoolMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestPool = pytest.mark.slow(PoolMachine.TestCase)
