"""Threads after which a process may fork."""

from __future__ import annotations

import os
import threading
from functools import partial

import pytest

from lambdad.launcher import threads

TASKS = "/proc/self/task"


def test_each_result_is_in_its_place() -> None:
    assert threads.run_at_once([partial(str, number) for number in range(5)]) == list("01234")


def test_all_run_at_once() -> None:
    everybody = threading.Barrier(3)
    actions = [partial(everybody.wait, 10)] * 3
    assert sorted(threads.run_at_once(actions)) == [0, 1, 2]


def test_an_error_is_raised_when_all_have_ended() -> None:
    # Given
    done: list[str] = []

    def fail() -> None:
        raise ValueError("no")

    # When, then
    with pytest.raises(ValueError, match="no"):
        threads.run_at_once([fail, partial(done.append, "done")])
    assert done == ["done"]


def test_a_thread_that_is_not_to_be_had_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    done: list[str] = []
    start, started = threading.Thread.start, iter([True, False])

    def start_one(thread: threading.Thread) -> None:
        if not next(started):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    # When, then
    with pytest.raises(OSError, match="can't start new thread"):
        threads.run_at_once([partial(done.append, "done")] * 2)
    assert done == ["done"]


@pytest.mark.skipif(not os.path.exists(TASKS), reason="there is no /proc")
def test_the_kernel_knows_none_of_them_afterwards() -> None:
    for _ in range(500):
        theirs = threads.run_at_once([threading.get_native_id] * 4)
        assert not {str(each) for each in theirs} & set(os.listdir(TASKS))
