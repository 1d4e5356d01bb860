"""Ending, stopping and continuing all processes of an environment, from the zygote that forked it.

What the first process starts is in its PID namespace, and the kernel ends all of it with the first
process. For stopping there is no such help: where no cgroup can freeze, every process is sent
SIGSTOP, and looked for again until no running one is left.
"""

from __future__ import annotations

import os
import signal
from typing import Iterator

_ROUNDS = 100  # some tenths of a second, while processes are started faster than stopped


def kill(pid: int) -> None:
    """End the environment whose first process is `pid`."""
    os.kill(pid, signal.SIGKILL)


def freeze(pid: int) -> None:
    """Stop every process of it."""
    for _ in range(_ROUNDS):
        running = [each for each in family(pid) if not _is_stopped(each)]
        if not running:
            return
        for each in running:
            _send(each, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let every process of it go on."""
    for each in family(pid):
        _send(each, signal.SIGCONT)


def family(pid: int) -> Iterator[int]:
    """The first process of a sandbox and all below it; what has lost its parent is its child."""
    ahead = [pid]
    while ahead:  # not by recursion: it is the function that decides how deep this goes
        each = ahead.pop()
        yield each
        ahead += _children_of(each)


def _children_of(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                yield from map(int, file.read().split())
        except OSError:
            continue


def _is_stopped(pid: int) -> bool:
    """Whether no thread of it runs; the first one may have ended long before the others."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return True  # it has ended
    return all(_thread_is_stopped(pid, thread) for thread in threads)


def _thread_is_stopped(pid: int, thread: str) -> bool:
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:  # its name is any bytes
            return file.read().rpartition(b")")[2].split()[0] in b"TtZX"
    except OSError:
        return True


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
