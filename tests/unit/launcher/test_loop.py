"""The launcher's loop: one thing at a time, and every child's end is told once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from lambdad.launcher.loop import Loop

Fork = Callable[[Callable[[], int | None]], int]
Until = Callable[[Callable[[], object]], None]


def test_a_descriptor_calls_back_while_it_is_readable(loop: Loop) -> None:
    reading, writing = os.pipe()
    read: list[bytes] = []
    loop.watch(reading, lambda: read.append(os.read(reading, 10)))
    loop.run_once(0)
    os.write(writing, b"a")
    loop.run_once(1)
    assert read == [b"a"]
    loop.forget(reading)
    os.write(writing, b"b")
    loop.run_once(0)
    assert read == [b"a"]
    os.close(reading)
    os.close(writing)


def test_a_childs_wait_status_is_told_once(loop: Loop, fork: Fork, until: Until) -> None:
    statuses: list[int] = []
    loop.adopt(fork(lambda: 3), statuses.append)
    until(lambda: statuses)
    loop.run_once(0)
    assert [os.waitstatus_to_exitcode(status) for status in statuses] == [3]


def test_children_that_end_together_are_all_told(loop: Loop, fork: Fork, until: Until) -> None:
    """SIGCHLD comes once for many."""
    ended: list[int] = []
    pids = [fork(lambda: 0) for _ in range(5)]
    for pid in pids:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        loop.adopt(pid, lambda status, pid=pid: ended.append(pid))  # type: ignore[misc]
    until(lambda: len(ended) == 5)
    assert sorted(ended) == sorted(pids)


def test_a_child_of_nobodys_is_reaped_without_a_word(loop: Loop, fork: Fork, until: Until) -> None:
    stranger = fork(lambda: 0)
    os.waitid(os.P_PID, stranger, os.WEXITED | os.WNOWAIT)
    ended: list[int] = []
    loop.adopt(fork(lambda: 0), ended.append)
    until(lambda: ended)


def test_signals_are_handled_by_the_loop_and_not_where_they_arrive(loop: Loop) -> None:
    heard: list[str] = []
    loop.on_signal(signal.SIGUSR1, lambda: heard.append("usr1"))
    os.kill(os.getpid(), signal.SIGUSR1)
    assert heard == []
    loop.run_once(1)
    assert heard == ["usr1"]


def test_run_ends_with_stop(loop: Loop) -> None:
    loop.on_signal(signal.SIGUSR1, loop.stop)
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run()


def test_the_last_childs_end_ends_the_waiting(loop: Loop, fork: Fork) -> None:
    ended: list[int] = []
    loop.adopt(fork(lambda: 0), ended.append)
    loop.run_until_alone(10)
    assert len(ended) == 1


def test_nobody_is_waited_for_longer_than_asked(loop: Loop, fork: Fork) -> None:
    ended: list[int] = []
    loop.adopt(fork(signal.pause), ended.append)
    loop.run_until_alone(0.01)
    assert ended == []


def test_a_callback_may_forget_a_descriptor_that_is_ready_too(loop: Loop) -> None:
    (first, first_end), (second, second_end) = os.pipe(), os.pipe()
    called: list[int] = []

    def forget_the_other(own: int, other: int) -> None:
        called.append(own)
        loop.forget(other)

    loop.watch(first, lambda: forget_the_other(first, second))
    loop.watch(second, lambda: forget_the_other(second, first))
    os.write(first_end, b"x")
    os.write(second_end, b"x")
    loop.run_once(1)
    assert len(called) == 1
    for descriptor in (first, first_end, second, second_end):
        os.close(descriptor)


def test_a_descriptor_that_took_over_a_number_is_not_called_for_its_predecessor(
    loop: Loop,
) -> None:
    """A callback ends one channel and opens the next, and the kernel gives it the same number."""
    # Given two ready descriptors
    (first, first_end), (second, second_end) = os.pipe(), os.pipe()
    empty, empty_end = os.pipe()
    called: list[str] = []

    def replace(other: int) -> None:
        called.append("replace")
        loop.forget(other)
        os.dup2(empty, other)
        loop.watch(other, lambda: called.append("successor"))

    loop.watch(first, lambda: replace(second))
    loop.watch(second, lambda: replace(first))
    os.write(first_end, b"x")
    os.write(second_end, b"x")
    # When the first that is called replaces the other
    loop.run_once(1)
    # Then nobody is called for the other, which has nothing to say
    assert called == ["replace"]
    for descriptor in (first, first_end, second, second_end, empty, empty_end):
        os.close(descriptor)
