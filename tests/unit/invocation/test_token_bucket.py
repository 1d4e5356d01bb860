"""A rate: never more than the bucket holds at once, and what comes back meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.invocation.token_bucket import TokenBucket


def take_all(bucket: TokenBucket, now: float) -> int:
    """How many there are."""
    taken = 0
    while bucket.take(now):
        taken += 1
    return taken


def test_a_full_one_gives_what_it_holds_and_no_more() -> None:
    bucket = TokenBucket(100, 1_000, now=5.0)
    assert take_all(bucket, 5.0) == 1_000


@pytest.mark.parametrize(("seconds", "tokens"), [(0.0, 0), (0.5, 50), (10.0, 1_000), (1e9, 1_000)])
def test_it_is_filled_continuously_and_saves_nothing_up(seconds: float, tokens: int) -> None:
    bucket = TokenBucket(100, 1_000, now=0.0)
    take_all(bucket, 0.0)
    assert take_all(bucket, seconds) == tokens


def test_one_that_holds_nothing_gives_nothing() -> None:
    bucket = TokenBucket(0, 0, now=0.0)
    assert not bucket.take(1e9)
    assert bucket.is_full(1e9)


def test_it_is_full_when_all_has_come_back() -> None:
    bucket = TokenBucket(10, 10, now=0.0)
    assert bucket.is_full(0.0)
    bucket.take(0.0)
    assert not bucket.is_full(0.05)
    assert bucket.is_full(0.15)


@pytest.mark.parametrize(("capacity", "left"), [(20, 15), (10, 5), (6, 1), (4, 0), (0, 0)])
def test_what_was_taken_stays_taken_when_the_rate_changes(capacity: int, left: int) -> None:
    bucket = TokenBucket(10, 10, now=0.0)
    for _ in range(5):
        assert bucket.take(0.0)
    bucket.change(capacity, capacity, now=0.0)
    assert take_all(bucket, 0.0) == left


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 2), st.integers(0, 60)), max_size=20),
)
def test_no_stretch_of_time_has_more_than_it_may(
    per_second: int, capacity: int, steps: list[tuple[float, int]]
) -> None:
    bucket, now = TokenBucket(per_second, capacity, 0.0), 0.0
    taken: list[float] = []
    for seconds, wanted in steps:
        now += seconds
        taken += [now for _ in range(wanted) if bucket.take(now)]
    for first, begin in enumerate(taken):
        for last in range(first, len(taken)):
            most = capacity + (taken[last] - begin) * per_second
            assert last - first + 1 <= most + 1e-6
