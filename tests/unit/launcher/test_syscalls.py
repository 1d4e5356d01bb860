"""System calls that are not as others: on machines whose numbers we do not have, where a node runs
without sandboxes; and a fork that Python does not offer."""

from __future__ import annotations

import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lambdad.launcher import syscalls

_PR_GET_DUMPABLE = 3
_NONE = 0x7FFFFFFF  # no descriptor has this number


def test_what_a_node_needs_is_there_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    syscalls.prctl(_PR_GET_DUMPABLE)
    syscalls.close_range(_NONE, _NONE)


def test_what_only_sandboxes_need_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="namespaces are not available on riscv64"):
        syscalls.pivot_root(".", ".")


@pytest.mark.root
def test_a_fork_into_a_pid_namespace_needs_no_other_thread() -> None:
    with another_thread_at_work():
        statuses = {status_of_a_child() for _ in range(200)}
    assert statuses == {1}


def status_of_a_child() -> int:
    """What becomes of one that exits with its process id."""
    pid = syscalls.fork_into_new_pid_namespace()
    if pid == 0:
        os._exit(os.getpid())
    try:
        return os.waitstatus_to_exitcode(_wait(pid))
    finally:
        _kill(pid)


def _wait(pid: int, patience: float = 10) -> int:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.001)
    raise AssertionError("the child did nothing")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except OSError:
        pass  # it has ended


@contextmanager
def another_thread_at_work() -> Iterator[None]:
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
