"""Control groups: one per sandbox, for its memory, CPU share, number of processes, and freezing.

Two generations, one face. With version 1 a sandbox has a directory in each controller's hierarchy;
with version 2 it has one. Both stand below a directory of this server, named after its slot, so
that a new server finds and removes what a killed one left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lambdad.launcher.cgroup_files import MB
from lambdad.launcher.contract import Gauges

CPU_PERIOD_US = 20_000  # a longer one stalls small functions for most of it
_LEAST_QUOTA_US = 1_000  # the kernel's own floor
MEMORY_MB_PER_CPU = 1_769
PROCESSES = 1_024
CONTROLLERS = ("memory", "cpu", "pids")


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use; its CPU share follows from its memory, as AWS's does.

    The kernel counts what lies in /tmp as memory, and AWS does not: so the kernel's hard limit is
    the sum of both. Whether it is the memory that has grown over its own limit, somebody must look.
    """

    memory_mb: int
    ephemeral_storage_mb: int = 0

    @property
    def memory(self) -> int:
        """Bytes that processes may use."""
        return self.memory_mb * MB

    @property
    def memory_and_files(self) -> int:
        """Bytes that processes and /tmp may use together."""
        return (self.memory_mb + self.ephemeral_storage_mb) * MB

    @property
    def cpu_quota_us(self) -> int:
        """Microseconds of CPU in each period of CPU_PERIOD_US."""
        return max(_LEAST_QUOTA_US, CPU_PERIOD_US * self.memory_mb // MEMORY_MB_PER_CPU)


class Cgroup(Protocol):
    """The group of one sandbox.

    The launcher owns it from `Cgroups.create` until `remove`, which is called when its last
    process is gone.
    """

    def entered(self, pid: int) -> None:
        """The sandbox's first process is `pid`, and has entered."""

    def limit(self, limits: Limits) -> None:
        """Set memory; the number of processes is limited from the start. Legal once a process has
        entered."""

    def data_limit(self, limits: Limits) -> int | None:
        """Bytes of data that each process may have, where the group itself limits nothing."""

    def open_entrances(self) -> list[int]:
        """Descriptors through which a process enters by writing "0"; the caller closes them."""

    def open_gauges(self, limits: Limits) -> Gauges:
        """Descriptors for the node; see the contract of sandboxes."""

    def memory_peak(self) -> int:
        """The most memory used so far, in bytes, with what was in /tmp."""

    def forget_memory_peak(self) -> None:
        """Count the most memory from now on, where the kernel can."""

    def memory_in_use(self, files: int) -> int:
        """Bytes that processes use now, when /tmp holds `files` bytes; without the page cache,
        which the kernel takes back when it needs to."""

    def out_of_memory_kills(self) -> int:
        """How often the kernel killed a process of this group for want of memory."""

    def thaw(self) -> None:
        """Let a frozen process go on, or die of the signal that it was sent."""

    def remove(self) -> None:
        """Take the group away."""


class Cgroups(Protocol):
    """Makes the groups of one server. `is_enforced` tells whether the kernel keeps the limits."""

    is_enforced: bool

    def create(self, name: str) -> Cgroup:
        """Make the group `name`."""

    def remove_all(self) -> None:
        """Remove every group of this server, with whatever a killed predecessor left in them."""
