"""The files of a function, watched by looking at them again and again.

What is looked at is exactly what deploy packs: what deploy leaves out is no change, and links are
followed. Looking costs about 15 microseconds a file; the pause between two looks grows with it, so
that a package of many thousand files does not keep a processor busy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambdad.cli.archive import files_below

_PAUSE = 0.05
_PAUSE_PER_LOOK = 4  # times what the last look took

_MAX_PAUSES = 10  # a file that is written all the time must not hold back the others

# Inode, size, and the times of the last change of content and of anything.
_Mark = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Change:
    """The files that are new, different or gone, and when that was noticed (monotonic)."""

    files: frozenset[str]
    noticed: float

    def __or__(self, later: Change) -> Change:
        return Change(self.files | later.files, later.noticed)


class WatchedFiles:
    """A directory or one file, and what was seen of it last."""

    def __init__(self, path: Path, sleep: Callable[[float], object] = time.sleep) -> None:
        self.path = path
        self._sleep = sleep
        self._pause = _PAUSE
        self._seen = self._look()

    def wait_for_change(self, timeout: float = float("inf")) -> Change | None:
        """Wait until files have changed and then been quiet for a pause; None when time is up."""
        deadline = time.monotonic() + timeout
        while True:
            seen, noticed = self._look(), time.monotonic()
            # A file that comes and goes again, as editors' own do, is no change.
            if seen != self._seen and (files := self._settle(seen)):
                return Change(files, noticed)
            if noticed >= deadline:
                return None
            self._sleep(self._pause)

    def _settle(self, seen: dict[str, _Mark]) -> frozenset[str]:
        """Look until nothing moves, but not for ever; the names of what is not as it was."""
        for _ in range(_MAX_PAUSES):
            self._sleep(self._pause)
            before, seen = seen, self._look()
            if seen == before:
                break
        names = self._seen.keys() | seen.keys()
        changed = frozenset(name for name in names if self._seen.get(name) != seen.get(name))
        self._seen = seen
        return changed

    def _look(self) -> dict[str, _Mark]:
        start = time.monotonic()
        seen = _marks(self.path)
        self._pause = max(_PAUSE, _PAUSE_PER_LOOK * (time.monotonic() - start))
        return seen


def _marks(path: Path) -> dict[str, _Mark]:
    """A mark for each file; one that is gone for the moment of a save has none."""
    marks = {}
    for name, file in _files(path).items():
        try:
            status = os.stat(file)
        except OSError:
            continue
        marks[name] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return marks


def _files(path: Path) -> dict[str, Path]:
    try:
        return files_below(path)
    except NotADirectoryError:
        return {path.name: path}
    except OSError:
        return {}
