"""The pool against environments that die and fail whenever they like, functions that change, and
requests that wait and go away."""

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
from lambdad.errors import PlatformError
from lambdad.invocation import waiters

ROOM = 4
MEMORY = 100  # that idle ones may hold together
IDLE = (State.READY, State.FAILED)
versions = st.sampled_from([make_version("f", "1"), make_version("f", "2"), make_version("g", "1")])


class PoolMachine(RuleBasedStateMachine):
    """`held` are the environments that somebody has reserved just now, `waiting` those who have
    asked for one and have none yet. Nobody's patience ends but by a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.ward = Ward(self.clock)
        self.ward.pool = self.ward.make_pool(ROOM, MEMORY)
        self.held: list[tuple[Any, PlayedEnvironment]] = []
        self.waiting: list[tuple[Any, Any, asyncio.Task[PlayedEnvironment]]] = []
        self.may_wait = False
        self.policy = waiters.choose_wait
        waiters.choose_wait = self.choose_wait

    def choose_wait(self, *, busy: int, starting: int, **_: Any) -> float:
        """Whoever may wait does so for anybody, more often than the real policy has it."""
        return 3_600.0 if self.may_wait and busy + starting else 0.0

    def teardown(self) -> None:
        waiters.choose_wait = self.policy
        while self.waiting:
            self.go_away(0)
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

    def _let_them_go_on(self) -> None:
        """Who waits and can go on does."""

        async def turn() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())
        for each in [each for each in self.waiting if each[2].done()]:
            self.waiting.remove(each)
            version, context, task = each
            if not task.cancelled():
                assert task.result().version.revision_id == version.revision_id
                assert all(task.result() is not environment for _, environment in self.held)
                self.held.append((context, task.result()))

    def _first_of(self, environment: PlayedEnvironment) -> Any:
        """Who has waited longest for one of its version; None when nobody does."""
        revision_id = environment.version.revision_id
        those = (task for version, _, task in self.waiting if version.revision_id == revision_id)
        return next(those, None)

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
        first, is_wanted = self._first_of(environment), environment not in self.ward.pool._retired
        self.loop.run_until_complete(context.__aexit__(None, None, None))
        self._let_them_go_on()
        if first is not None and is_wanted:
            assert first.result() is environment

    @rule(version=versions)
    def ask(self, version: Any) -> None:
        """Somebody reserves one, and may wait for it."""

        async def enter() -> PlayedEnvironment:
            environment: Any = await context.__aenter__()
            environment.begin()
            found: PlayedEnvironment = environment
            return found

        self.may_wait = True
        context = self.ward.pool.reserve(version)
        self.waiting.append((version, context, self.loop.create_task(enter())))
        self._let_them_go_on()
        self.may_wait = False

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 20))
    def go_away(self, which: int) -> None:
        self.waiting[which % len(self.waiting)][2].cancel()
        self._let_them_go_on()

    @precondition(lambda self: self.waiting and self.held)
    @rule(which=st.integers(0, 20), who=st.integers(0, 20), change=st.sampled_from(["", "f", "g"]))
    def go_away_when_one_is_free(self, which: int, who: int, change: str) -> None:
        """Perhaps just the one to whom it was handed, and perhaps the function changes too."""

        async def give_back() -> None:
            await context.__aexit__(None, None, None)
            if change:
                version = environment.version
                self.ward.pool.retire((version.account_id, version.region, change))
            task.cancel()

        context, environment = self.held.pop(which % len(self.held))
        task = self.waiting[who % len(self.waiting)][2]
        self.loop.run_until_complete(give_back())
        self._let_them_go_on()
        assert task.cancelled()

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 20))
    def lose_patience(self, which: int) -> None:
        crews = [crew for crew in self.ward.pool._waiters._crews.values() if crew.waiting]
        crew = crews[which % len(crews)]
        before = len(self.waiting)
        crew.give_up(crew.waiting[which % len(crew.waiting)])
        self._let_them_go_on()
        assert len(self.waiting) == before - 1

    @rule()
    def nobody_waits_when_it_closes(self) -> None:
        """Another pool, of which the first event is long known."""

        async def close() -> None:
            pool = Ward(self.clock).pool
            version = make_version("f", "1")
            for _ in range(2):
                async with pool.reserve(version) as one:
                    one.begin()  # type: ignore[attr-defined]
            async with pool.reserve(version) as busy:
                busy.begin()  # type: ignore[attr-defined]
                task = asyncio.ensure_future(pool.reserve(version).__aenter__())
                await asyncio.sleep(0)
                await pool.close()
                with pytest.raises(PlatformError):
                    await task

        self.may_wait = True
        self.loop.run_until_complete(asyncio.wait_for(close(), 5))
        self.may_wait = False

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20))
    def break_off(self, which: int) -> None:
        context, environment = self.held.pop(which % len(self.held))
        environment.stop()
        leaving = context.__aexit__(RuntimeError, RuntimeError("the event failed"), None)
        assert not self.loop.run_until_complete(leaving)  # it is not swallowed
        self._let_them_go_on()

    @precondition(lambda self: self.ward.made)
    @rule(which=st.integers(0, 50))
    def die(self, which: int) -> None:
        """The process of an environment that is idle or being stopped ends."""
        environment = self.ward.made[which % len(self.ward.made)]
        if environment.state in (State.READY, State.STOPPING):
            environment.end()
            self._let_them_go_on()

    @rule(version=versions)
    def retire(self, version: Any) -> None:
        self.ward.pool.retire((version.account_id, version.region, version.name))
        assert not [e for e in self._idle() if e.version.name == version.name]
        self._let_them_go_on()
        assert not [each for each, *_ in self.waiting if each.name == version.name]

    @rule(seconds=st.sampled_from([1, IDLE_TIMEOUT // 2, IDLE_TIMEOUT]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.ward.pool.expire()
        longest_ago = self.clock.monotonic() - IDLE_TIMEOUT
        assert all(environment.idle_since > longest_ago for environment in self._idle())

    @invariant()
    def who_waits_does_so_for_somebody_who_has_an_event(self) -> None:
        idle = {environment.version.revision_id for environment in self._idle()}
        busy = {environment.version.revision_id for _, environment in self.held}
        for version, *_ in self.waiting:
            assert version.revision_id not in idle
            assert version.revision_id in busy

    @invariant()
    def the_books_hold_exactly_what_lives(self) -> None:
        books = {environment.number for environment in self.ward.pool._waiters._crew_of}  # type: ignore[attr-defined]
        assert books == {e.number for e in self.ward.made if e.state is not State.STOPPED}

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
