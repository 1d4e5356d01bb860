"""What stands in for cgroups where none may be made: weaker, and better than nothing.

memory      a limit on the data of each process, and the sum of all their shares, when asked
processes   the limit that each process has besides, on those of the sandbox's own user id
CPU         nothing
freezing    SIGSTOP, by the zygote (see signalling)
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from lambdad.launcher.cgroup_files import MB
from lambdad.launcher.cgroups import Cgroup, Limits
from lambdad.launcher.contract import Gauges
from lambdad.launcher.signalling import family

_PROCESSES_COUNTED = 128  # each takes a while to be asked, and many with much are found so
_WARM_MB = 64  # data that a process has inherited from its zygote
_SHARE = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class NoCgroups:
    """Makes stand-ins for groups."""

    is_enforced = False

    def create(self, name: str) -> Cgroup:
        return _NoGroup()

    def remove_all(self) -> None:
        """Nothing outlives its processes."""


class _NoGroup:
    def __init__(self) -> None:
        self._pid: int | None = None

    def entered(self, pid: int) -> None:
        self._pid = pid

    def limit(self, limits: Limits) -> None:
        """Its process limits itself, before it is the function's."""

    def data_limit(self, limits: Limits) -> int | None:
        return limits.memory + _WARM_MB * MB

    def open_entrances(self) -> list[int]:
        return []

    def open_gauges(self, limits: Limits) -> Gauges:
        return Gauges()

    def memory_peak(self) -> int:
        return 0

    def forget_memory_peak(self) -> None:
        """Nothing is remembered."""

    def memory_in_use(self, tmp: int) -> int:
        """Each process counts with its share of what it has in common with others."""
        if self._pid is None:
            return 0
        return sum(_share_of(pid) for pid in islice(family(self._pid), _PROCESSES_COUNTED))

    def out_of_memory_kills(self) -> int:
        return 0

    def thaw(self) -> None:
        """A stopped process dies of SIGKILL as any other."""

    def remove(self) -> None:
        self._pid = None


def _share_of(pid: int) -> int:
    try:
        found = _SHARE.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0  # it has ended
    return int(found[1]) * 1024 if found else 0
