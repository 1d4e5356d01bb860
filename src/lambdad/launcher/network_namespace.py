"""Network namespaces by descriptor: made, and visited.

Who is root in a user namespace alone can leave the host's network and never come back to it. A
namespace belongs to a thread, so it is one of its own that goes there, does something, and ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from lambdad.launcher import syscalls, threads

T = TypeVar("T")


def make() -> int:
    """A descriptor of a new one, which is gone when nobody has a descriptor or is in it."""

    def leave() -> int:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    return threads.run_at_once([leave])[0]


def visit(namespace: int, action: Callable[[], T]) -> T:
    """Do something in it. A socket that is opened there stays there."""

    def enter() -> T:
        syscalls.setns(namespace, syscalls.CLONE_NEWNET)
        return action()

    return threads.run_at_once([enter])[0]
