"""How much memory a sandbox has used at most.

A cgroup knows the peak of all its processes, but not the pages that a fork still shares with its
zygote: those were charged to the zygote. So their size is taken once, when Init is over: what the
first process has in memory, less what the cgroup was charged. And the cgroup counts what lies in
/tmp, which is no memory of a function's. Without a cgroup, the first process has to do.
"""

from __future__ import annotations

import os

_MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryInUse:
    """Reads what there is to read, at a cost of a few microseconds, when it is told to.

    The descriptors: `statm` of the first process, the cgroup's peak, and /tmp; None where there is
    none. The first and the last are owned.
    """

    def __init__(
        self, statm: int | None = None, cgroup_peak: int | None = None, tmp: int | None = None
    ) -> None:
        self._statm = statm
        self._cgroup_peak = cgroup_peak
        self._tmp = tmp
        self._shared = 0
        self._resident = 0
        self._no_memory = 0
        self.held = 0  # bytes that are its own, with what is in /tmp
        self.files = 0  # bytes in /tmp
        self._peak = 0

    def settle(self) -> None:
        """Init is over: from now on the cgroup alone is asked, where there is one."""
        if self._cgroup_peak is None or self._statm is None:
            return
        try:
            charged = int(os.pread(self._cgroup_peak, 32, 0)) - self._files()
            self._shared = max(0, _resident(self._statm) - charged)
        except (OSError, IndexError):
            pass  # the process has just ended
        os.close(self._statm)
        self._statm = None

    def raise_to(self, size: int) -> None:
        """Somebody else measured `size` bytes in the cgroup."""
        self._peak = max(self._peak, self._shared + size)

    def correct(self, in_use: int) -> None:
        """Somebody looked: of what the cgroup counted until now, so much is memory. The rest was
        files that are deleted by now, or cached."""
        self._no_memory = max(self._no_memory, self.held - self.files - in_use)

    def read(self) -> None:
        """Look how much it is now."""
        try:
            if self._statm is not None:
                self._resident = max(self._resident, _resident(self._statm))
                self.held = self._resident
            if self._cgroup_peak is not None:
                self.held = int(os.pread(self._cgroup_peak, 32, 0))
                self.files = self._files()
        except (OSError, IndexError):
            pass  # the process has just ended; what was read before stands

    @property
    def last_mb(self) -> int:
        """What was read last; nobody vouches for all of it being memory."""
        return _megabytes(self._now())

    def peak_mb(self) -> int:
        """The most so far, in whole megabytes, with what was read last."""
        self._peak = max(self._peak, self._now())
        return _megabytes(self._peak)

    def _now(self) -> int:
        if self._cgroup_peak is None:
            return max(self._resident, self._peak)
        charged = self.held - self.files - self._no_memory
        return max(self._resident, self._shared + charged)

    def close(self) -> None:
        """Read one last time, and no more."""
        self.read()
        self.peak_mb()
        for descriptor in (self._statm, self._tmp):
            if descriptor is not None:
                os.close(descriptor)
        self._statm = self._cgroup_peak = self._tmp = None

    def _files(self) -> int:
        if self._tmp is None:
            return 0
        room = os.fstatvfs(self._tmp)
        return (room.f_blocks - room.f_bfree) * room.f_frsize


def _resident(statm: int) -> int:
    return int(os.pread(statm, 64, 0).split()[1]) * _PAGE


def _megabytes(size: int) -> int:
    return -(-size // _MB)
