"""What to do so that there are as many environments ahead as are wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.invocation.choose_provisioning import (
    AT_ONCE,
    Actions,
    Actual,
    choose_provisioning,
)

NOTHING = Actions()
actuals = st.builds(Actual, st.integers(0, 30), st.integers(0, AT_ONCE), st.booleans())


@pytest.mark.parametrize(
    ("wanted", "actual", "actions"),
    [
        (0, Actual(), NOTHING),
        (2, Actual(), Actions(start=2)),
        (2, Actual(ready=1, starting=1), NOTHING),
        (3, Actual(ready=1, starting=1), Actions(start=1)),
        (100, Actual(), Actions(start=AT_ONCE)),
        (100, Actual(starting=AT_ONCE), NOTHING),
        (100, Actual(starting=AT_ONCE - 1), Actions(start=1)),
        (2, Actual(ready=1, is_backing_off=True), NOTHING),
        (1, Actual(ready=1, starting=2), Actions(give_up=2)),
        (1, Actual(ready=3, starting=2), Actions(give_up=2, dismiss=2)),
        (0, Actual(ready=2, is_backing_off=True), Actions(dismiss=2)),
    ],
)
def test_choice(wanted: int, actual: Actual, actions: Actions) -> None:
    assert choose_provisioning(wanted, actual) == actions


@given(st.integers(0, 40), actuals)
def test_it_never_starts_too_many_nor_ends_too_many(wanted: int, actual: Actual) -> None:
    actions = choose_provisioning(wanted, actual)
    after = actual.ready - actions.dismiss + actual.starting - actions.give_up + actions.start
    before = actual.ready + actual.starting
    assert min(before, wanted) <= after <= max(before, wanted)
    assert not (actions.start and (actions.give_up or actions.dismiss))
    assert 0 <= actions.give_up <= actual.starting
    assert 0 <= actions.dismiss <= actual.ready
    assert actual.starting + actions.start <= AT_ONCE
    if before > wanted:
        assert after == wanted


@given(st.integers(0, 40), actuals)
def test_it_comes_to_rest(wanted: int, actual: Actual) -> None:
    """When every Init succeeds, there are soon as many as are wanted."""
    ready, starting = actual.ready, actual.starting
    for _ in range(20):
        actions = choose_provisioning(wanted, Actual(ready, starting))
        ready += starting - actions.give_up + actions.start - actions.dismiss
        starting = 0
    assert ready == wanted
