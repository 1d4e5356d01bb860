"""Work that takes seconds, in a process of its own: the launcher has others to look after."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from lambdad.launcher import entering, syscalls
from lambdad.launcher.loop import Loop

_LONGEST_PROBLEM = 4_000  # bytes, which every pipe holds


def run(loop: Loop, work: Callable[[], object], done: Callable[[str | None], None]) -> None:
    """Do `work` in a child; `done` gets None, or what went wrong."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid == 0:
        _work_and_exit(work, writing)
    os.close(writing)

    def ended(status: int) -> None:
        with open(reading, "rb") as file:
            problem = file.read().decode(errors="replace")
        if status and not problem:
            problem = f"it ended with wait status {status}"
        done(problem or None)

    loop.adopt(pid, ended)


def _work_and_exit(work: Callable[[], object], writing: int) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        if sys.platform == "linux":
            syscalls.die_with_parent()
            entering.close_all_but([writing])
        work()
        status = 0
    except BaseException as error:
        os.write(writing, (str(error) or repr(error)).encode()[:_LONGEST_PROBLEM])
    finally:  # whatever happens, this process must not go on as a second launcher
        os._exit(status)
