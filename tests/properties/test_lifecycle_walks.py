"""Walks through the life of an execution environment, whoever pushes it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lambdad.environment.lifecycle import State, next_state

WORKING = {State.STARTING, State.READY, State.INVOKING}


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
def test_nothing_starts_twice_and_nothing_returns_from_its_end(states: list[State]) -> None:
    assert states.count(State.STARTING) == 1
    ends = [n for n, state in enumerate(states) if state not in WORKING]
    assert all(state not in WORKING for state in states[min(ends, default=len(states)) :])


@given(walks)
def test_every_event_comes_after_readiness(states: list[State]) -> None:
    for before, after in itertools.pairwise(states):
        if after is State.INVOKING:
            assert before is State.READY


@given(walks)
def test_from_everywhere_the_end_can_be_reached(states: list[State]) -> None:
    if states[-1] is not State.STOPPED:
        assert next_state(states[-1], State.STOPPED) is State.STOPPED


@given(walks)
def test_no_walk_is_longer_than_its_events(states: list[State]) -> None:
    """Only the way between READY and INVOKING goes both ways."""
    assert len([s for s in states if s not in (State.READY, State.INVOKING)]) <= 4
