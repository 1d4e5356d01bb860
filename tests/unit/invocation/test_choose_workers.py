"""How many events run at once, and how many are claimed ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdad.invocation.choose_workers import (
    MOST_AHEAD,
    Load,
    choose_ahead,
    choose_workers,
    grow_workers,
)
from lambdad.invocation.event_backlog import EventBacklog

loads = st.builds(
    Load,
    workers=st.integers(0, 2_000),
    waiting=st.integers(0, 2_000),
    free=st.integers(-50, 2_000),
)


def test_one_event_gets_one_worker() -> None:
    assert choose_workers(Load(workers=0, waiting=1, free=10), at_once=4) == 1


def test_several_get_as_many_at_once_as_there_may_be() -> None:
    assert choose_workers(Load(workers=0, waiting=3, free=10), at_once=4) == 3
    assert choose_workers(Load(workers=0, waiting=9, free=10), at_once=4) == 4
    assert choose_workers(Load(workers=4, waiting=9, free=10), at_once=4) == 4


def test_no_more_than_concurrency_permits_but_one_who_finds_out() -> None:
    assert choose_workers(Load(workers=0, waiting=9, free=2), at_once=4) == 2
    assert choose_workers(Load(workers=1, waiting=9, free=0), at_once=4) == 1
    assert choose_workers(Load(workers=0, waiting=9, free=0), at_once=4) == 1
    assert choose_workers(Load(workers=0, waiting=9, free=-3), at_once=4) == 1


def test_a_backlog_grows_by_half_as_long_as_processors_are_idle() -> None:
    grown, workers = [], 1
    for _ in range(6):
        workers = grow_workers(Load(workers, waiting=1_000, free=1_000), idle_share=0.5)
        grown.append(workers)
    assert grown == [2, 3, 4, 6, 9, 13]


def test_it_does_not_grow_when_processors_are_busy_or_nothing_waits() -> None:
    assert grow_workers(Load(4, waiting=1_000, free=1_000), idle_share=0.05) == 4
    assert grow_workers(Load(4, waiting=0, free=1_000), idle_share=1.0) == 4
    assert grow_workers(Load(4, waiting=1_000, free=0), idle_share=1.0) == 4


@given(load=loads, at_once=st.integers(1, 64))
def test_workers_keep_their_bounds(load: Load, at_once: int) -> None:
    workers = choose_workers(load, at_once)
    assert workers <= load.workers + load.waiting
    assert workers <= max(load.workers, at_once)
    assert workers <= max(load.workers + load.free, 1)
    if load.waiting:
        assert workers >= 1
    if load.free >= 0:
        assert workers >= load.workers


@given(load=loads, idle_share=st.floats(0, 1))
def test_growth_keeps_its_bounds(load: Load, idle_share: float) -> None:
    workers = grow_workers(load, idle_share)
    assert load.workers <= workers <= load.workers + max(0, min(load.waiting, load.free))


@given(workers=st.integers(0, 5_000), mean=st.none() | st.floats(0, 900))
def test_something_is_held_ahead_but_never_too_much(workers: int, mean: float | None) -> None:
    assert 1 <= choose_ahead(workers, mean) <= MOST_AHEAD


def test_long_events_are_not_claimed_ahead_and_short_ones_are() -> None:
    assert choose_ahead(4, 10.0) == 1
    assert choose_ahead(1, 0.001) == 50
    assert choose_ahead(4, 0.001) == 200


@given(
    waiting=st.integers(0, 600),
    coming=st.integers(0, 600),
    workers=st.integers(0, 100),
    mean=st.none() | st.floats(0, 900),
)
def test_who_has_nothing_has_room(
    waiting: int, coming: int, workers: int, mean: float | None
) -> None:
    backlog = EventBacklog(("1", "r", "f"), workers=workers, coming=coming, mean_seconds=mean)
    backlog.waiting.extend([None] * waiting)  # type: ignore[list-item]
    assert 0 <= backlog.room <= MOST_AHEAD
    assert waiting + coming + backlog.room <= max(MOST_AHEAD, waiting + coming)
    if not waiting + coming:
        assert backlog.room > 0


def test_those_that_are_starting_have_their_concurrency_still_to_take() -> None:
    backlog = EventBacklog(("1", "r", "f"), workers=3, starting=2)
    assert backlog.load(free=2).free == 0


def test_the_mean_follows_what_events_take() -> None:
    backlog = EventBacklog(("1", "r", "f"))
    backlog.took(1.0)
    assert backlog.mean_seconds == 1.0
    for _ in range(50):
        backlog.took(0.1)
    assert 0.1 <= backlog.mean_seconds <= 0.11
