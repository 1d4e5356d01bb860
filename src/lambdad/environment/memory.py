"""How much memory a sandbox has used at most.

Two figures, and the larger counts. The cgroup's peak knows every process, but not the pages that
a fork still shares with its zygote: those were charged to the zygote. The resident size of the
first process knows those, but nothing of the others, and only as it is when it is read.
"""

from __future__ import annotations

import os

_MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryInUse:
    """Reads both figures, at a cost of a few microseconds, whenever it is asked."""

    def __init__(self) -> None:
        self._statm: int | None = None
        self._cgroup_peak: int | None = None
        self._peak = 0

    def watch(self, statm: int | None, cgroup_peak: int | None) -> None:
        """Read from these descriptors; `statm` is owned from now on, the other is not."""
        self._statm = statm
        self._cgroup_peak = cgroup_peak

    def raise_to(self, size: int) -> None:
        """Somebody else measured `size` bytes."""
        self._peak = max(self._peak, size)

    def peak_mb(self) -> int:
        """The most so far, in whole megabytes."""
        try:
            if self._statm is not None:
                self.raise_to(int(os.pread(self._statm, 64, 0).split()[1]) * _PAGE)
            if self._cgroup_peak is not None:
                self.raise_to(int(os.pread(self._cgroup_peak, 32, 0)))
        except (OSError, IndexError):
            pass  # the process has just ended; what was read before stands
        return -(-self._peak // _MB)

    def close(self) -> None:
        """Read one last time, and no more."""
        self.peak_mb()
        if self._statm is not None:
            os.close(self._statm)
        self._statm = self._cgroup_peak = None
