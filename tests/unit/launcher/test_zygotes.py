"""A zygote as the launcher sees it, in whatever order its packets, its end and its death come."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import packets, zygotes
from lambdad.launcher.loop import Loop
from lambdad.launcher.zygotes import ZygoteProcess

Fork = Callable[[Callable[[], int | None]], int]
Until = Callable[[Callable[[], object]], None]
Life = Callable[[socket.socket], int | None]
Start = Callable[[Life], ZygoteProcess]


@pytest.fixture
def start(loop: Loop, fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    """Start a zygote that lives as a test says, in an ordinary child process."""

    def start(life: Life) -> ZygoteProcess:
        def spawn(interpreter: Any, trees: Any, root: Path, control: int) -> int:
            def live() -> int | None:
                with packets.from_descriptor(os.dup(control)) as channel:
                    return life(channel)

            return fork(live)

        monkeypatch.setattr(zygotes, "_spawn", spawn)
        nothing: Any = None
        return ZygoteProcess(loop, nothing, nothing, tmp_path)

    return start


def wait_for_death(zygote: ZygoteProcess) -> None:
    """Until it is a zombie; the loop has not looked yet."""
    os.waitid(os.P_PID, zygote._pid, os.WEXITED | os.WNOWAIT)


def serve(channel: socket.socket) -> int:
    """Be ready, fork the calling process itself for each request, end the environment at once."""
    packets.send(channel, {"type": "ready"})
    while packet := packets.receive(channel):
        request, descriptors = packet
        pidfd = os.pidfd_open(os.getpid())
        packets.send(channel, {"type": "forked", "id": request["id"]}, [pidfd])
        packets.send(channel, {"type": "exited", "id": request["id"], "status": 256})
        for descriptor in [pidfd, *descriptors]:
            os.close(descriptor)
    return 0


def wait_for_the_end(channel: socket.socket) -> int:
    packets.send(channel, {"type": "ready"})
    while packets.receive(channel):
        pass
    return 0


def test_who_waits_is_told_when_it_is_ready(start: Start, until: Until) -> None:
    answers: list[str | None] = []
    zygote = start(serve)
    zygote.when_ready(answers.append)
    zygote.when_ready(answers.append)
    until(lambda: answers)
    zygote.when_ready(answers.append)
    assert answers == [None, None, None]
    zygote.kill()
    until(lambda: zygote.is_gone)


def test_who_waits_is_told_when_it_will_never_be_ready(start: Start, until: Until) -> None:
    answers: list[str | None] = []
    start(lambda channel: 70).when_ready(answers.append)
    until(lambda: answers)
    assert answers == ["the interpreter could not be started (wait status 17920)"]


def test_an_environment_is_forked_and_its_end_is_told(start: Start, until: Until) -> None:
    events: list[tuple[str, int]] = []
    zygote = start(serve)

    def forked(pidfd: int) -> None:
        os.close(pidfd)
        events.append(("forked", 0))

    zygote.fork({"id": "e1"}, [0], forked, lambda status: events.append(("exited", status)))
    until(lambda: len(events) == 2)
    assert events == [("forked", 0), ("exited", 256)]
    zygote.kill()
    until(lambda: zygote.is_gone)


def test_its_environments_end_with_it(start: Start, until: Until) -> None:
    statuses: list[int] = []
    zygote = start(wait_for_the_end)
    for name in ("e1", "e2"):
        zygote.fork({"id": name}, [], os.close, statuses.append)
    zygote.kill()
    until(lambda: statuses)
    assert statuses == [signal.SIGKILL, signal.SIGKILL]
    zygote.kill()  # legal, and nobody's pid is hit


def test_a_dead_one_takes_no_request(start: Start, until: Until) -> None:
    zygote = start(lambda channel: 0)
    wait_for_death(zygote)
    with pytest.raises(OSError, match="Broken pipe"):
        zygote.fork({"id": "e1"}, [], os.close, lambda status: None)
    until(lambda: zygote.is_gone)


def speak_and_die(channel: socket.socket) -> int:
    for _ in range(3):
        packets.send(channel, {"type": "ready"})
    return 0


def test_one_that_dies_with_words_unread_is_not_watched_any_more(
    start: Start, loop: Loop, until: Until
) -> None:
    """The next descriptor with its number must be one that can be watched."""
    # Given
    zygote = start(speak_and_die)
    number = zygote._control.fileno()
    wait_for_death(zygote)
    # When its death is told before everything that it said is read
    until(lambda: zygote.is_gone)
    # Then
    reading, writing = os.pipe()
    os.dup2(reading, number)
    loop.watch(number, lambda: None)
    loop.forget(number)
    for descriptor in {reading, writing, number}:
        os.close(descriptor)


def test_a_death_that_is_told_before_the_end_of_the_socket_does_no_harm(
    start: Start, loop: Loop, fork: Fork, until: Until
) -> None:
    """Two end at once: the signal of the first tells of both, and the second's socket is ready."""
    # Given that the signal comes first
    loop.adopt(fork(lambda: 0), lambda status: None)
    os.kill(os.getpid(), signal.SIGCHLD)
    zygotes = [start(speak_and_die) for _ in range(3)]
    for zygote in zygotes:
        wait_for_death(zygote)
    # When, Then
    until(lambda: all(zygote.is_gone for zygote in zygotes))
    loop.run_once(0)
