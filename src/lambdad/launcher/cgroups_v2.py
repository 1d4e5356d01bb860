"""Version 2: one directory a sandbox."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from lambdad.launcher import cgroup_files as files
from lambdad.launcher.cgroups import CPU_PERIOD_US, PROCESSES, Cgroup, Limits
from lambdad.launcher.contract import Gauges

_SUBTREE = "cgroup.subtree_control"
_SHARED = "+memory +cpu +pids"
_SHARE_ATTEMPTS = 20


class Version2:
    """The groups of one server, below a directory at the top of the hierarchy at `root`."""

    is_enforced = True

    def __init__(self, root: Path, name: str) -> None:
        self._top = root / name
        self.remove_all()
        _share_out(root)
        self._top.mkdir(exist_ok=True)
        files.write(self._top / _SUBTREE, _SHARED)

    def create(self, name: str) -> Cgroup:
        files.check_name(name)
        group = _Group(self._top / name)
        group.make()
        return group

    def remove_all(self) -> None:
        files.remove_tree(self._top)


def _share_out(top: Path) -> None:
    """Let the groups below `top` have limits.

    Only the kernel's root may share out its controllers and hold processes too: in a container
    with a cgroup namespace, and below systemd, the processes there must first move into a group
    of their own. The name is the one that Docker-in-Docker gives it.
    """
    for _ in range(_SHARE_ATTEMPTS):
        try:
            files.write(top / _SUBTREE, _SHARED)
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
        leaf = top / "init"
        leaf.mkdir(exist_ok=True)
        for pid in (top / "cgroup.procs").read_text().split():
            try:
                files.write(leaf / "cgroup.procs", pid)
            except ProcessLookupError:
                pass  # it ended meanwhile
    files.write(top / _SUBTREE, _SHARED)


@dataclass(frozen=True)
class _Group:
    directory: Path

    def make(self) -> None:
        """Make it whole, or leave nothing; what was there before is somebody else's."""
        self.directory.mkdir()
        try:
            if (self.directory / "memory.oom.group").exists():
                files.write(self.directory / "memory.oom.group", 1)
            files.write(self.directory / "pids.max", PROCESSES)
        except BaseException:
            self.remove()
            raise

    def entered(self, pid: int) -> None:
        """It has written itself into the group."""

    def limit(self, limits: Limits) -> None:
        directory = self.directory
        files.write(directory / "memory.max", limits.memory_and_files)
        if (directory / "memory.swap.max").exists():
            files.write(directory / "memory.swap.max", 0)

    def data_limit(self, limits: Limits) -> int | None:
        return None

    def open_entrances(self) -> list[int]:
        return [files.open_for_writing(self.directory / "cgroup.procs")]

    def open_gauges(self, limits: Limits) -> Gauges:
        cpu = self.directory / "cpu.max"
        files.write(cpu, f"max {CPU_PERIOD_US}")
        descriptors = {
            "memory_peak": _open_peak(self._peak()),
            "cpu_time": files.open_for_reading(self.directory / "cpu.stat"),
            "cpu_quota": files.open_for_writing(cpu),
            "freezer": files.open_for_writing(self.directory / "cgroup.freeze"),
        }
        quota = f"{limits.cpu_quota_us} {CPU_PERIOD_US}"
        return Gauges(descriptors, {"cpu_quota": quota, "frozen": "1", "thawed": "0"})

    def memory_peak(self) -> int:
        return files.read_number(self._peak())

    def forget_memory_peak(self) -> None:
        """The kernel resets it for the descriptor alone through which it is asked to."""

    def memory_in_use(self, tmp: int) -> int:
        """`file` is of files and of shared memory, and /tmp is a part of the latter."""
        usage = files.read_number(self.directory / "memory.current")
        parts = files.counters(self.directory / "memory.stat")
        return usage - parts["file"] + max(0, parts.get("shmem", 0) - tmp)

    def out_of_memory_kills(self) -> int:
        return files.counters(self.directory / "memory.events").get("oom_kill", 0)

    def thaw(self) -> None:
        files.write(self.directory / "cgroup.freeze", "0")

    def remove(self) -> None:
        files.remove(self.directory)

    def _peak(self) -> Path:
        peak = self.directory / "memory.peak"  # since Linux 5.19
        return peak if peak.exists() else self.directory / "memory.current"


def _open_peak(path: Path) -> int:
    """The kernel (since Linux 6.12) counts anew for a descriptor through which it is asked to."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return files.open_for_reading(path)
    try:
        os.pwrite(descriptor, b"0", 0)
    except OSError:
        pass  # the most since the group was made
    return descriptor
