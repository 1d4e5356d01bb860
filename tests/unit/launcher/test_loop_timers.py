"""What is due, in the launcher's loop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from lambdad.launcher.loop import Loop

Fork = Callable[[Callable[[], int | None]], int]
Until = Callable[[Callable[[], object]], None]


def test_what_is_due_first_comes_first(loop: Loop, until: Until) -> None:
    called: list[str] = []
    loop.call_later(0.02, lambda: called.append("late"))
    loop.call_later(0.0, lambda: called.append("at once"))
    loop.call_later(0.01, lambda: called.append("soon"))
    until(lambda: len(called) == 3)
    assert called == ["at once", "soon", "late"]


def test_what_is_due_at_the_same_time_comes_in_the_order_of_asking(
    loop: Loop, until: Until
) -> None:
    called: list[int] = []
    for number in range(20):
        loop.call_later(0.0, lambda number=number: called.append(number))  # type: ignore[misc]
    until(lambda: len(called) == 20)
    assert called == list(range(20))


def test_each_is_called_once(loop: Loop, until: Until) -> None:
    called: list[int] = []
    loop.call_later(0.0, lambda: called.append(1))
    until(lambda: called)
    loop.run_once(0.01)
    assert called == [1]


def test_nothing_comes_before_it_is_due(loop: Loop, until: Until) -> None:
    called: list[float] = []
    asked = time.monotonic()
    loop.call_later(0.03, lambda: called.append(time.monotonic()))
    loop.run_once(0)
    assert called == []
    until(lambda: called)
    assert called[0] - asked >= 0.03


def test_the_loop_wakes_up_for_what_is_due(loop: Loop) -> None:
    """However long it was told to wait for descriptors."""
    called: list[int] = []
    loop.call_later(0.01, lambda: called.append(1))
    began = time.monotonic()
    while not called:
        loop.run_once(None)
    assert time.monotonic() - began < 5


def test_the_loop_waits_no_longer_than_told_for_what_is_due_later(loop: Loop) -> None:
    loop.call_later(60, lambda: None)
    began = time.monotonic()
    loop.run_once(0.01)
    assert time.monotonic() - began < 5


def test_who_is_called_may_ask_to_be_called_again(loop: Loop, until: Until) -> None:
    called: list[int] = []

    def again() -> None:
        called.append(1)
        if len(called) < 3:
            loop.call_later(0.001, again)

    loop.call_later(0.0, again)
    until(lambda: len(called) == 3)


def test_who_asks_to_be_called_at_once_lets_others_have_their_turn(loop: Loop) -> None:
    """Even if it never stops to ask."""
    # Given
    reading, writing = os.pipe()
    read: list[bytes] = []
    turns: list[int] = []

    def again() -> None:
        turns.append(1)
        assert len(turns) < 10_000, "nobody else has had a turn"
        loop.call_later(0.0, again)

    loop.call_later(0.0, again)
    # When something is readable meanwhile
    loop.call_later(0.0, lambda: os.write(writing, b"x"))
    loop.watch(reading, lambda: read.append(os.read(reading, 1)))
    loop.run_once(0)
    loop.run_once(0)
    # Then
    assert read == [b"x"]
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_a_descriptor_is_served_while_something_is_due_later(loop: Loop) -> None:
    reading, writing = os.pipe()
    read: list[bytes] = []
    loop.call_later(60, lambda: read.append(b"the timer"))
    loop.watch(reading, lambda: read.append(os.read(reading, 10)))
    os.write(writing, b"a")
    loop.run_once(None)
    assert read == [b"a"]
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_a_timer_keeps_nobody_waiting_for_the_last_child(loop: Loop, fork: Fork) -> None:
    ended: list[int] = []
    loop.call_later(60, lambda: None)
    loop.adopt(fork(lambda: 0), ended.append)
    loop.run_until_alone(10)
    assert len(ended) == 1
