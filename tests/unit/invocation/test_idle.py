"""The idle environments of a pool, and how much memory they hold together."""

from __future__ import annotations

from typing import Any

import pytest
from played import PlayedEnvironment, make_version

from lambdad.clock import FakeClock
from lambdad.environment.lifecycle import State
from lambdad.invocation.idle import IdleEnvironments

READY, FAILED = State.READY, State.FAILED


def make(number: int, state: State = READY, *, name: str = "f", holds: int = 1) -> Any:
    environment = PlayedEnvironment(make_version(name), lambda e: None, FakeClock(), number)
    environment.state, environment.memory_held = state, holds
    return environment


@pytest.mark.parametrize(
    ("states", "order"),
    [
        ([READY, READY, READY], [2, 1, 0]),
        ([READY, FAILED, READY], [2, 0, 1]),
        ([FAILED, READY], [1, 0]),
        ([READY, FAILED], [0, 1]),
        ([], []),
    ],
)
def test_the_latest_is_taken_first_and_a_failed_one_last(
    states: list[State], order: list[int]
) -> None:
    idle = IdleEnvironments()
    for number, state in enumerate(states):
        idle.put(make(number, state))
    taken: list[int] = []
    while environment := idle.take("f-1"):
        taken.append(environment.number)  # type: ignore[attr-defined]
    assert taken == order


def test_versions_do_not_share() -> None:
    idle = IdleEnvironments()
    idle.put(make(0, name="f"))
    assert idle.take("g-1") is None
    assert idle.take("f-1") is not None


def test_tenants_do_not_share() -> None:
    idle = IdleEnvironments()
    blue = make(0)
    blue.tenant_id = "blue"
    idle.put(blue)
    assert idle.take("f-1") is None
    assert idle.take("f-1", "green") is None
    assert idle.take("f-1", "blue") is blue
    assert idle.memory == 0


def test_memory_is_the_sum_of_those_that_are_idle() -> None:
    idle = IdleEnvironments()
    first, second = make(0, holds=10), make(1, name="g", holds=20)
    idle.put(first)
    idle.put(second)
    assert idle.memory == 30
    idle.take("g-1")
    assert idle.memory == 10
    idle.remove(first)
    idle.remove(first)  # it is legal for one that is not there
    idle.remove(make(2))
    assert (idle.memory, list(idle)) == (0, [])


def test_they_may_be_removed_while_they_are_gone_through() -> None:
    idle = IdleEnvironments()
    for number in range(5):
        idle.put(make(number))
    for environment in idle:
        idle.remove(environment)
    assert list(idle) == []
