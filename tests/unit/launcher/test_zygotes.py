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

        monkeypatch.setattr(zygotes, "spawn", spawn)
        nothing: Any = None
        return ZygoteProcess(loop, nothing, nothing, tmp_path)

    return start


def wait_for_death(zygote: ZygoteProcess) -> None:
    """Until it is a zombie; the loop has not looked yet."""
    os.waitid(os.P_PID, zygote._pid, os.WEXITED | os.WNOWAIT)


def serve(channel: socket.socket) -> int:
    """Be ready; for each request say that the calling process itself waits, and end it at once."""
    packets.send(channel, {"type": "ready"})
    while packet := packets.receive(channel):
        request, descriptors = packet
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        pidfd = os.pidfd_open(os.getpid())
        waiting = {"type": "waiting", "id": request["id"], "handed": []}
        packets.send(channel, waiting, [namespace, pidfd])
        packets.send(channel, {"type": "exited", "id": request["id"], "status": 256})
        for descriptor in [namespace, pidfd, *descriptors]:
            os.close(descriptor)
    return 0


def close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


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


def fail(channel: socket.socket) -> int:
    packets.send(channel, {"type": "failed", "problem": "there is no compiler"})
    return 70


def test_what_went_wrong_before_a_zygote_was_one_is_told(start: Start, until: Until) -> None:
    answers: list[str | None] = []
    start(fail).when_ready(answers.append)
    until(lambda: answers)
    assert answers == ["there is no compiler"]


def test_an_environment_is_forked_and_its_end_is_told(start: Start, until: Until) -> None:
    events: list[tuple[str, int]] = []
    zygote = start(serve)

    def waiting(namespace: int, pidfd: int, handed: dict[str, int]) -> None:
        assert handed == {}
        assert os.path.sameopenfile(namespace, own)
        close_all(namespace, pidfd)
        events.append(("waiting", 0))

    own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    zygote.fork({"id": "e1"}, [0], waiting, lambda status: events.append(("exited", status)))
    until(lambda: len(events) == 2)
    assert events == [("waiting", 0), ("exited", 256)]
    os.close(own)
    zygote.kill()
    until(lambda: zygote.is_gone)


def listen(channel: socket.socket) -> int:
    """Say nothing but, for each packet, what it was, as an end of that environment."""
    packets.send(channel, {"type": "ready"})
    statuses = {"kill": 1, "freeze": 2, "thaw": 3}
    while packet := packets.receive(channel):
        request, _ = packet
        if status := statuses.get(request["type"]):
            packets.send(channel, {"type": "exited", "id": request["id"], "status": status})
    return 0


@pytest.mark.parametrize(("what", "number"), [("kill", 1), ("freeze", 2), ("thaw", 3)])
def test_what_an_environment_is_to_do_is_passed_on(
    start: Start, until: Until, what: str, number: int
) -> None:
    statuses: list[int] = []
    zygote = start(listen)
    zygote.fork({"id": "e1"}, [], close_all, statuses.append)
    zygote.signal("e1", what)
    until(lambda: statuses)
    assert statuses == [number]
    zygote.kill()
    until(lambda: zygote.is_gone)


def test_nobody_is_signalled_when_the_zygote_is_gone(start: Start, until: Until) -> None:
    zygote = start(lambda channel: 0)
    wait_for_death(zygote)
    zygote.signal("e1", "kill")
    until(lambda: zygote.is_gone)
    zygote.signal("e1", "kill")


def test_nobody_who_is_killed_is_forgotten_while_the_zygote_is_busy(
    start: Start, until: Until
) -> None:
    """It may be making others just then, and what it is told meanwhile has to wait."""
    # Given a zygote that does not listen for a while
    gate, opening = os.pipe()

    def listen_when_told(channel: socket.socket) -> int:
        os.read(gate, 1)
        return listen(channel)

    zygote = start(listen_when_told)
    ended: list[int] = []
    names = [f"e{n}" for n in range(50)]
    for name in names:
        zygote.fork({"id": name}, [], close_all, ended.append)
    # When much is asked of it
    for n in range(1000):
        zygote.signal(f"stranger{n}", "ignore")
    for name in names:
        zygote.signal(name, "kill")
    os.write(opening, b"x")
    # Then
    try:
        until(lambda: len(ended) == len(names))
    finally:
        zygote.kill()
        until(lambda: zygote.is_gone)
        close_all(gate, opening)


def test_its_environments_end_with_it(start: Start, until: Until) -> None:
    statuses: list[int] = []
    zygote = start(wait_for_the_end)
    for name in ("e1", "e2"):
        zygote.fork({"id": name}, [], close_all, statuses.append)
    zygote.kill()
    until(lambda: statuses)
    assert statuses == [signal.SIGKILL, signal.SIGKILL]
    zygote.kill()  # legal, and nobody's pid is hit


def test_a_dead_one_takes_no_request(start: Start, until: Until) -> None:
    zygote = start(lambda channel: 0)
    wait_for_death(zygote)
    with pytest.raises(OSError, match="Broken pipe"):
        zygote.fork({"id": "e1"}, [], close_all, lambda status: None)
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
