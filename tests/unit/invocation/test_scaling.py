"""To wait for an environment or to have one made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.invocation.scaling import START_SECONDS, average, choose_wait

QUICK, LONG = 0.001, 1.0  # durations of a function


def wait(**changes: Any) -> float:
    known = {"waiting": 0, "busy": 1, "starting": 0, "duration": QUICK, "start": None}
    return choose_wait(**{**known, **changes})


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, START_SECONDS),
        ({"duration": None}, 0),  # nothing is known of it yet
        ({"busy": 0}, 0),  # nobody to wait for
        ({"busy": 0, "starting": 5}, 0),
        ({"duration": LONG}, 0),  # making one is quicker
        ({"duration": LONG, "busy": 101}, START_SECONDS),  # one of many will be free
        ({"duration": LONG, "busy": 101, "waiting": 1}, 0),  # which is another's
        ({"duration": START_SECONDS}, 0),
        ({"waiting": 1}, 0),  # too many for one
        ({"waiting": 1, "starting": 1}, START_SECONDS),
        ({"waiting": 9, "busy": 10}, START_SECONDS),
        ({"waiting": 10, "busy": 10}, 0),
        ({"start": 0.02}, 0.02),  # the machine is busy
        ({"start": 0.02, "duration": 0.015}, 0.02),
        ({"start": 5.0}, 0.03),  # but nobody waits for long
        ({"start": 0.001}, START_SECONDS),
    ],
)
def test_who_waits_for_how_long(changes: dict[str, Any], seconds: float) -> None:
    assert wait(**changes) == seconds


@given(
    waiting=st.integers(0, 1_000),
    busy=st.integers(0, 1_000),
    starting=st.integers(0, 1_000),
    duration=st.none() | st.floats(0, 900),
    start=st.none() | st.floats(-1, 900),
)
def test_nobody_waits_for_longer_than_making_one_may_take(
    waiting: int, busy: int, starting: int, duration: float | None, start: float | None
) -> None:
    seconds = choose_wait(
        waiting=waiting, busy=busy, starting=starting, duration=duration, start=start
    )
    assert 0 <= seconds <= max(START_SECONDS, min(start or 0, 0.03))
    if seconds:
        assert duration is not None
        assert (waiting + 1) * duration / busy < seconds


def test_the_mean_follows_what_is_recent() -> None:
    mean = average(None, 1.0)
    assert mean == 1.0
    for _ in range(50):
        mean = average(mean, 3.0)
    assert 2.9 < mean < 3.0


@given(st.lists(st.floats(0, 900), min_size=1, max_size=50))
def test_the_mean_is_between_the_shortest_and_the_longest(durations: list[float]) -> None:
    mean: float | None = None
    for duration in durations:
        mean = average(mean, duration)
    assert mean is not None
    assert min(durations) - 1e-6 <= mean <= max(durations) + 1e-6
