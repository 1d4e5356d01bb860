"""The sandboxes that wait, whatever is started, whenever they die, however time passes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

sys.path.append(str(Path(__file__).parents[1] / "unit/launcher"))

from played_loop import PlayedLoop, PlayedWaiting

from lambdad.launcher.pool import (
    IN_USE_SECONDS,
    WAITING_MB,
    Demand,
    Pool,
    PoolKey,
    choose_refill,
    choose_surplus,
)

keys = st.builds(
    PoolKey,
    st.sampled_from(["python3.11", "nodejs20.x"]),
    st.sampled_from(["000000000000", "111111111111"]),
    st.sampled_from([0, 128]),
)
demands = st.dictionaries(
    keys,
    st.builds(
        Demand,
        waiting=st.integers(0, 20),
        started=st.integers(0, 20),
        idle_seconds=st.floats(0, 2 * IN_USE_SECONDS),
        size_mb=st.integers(1, 50),
    ),
)


budgets = st.integers(0, 2000)


def fits(demand: Demand, figures: dict[PoolKey, Demand], budget: int) -> bool:
    return demand.size_mb + sum(d.waiting * d.size_mb for d in figures.values()) <= budget


@given(demands, budgets)
def test_nothing_is_made_beyond_the_budget(figures: dict[PoolKey, Demand], budget: int) -> None:
    chosen = choose_refill(figures, budget)
    assert chosen is None or fits(figures[chosen], figures, budget)


@given(demands, budgets)
def test_only_who_lacks_something_and_lacks_most_gets_one(
    figures: dict[PoolKey, Demand], budget: int
) -> None:
    chosen = choose_refill(figures, budget)
    if chosen is not None:
        demand = figures[chosen]
        assert demand.waiting < demand.wanted
        assert demand.idle_seconds <= IN_USE_SECONDS
        share = demand.waiting / demand.wanted
        others = [d for d in figures.values() if d.wanted and fits(d, figures, budget)]
        assert all(share <= d.waiting / d.wanted for d in others)


@given(demands)
def test_with_room_enough_somebody_gets_one_as_long_as_somebody_lacks_one(
    figures: dict[PoolKey, Demand],
) -> None:
    lacking = any(demand.waiting < demand.wanted for demand in figures.values())
    assert (choose_refill(figures, 100_000) is not None) == lacking


@given(demands)
def test_only_who_is_not_used_loses_one(figures: dict[PoolKey, Demand]) -> None:
    chosen = choose_surplus(figures, 100_000)
    unused = {k for k, d in figures.items() if d.waiting and d.idle_seconds > IN_USE_SECONDS}
    assert chosen in unused if unused else chosen is None


@given(demands, budgets)
def test_refilling_comes_to_an_end(figures: dict[PoolKey, Demand], budget: int) -> None:
    """And nobody gets what would be taken away again."""
    figures = dict(figures)
    for _ in range(200):
        chosen = choose_refill(figures, budget)
        if chosen is None:
            return
        figures[chosen] = replace(figures[chosen], waiting=figures[chosen].waiting + 1)
        assert choose_surplus(figures, budget) != chosen
    raise AssertionError("it does not end")


ROOM = 5


class SandboxPoolMachine(RuleBasedStateMachine):
    """`waiting` is what was made and neither taken nor discarded, nor has it died."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = PlayedLoop()
        self.used: dict[PoolKey, float] = {}
        self.waiting: list[PlayedWaiting] = []
        self.cannot_make = False
        loop: Any = self.loop
        self.pool: Pool[PlayedWaiting] = Pool(
            loop, self._make, ROOM * WAITING_MB + 1, now=self.loop.now
        )

    def teardown(self) -> None:
        self.pool.close()
        self.waiting = [each for each in self.waiting if not each.is_discarded]
        assert self.waiting == []
        self.cannot_make = True
        self.loop.pass_time(2 * IN_USE_SECONDS)

    def _make(self, key: PoolKey) -> PlayedWaiting:
        assert key in self.used, "nobody uses this"
        assert self.loop.now() - self.used[key] <= IN_USE_SECONDS + 1
        if self.cannot_make:
            raise OSError("no process today")
        self.waiting.append(PlayedWaiting(key))
        return self.waiting[-1]

    def _living(self) -> list[PlayedWaiting]:
        self.waiting = [each for each in self.waiting if not each.is_discarded]
        return self.waiting

    @rule(key=keys)
    def expect(self, key: PoolKey) -> None:
        self.used[key] = self.loop.now()
        self.pool.expect(key)

    @rule(key=keys)
    def take(self, key: PoolKey) -> None:
        self.used[key] = self.loop.now()
        candidates = [each for each in self._living() if each.key == key]
        taken = self.pool.take(key)
        if candidates:
            assert taken is candidates[0], "who waited longest, made for exactly this key"
            self.waiting.remove(candidates[0])
        else:
            assert taken is None

    @rule(seconds=st.sampled_from([0.001, 0.015, 0.03, 1, 11, IN_USE_SECONDS / 2]))
    def let_time_pass(self, seconds: float) -> None:
        self.loop.pass_time(seconds)

    @precondition(lambda self: self._living())
    @rule(which=st.integers(0, 20))
    def die(self, which: int) -> None:
        dead = self.waiting.pop(which % len(self.waiting))
        self.pool.forget(dead.key, dead)

    @rule(cannot=st.booleans())
    def let_the_machine_refuse(self, cannot: bool) -> None:
        self.cannot_make = cannot

    @invariant()
    def no_more_wait_than_there_is_room_for(self) -> None:
        assert len(self._living()) <= ROOM

    @invariant()
    def nothing_waits_for_who_has_long_been_gone(self) -> None:
        longest = 1.2 * IN_USE_SECONDS
        for each in self._living():
            assert self.loop.now() - self.used[each.key] <= longest


SandboxPoolMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestSandboxPool = pytest.mark.slow(SandboxPoolMachine.TestCase)
