"""Network namespaces by descriptor: made, and visited.

Who is root in a user namespace alone can leave the host's network and never come back to it. A
namespace belongs to a thread, so it is one of its own that goes there, does something, and ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from lambdad.launcher import syscalls

T = TypeVar("T")


def make() -> int:
    """A descriptor of a new one, which is gone when nobody has a descriptor or is in it."""

    def leave() -> int:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    return _in_a_thread(leave)


def visit(namespace: int, action: Callable[[], T]) -> T:
    """Do something in it. A socket that is opened there stays there."""

    def enter() -> T:
        syscalls.setns(namespace, syscalls.CLONE_NEWNET)
        return action()

    return _in_a_thread(enter)


def _in_a_thread(action: Callable[[], T]) -> T:
    """Wait for its end: who forks, as the launcher does, must be the only thread."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(action())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    try:
        thread.start()
    except RuntimeError as error:  # no more threads are to be had
        raise OSError(str(error)) from None
    thread.join()
    while os.path.exists(f"/proc/self/task/{thread.native_id}"):
        os.sched_yield()  # Python's part of it has ended, and the kernel's is about to
    if errors:
        raise errors[0]
    return results[0]
