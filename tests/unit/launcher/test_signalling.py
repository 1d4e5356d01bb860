"""Stopping, continuing and ending families of real processes."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from lambdad.launcher import signalling
from support.waiting import wait_until

pytestmark = pytest.mark.skipif(
    not os.path.exists(f"/proc/self/task/{os.getpid()}/children"), reason="Linux only"
)

Fork = Callable[[Callable[[], int | None]], int]
QUIET_SECONDS = 0.1


class Family:
    """A first process that a test describes; each of its processes and threads says its name,
    which is one letter, again and again."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork
        self._reading, self.writing = os.pipe()

    def begin(self, first: Callable[[Family], None], names: str) -> int:
        def live() -> None:
            adopt_orphans()  # as the first process of a PID namespace does
            first(self)

        self.pid = self._fork(live)
        self._names = names
        wait_until(lambda: self.heard() == set(names), f"{names} have begun")
        return self.pid

    def speak(self, name: str) -> NoReturn:
        while True:
            os.write(self.writing, name.encode())
            time.sleep(0.001)

    def start_process(self, run: Callable[[], None]) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                run()
            finally:
                os._exit(0)
        return pid

    def start_thread(self, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def heard(self) -> set[str]:
        """Who has spoken in the last moments."""
        self._drain()
        select.select([], [], [], 0.03)
        return set(self._drain().decode())

    def is_quiet(self) -> bool:
        self._drain()
        return not select.select([self._reading], [], [], QUIET_SECONDS)[0]

    def assert_stops_and_goes_on(self) -> None:
        signalling.freeze(self.pid)
        wait_until(self.is_quiet, "nobody speaks", timeout=5)
        signalling.thaw(self.pid)
        wait_until(lambda: self.heard() == set(self._names), "everybody speaks", timeout=5)

    def close(self) -> None:
        for pid in [*signalling.family(self.pid)][::-1]:
            if pid != self.pid:
                os.kill(pid, signal.SIGKILL)
        os.close(self._reading)
        os.close(self.writing)

    def _drain(self) -> bytes:
        text = b""
        while select.select([self._reading], [], [], 0)[0]:
            text += os.read(self._reading, 65536)
        return text


def adopt_orphans() -> None:
    child_subreaper = 36
    ctypes.CDLL(None).prctl(child_subreaper, 1, 0, 0, 0)


@pytest.fixture
def family(fork: Fork) -> Iterator[Family]:
    family = Family(fork)
    yield family
    family.close()


def alone(family: Family) -> None:
    family.speak("a")


def with_a_thread(family: Family) -> None:
    family.start_thread(lambda: family.speak("b"))
    family.speak("a")


def with_a_child_of_a_thread(family: Family) -> None:
    """Whose parent is, to the kernel, the thread."""
    family.start_thread(
        lambda: (family.start_process(lambda: family.speak("b")), family.speak("c"))
    )
    family.speak("a")


def with_grandchildren(family: Family) -> None:
    def child() -> None:
        family.start_process(lambda: family.speak("c"))
        family.speak("b")

    family.start_process(child)
    family.speak("a")


def with_a_daemon(family: Family) -> None:
    """Forked twice, with a session of its own, and its parent dead."""

    def child() -> None:
        os.setsid()
        family.start_process(lambda: family.speak("b"))

    os.waitpid(family.start_process(child), 0)
    family.speak("a")


def with_a_dead_child(family: Family) -> None:
    family.start_process(lambda: None)
    family.start_process(lambda: family.speak("b"))
    family.speak("a")


def with_a_name_that_misleads(family: Family) -> None:
    """The kernel shows it in the middle of the line in which it tells the state."""
    Path("/proc/self/comm").write_text("x) T 1 (")
    family.speak("a")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "names"),
    [
        (alone, "a"),
        (with_a_thread, "ab"),
        (with_a_child_of_a_thread, "abc"),
        (with_grandchildren, "abc"),
        (with_a_daemon, "ab"),
        (with_a_dead_child, "ab"),
        (with_a_name_that_misleads, "a"),
    ],
)
def test_all_of_it_stops_and_goes_on(
    family: Family, first: Callable[[Family], None], names: str
) -> None:
    family.begin(first, names)
    family.assert_stops_and_goes_on()
    family.assert_stops_and_goes_on()


@pytest.mark.slow
def test_a_process_whose_first_thread_has_ended_stops_too(fork: Fork, tmp_path: Path) -> None:
    """To the kernel that thread is a zombie, and the process is not."""
    # Given
    program = tmp_path / "program.py"
    program.write_text(
        "import ctypes, sys, threading, time\n"
        "def speak():\n"
        "    while True:\n"
        "        sys.stdout.write('b'); sys.stdout.flush(); time.sleep(0.001)\n"
        "threading.Thread(target=speak).start()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.syscall(60, 0)\n"  # exit, of this thread alone
    )
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    out = process.stdout.fileno()
    wait_until(lambda: " Z " in Path(f"/proc/{process.pid}/stat").read_text(), "it has ended")
    # When
    signalling.freeze(process.pid)

    def is_quiet() -> bool:
        while select.select([out], [], [], 0)[0]:
            os.read(out, 65536)
        return not select.select([out], [], [], QUIET_SECONDS)[0]

    # Then
    try:
        wait_until(is_quiet, "nobody speaks", timeout=3)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_process_that_forks_all_the_time_does_not_get_away(family: Family) -> None:
    # Given a chain: each lives for a moment and leaves another
    def chain() -> None:
        while True:
            os.write(family.writing, b"b")
            if os.fork():
                os._exit(0)

    def first(family: Family) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        family.start_process(chain)
        family.speak("a")

    family.begin(first, "ab")

    # When it is tried as often as a busy machine takes
    def freeze_and_listen() -> bool:
        signalling.freeze(family.pid)
        return family.is_quiet()

    # Then
    wait_until(freeze_and_listen, "nobody speaks")


def test_kill_ends_the_first_process_frozen_or_not(fork: Fork) -> None:
    for is_frozen in (False, True):
        pid = fork(signal.pause)
        if is_frozen:
            signalling.freeze(pid)
        signalling.kill(pid)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_who_has_ended_meanwhile_is_nobodys_concern(fork: Fork) -> None:
    pid = fork(lambda: 0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    signalling.freeze(pid)
    signalling.thaw(pid)
    os.waitpid(pid, 0)
    signalling.freeze(pid)
    signalling.thaw(pid)


def test_a_family_may_be_deeper_than_an_interpreter_can_recurse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signalling, "_children_of", lambda pid: iter(range(pid + 1, pid + 2)))
    family = signalling.family(1)
    assert [next(family) for _ in range(5_000)] == list(range(1, 5_001))
