"""Threads that are gone when their work is done.

Who forks, as the launcher does, must be the only thread. One that has ended for Python is still
there for the kernel a moment longer, and may hold a lock of the C library's: a child that is forked
then waits for that lock for ever.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def run_at_once(actions: Sequence[Callable[[], T]]) -> list[T]:
    """What each of them gives, in a thread of its own; raises the first error that one raised,
    when all have ended. OSError when no more threads are to be had."""
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            results[number] = actions[number]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(actions))]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:
        errors.append(OSError(str(error)))
    for thread in threads:
        _see_off(thread)
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(actions))]


def _see_off(thread: threading.Thread) -> None:
    """Wait for its end, if it ever began."""
    if thread.ident is None:
        return
    thread.join()
    while os.path.exists(f"/proc/self/task/{thread.native_id}"):
        os.sched_yield()  # Python's part of it has ended, and the kernel's is about to
