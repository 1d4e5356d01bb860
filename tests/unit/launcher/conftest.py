"""The launcher's loop, and children, for its tests."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from lambdad.launcher.loop import Loop

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_PATIENCE = 10.0

Fork = Callable[[Callable[[], int | None]], int]
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def loop() -> Iterator[Loop]:
    """The launcher's loop; the test run's own signal handlers are back afterwards."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    loop = Loop()
    yield loop
    loop.close()
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def until(loop: Loop) -> Until:
    """Let the loop run until something is so."""

    def until(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            loop.run_once(0.05)

    return until


@pytest.fixture
def fork() -> Iterator[Fork]:
    """Run a function in a child process, which ends with the status that it returns."""
    children: list[int] = []

    def fork(run: Callable[[], int | None]) -> int:
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                signal.set_wakeup_fd(-1)
                for number in _SIGNALS:
                    signal.signal(number, signal.SIG_DFL)
                status = run() or 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(pid)
        return pid

    yield fork
    for pid in children:
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # reaped by the loop
