"""Process 1 of a sandbox inherits the orphans of every process that ends there, and must reap them.

A headless browser leaves a few at every invocation; as zombies they would use up the processes that
the function may have. The function's own children are not touched, whose exit status it may still
ask for: the functions of the standard library that start processes are wrapped, so that their
process ids are known. What native code forks by itself and never waits for counts as an orphan.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from typing import Any, Callable, List, Set

_CHILDREN = "/proc/self/task/1/children"
_PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT if hasattr(os, "WNOWAIT") else 0
_STARTERS = (
    ("os", "fork"),
    ("os", "forkpty"),
    ("os", "posix_spawn"),
    ("os", "posix_spawnp"),
    ("_posixsubprocess", "fork_exec"),
    ("subprocess", "_fork_exec"),  # the same function, when it was imported before this
)


class Orphans:
    """Reaps the orphans of this sandbox; does nothing in a process that is not number 1."""

    def __init__(self) -> None:
        self._own: Set[int] = set()
        self._starting = 0
        self._is_first = os.getpid() == 1
        if self._is_first:
            importlib.import_module("_posixsubprocess")  # so that it is there to be wrapped
            for module, name in _STARTERS:
                self._watch(module, name)

    def reap(self) -> None:
        """Reap what has ended since the last time; called between invocations."""
        if not self._is_first or self._starting:
            return
        try:
            while True:
                ended = os.waitid(os.P_ALL, 0, _PEEK)
                if ended is None:
                    return
                if ended.si_pid in self._own:
                    self._reap_behind_own_child()
                    return
                os.waitpid(ended.si_pid, os.WNOHANG)
        except ChildProcessError:
            if not self._starting:
                self._own.clear()  # there are no children at all

    def _reap_behind_own_child(self) -> None:
        """A zombie of the function's stands first in the queue: go through all by their ids."""
        known = set(self._own)  # another thread may be starting one more
        children = _children()
        self._own -= known.difference(children)
        for pid in children:
            if pid not in self._own:
                os.waitpid(pid, os.WNOHANG)

    def _watch(self, module_name: str, name: str) -> None:
        module = sys.modules.get(module_name)
        start: Callable[..., Any] = getattr(module, name, None)  # type: ignore[assignment]
        if module is None or start is None:
            return

        @functools.wraps(start)
        def watched(*arguments: Any, **options: Any) -> Any:
            self._starting += 1
            try:
                started = start(*arguments, **options)
                self._own.add(started[0] if isinstance(started, tuple) else started)
            finally:
                self._starting -= 1
            return started

        setattr(module, name, watched)


def _children() -> List[int]:
    try:
        with open(_CHILDREN) as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []
