"""Which idle environments end to make room, by table."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.environment.eviction import choose_eviction, choose_evictions


@dataclass(frozen=True)
class Idle:
    idle_since: float
    memory_held: int = 1


OLD, MIDDLE, NEW = Idle(1, 10), Idle(2, 20), Idle(3, 30)


def test_the_one_that_has_been_idle_for_longest_makes_place() -> None:
    assert choose_eviction([NEW, OLD, MIDDLE]) is OLD
    assert choose_eviction([]) is None


@pytest.mark.parametrize(
    ("surplus", "chosen"),
    [
        (-5, []),
        (0, []),
        (1, [OLD]),
        (10, [OLD]),
        (11, [OLD, MIDDLE]),
        (30, [OLD, MIDDLE]),
        (31, [OLD, MIDDLE, NEW]),
        (1000, [OLD, MIDDLE, NEW]),
    ],
)
def test_as_few_as_hold_the_surplus_together_end(surplus: int, chosen: list[Idle]) -> None:
    assert choose_evictions([NEW, OLD, MIDDLE], surplus) == chosen


@given(
    st.lists(st.builds(Idle, st.floats(0, 100), st.integers(0, 100)), max_size=10),
    st.integers(-10, 500),
)
def test_nobody_stays_who_was_idle_for_longer_than_one_who_ends(
    idle: list[Idle], surplus: int
) -> None:
    chosen = choose_evictions(idle, surplus)
    stays = list(idle)
    for each in chosen:
        stays.remove(each)
    latest = max((each.idle_since for each in chosen), default=-1)
    assert all(each.idle_since >= latest for each in stays)
    assert not stays or sum(each.memory_held for each in chosen) >= surplus
    assert sum(each.memory_held for each in chosen[:-1]) < max(surplus, 1)
