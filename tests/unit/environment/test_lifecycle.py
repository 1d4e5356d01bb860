"""Which state of an execution environment may follow which."""

from __future__ import annotations

import itertools

import pytest

from lambdad.environment.lifecycle import State, next_state

ALLOWED = {
    ("STARTING", "READY"), ("STARTING", "FAILED"), ("STARTING", "STOPPING"),
    ("STARTING", "STOPPED"), ("READY", "INVOKING"), ("READY", "STOPPING"), ("READY", "STOPPED"),
    ("INVOKING", "READY"), ("INVOKING", "FAILED"), ("INVOKING", "STOPPING"),
    ("INVOKING", "STOPPED"), ("STOPPING", "STOPPED"), ("FAILED", "STARTING"),
    ("FAILED", "STOPPING"), ("FAILED", "STOPPED"),
}  # fmt: skip
PAIRS = list(itertools.product(State, State))


@pytest.mark.parametrize(("now", "then"), PAIRS, ids=lambda state: state.name)
def test_what_is_not_in_the_table_is_a_mistake(now: State, then: State) -> None:
    if (now.name, then.name) in ALLOWED:
        assert next_state(now, then) is then
    else:
        with pytest.raises(AssertionError, match=f"from {now.name} to {then.name}"):
            next_state(now, then)


def test_everything_can_end_and_the_end_is_final() -> None:
    assert all((now.name, "STOPPED") in ALLOWED for now in State if now is not State.STOPPED)
    assert not [pair for pair in ALLOWED if pair[0] == "STOPPED"]
