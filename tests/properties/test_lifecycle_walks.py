"""Walks through the life of an execution environment, whoever pushes it."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

sys.path.append(str(Path(__file__).parents[1] / "unit/environment"))

from stage import (
    INTERPRETER,
    KILLED,
    PlayedRun,
    Stage,
    fail_init,
    figures,
    happens,
    kinds,
    make_invocation,
    make_version,
)

from lambdad.clock import FakeClock
from lambdad.environment.environment import Place
from lambdad.environment.lifecycle import State, next_state
from lambdad.model.invocation import Invocation, Result

WORKING = {State.STARTING, State.READY, State.INVOKING, State.FAILED}


# Walks through the table


def walk(wishes: list[State]) -> list[State]:
    """The states that were reached; a wish that is against the table changes nothing."""
    states = [State.STARTING]
    for wish in wishes:
        try:
            states.append(next_state(states[-1], wish))
        except AssertionError:
            continue
    return states


walks = st.lists(st.sampled_from(State), max_size=30).map(walk)


@given(walks)
def test_nothing_returns_from_its_end(states: list[State]) -> None:
    ends = [n for n, state in enumerate(states) if state not in WORKING]
    assert all(state not in WORKING for state in states[min(ends, default=len(states)) :])
    assert len(ends) <= 2


@given(walks)
def test_nothing_starts_again_but_after_a_failure(states: list[State]) -> None:
    for before, after in itertools.pairwise(states):
        if after is State.STARTING:
            assert before is State.FAILED


@given(walks)
def test_every_event_comes_after_readiness(states: list[State]) -> None:
    for before, after in itertools.pairwise(states):
        if after is State.INVOKING:
            assert before is State.READY


@given(walks)
def test_only_what_does_something_can_fail(states: list[State]) -> None:
    for before, after in itertools.pairwise(states):
        if after is State.FAILED:
            assert before in (State.STARTING, State.INVOKING)


@given(walks)
def test_from_everywhere_the_end_can_be_reached(states: list[State]) -> None:
    if states[-1] is not State.STOPPED:
        assert next_state(states[-1], State.STOPPED) is State.STOPPED


# Walks of an environment

FREEZE_AFTER = 0.5
TIMEOUT = 3
ENDINGS = ("answer", "exit", "timeout")


class EnvironmentMachine(RuleBasedStateMachine):
    """One environment, used as the pool uses it; `state` is where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.loop.time = self.clock.monotonic  # type: ignore[method-assign]
        self.stage = Stage(Place("c0de", INTERPRETER), self.clock)
        self.stage.launcher.play = self._play
        version = make_version(timeout=TIMEOUT)
        self.environment = self.stage.make_environment(version, freeze_after=FREEZE_AFTER)
        self.state = State.STARTING
        self.events = 0
        self.failing_inits = 0
        self.init_seconds = 0.0
        self.ending = ""

    def teardown(self) -> None:
        self.loop.run_until_complete(self._end())
        self.loop.close()
        assert self.stage.ended == [self.environment]
        assert all(run.has_ended for run in self.stage.launcher.runs)
        assert all(place.is_discarded for place in self.stage.launcher.places.values())

    async def _end(self) -> None:
        self.environment.stop()
        await happens(lambda: self.environment.state is State.STOPPED)
        await self.stage.close()

    async def _play(self, run: PlayedRun) -> None:
        self.clock.advance(self.init_seconds)
        if self.failing_inits:
            self.failing_inits -= 1
            await fail_init(run)
            return
        while True:
            _, headers, body = await run.call("GET", "/invocation/next")
            if self.ending == "answer":
                await run.respond(headers["lambda-runtime-aws-request-id"], body)
            elif self.ending == "exit":
                run.exit(256)
                return
            else:
                self.clock.advance(TIMEOUT)

    async def _serve(self, invocation: Invocation, settles: bool) -> Result:
        result = await self.environment.invoke(invocation)
        self.environment.release()
        if settles:
            await self._settle()
        return result

    async def _call(self, function: Callable[..., None], *arguments: int) -> None:
        """The loop has to run for it."""
        function(*arguments)

    async def _settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @precondition(lambda self: self.state in WORKING)
    @rule(
        ending=st.sampled_from(ENDINGS),
        failing_inits=st.sampled_from([0, 0, 0, 1, 2]),
        init_seconds=st.sampled_from([0.0, 0.25, 2.0]),
        settles=st.booleans(),
    )
    def serve(self, ending: str, failing_inits: int, init_seconds: float, settles: bool) -> None:
        """Hand it an event; perhaps before the processes of the last one have ended."""
        # Given
        tries = {State.STARTING: 2, State.FAILED: 1}.get(self.state, 0)
        is_warm = tries == 0
        is_reported = self.state is State.STARTING and not failing_inits
        fails = not is_warm and failing_inits >= tries
        self.failing_inits = 0 if is_warm else failing_inits
        self.ending, self.init_seconds = ending, init_seconds
        self.events += 1
        invocation = make_invocation(f"r{self.events}")
        # When
        result = self.loop.run_until_complete(self._serve(invocation, settles))
        # Then
        self.failing_inits = 0
        is_answered = ending == "answer" and not fails
        assert (result.error is None) == is_answered
        assert not is_answered or result.payload == invocation.payload
        self.state = State.READY if is_answered else State.FAILED
        report = figures(self.stage.lines_of("REPORT")[-1])
        assert ("Init Duration" in report) == is_reported
        suppressed_ms = 0 if is_reported or is_warm else 1000 * init_seconds
        if ending == "timeout" and not fails:
            assert float(report["Duration"].split()[0]) >= 1000 * TIMEOUT
        else:
            assert report["Duration"] == f"{suppressed_ms:.2f} ms"

    @rule(seconds=st.sampled_from([FREEZE_AFTER / 2, FREEZE_AFTER, 10 * FREEZE_AFTER]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.loop.run_until_complete(self._settle())
        if self.state is State.READY and seconds >= FREEZE_AFTER:
            assert self.environment.is_frozen

    @precondition(lambda self: self.state is State.READY)
    @rule()
    def die(self) -> None:
        """Its processes end while it is idle, frozen or not."""
        self.loop.run_until_complete(self._call(self.stage.launcher.runs[-1].exit, KILLED))
        self.state = State.STOPPED

    @rule(dice=st.integers(1, 6))
    def stop(self, dice: int) -> None:
        """Not too often: a walk is over then."""
        if dice < 6:
            return
        self.loop.run_until_complete(self._call(self.environment.stop))
        self.loop.run_until_complete(happens(lambda: self.stage.ended))
        self.state = State.STOPPED

    @invariant()
    def it_is_where_it_should_be(self) -> None:
        assert self.environment.state is self.state
        assert self.stage.ended == [self.environment] * (self.state is State.STOPPED)

    @invariant()
    def everything_is_in_one_place_and_nothing_runs_beside_another(self) -> None:
        assert len(self.stage.launcher.places) <= 1
        assert len([run for run in self.stage.launcher.runs if not run.has_ended]) <= 1

    @invariant()
    def whatever_is_frozen_is_thawed_before_anything_else_happens_to_it(self) -> None:
        asked = self.stage.launcher.asked
        for before, after in itertools.pairwise(asked):
            if before == "freeze":
                assert after in ("thaw", "discard")
            assert after != "thaw" or before == "freeze"

    @invariant()
    def every_event_is_in_the_log_from_its_start_to_its_report(self) -> None:
        counts = Counter(kinds(self.stage.messages))
        assert counts["START"] == counts["END"] == counts["REPORT"] == self.events
        assert counts["INIT_START"] == min(self.events, 1)


EnvironmentMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None
)
TestEnvironment = pytest.mark.slow(EnvironmentMachine.TestCase)
