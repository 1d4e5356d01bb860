"""Control groups: one per sandbox, for its memory, CPU share and number of processes.

Two generations, one face. With version 1 a sandbox has a directory in each controller's hierarchy;
with version 2 it has one. Both stand below a directory of this server, named after its slot, so
that a new server finds and removes what a killed one left.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lambdad.launcher import syscalls

CPU_PERIOD_US = 20_000  # a longer one stalls small functions for most of it
_LEAST_QUOTA_US = 1_000  # the kernel's own floor
MEMORY_MB_PER_CPU = 1_769
PROCESSES = 1_024
_MB = 1024 * 1024
_ROOT = Path("/sys/fs/cgroup")
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_CONTROLLERS = ("memory", "cpu", "pids")
_REMOVE_ATTEMPTS = 50
_SUBTREE = "cgroup.subtree_control"
_SHARED = "+memory +cpu +pids"
_SHARE_ATTEMPTS = 20
_LEFTOVERS_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use; its CPU share follows from its memory, as AWS's does."""

    memory_mb: int

    @property
    def cpu_quota_us(self) -> int:
        """Microseconds of CPU in each period of CPU_PERIOD_US."""
        return max(_LEAST_QUOTA_US, CPU_PERIOD_US * self.memory_mb // MEMORY_MB_PER_CPU)


class Cgroup(Protocol):
    """The group of one sandbox.

    The launcher owns it from `Cgroups.create` until `remove`, which is called when its last
    process is gone.
    """

    def open_entrances(self) -> list[int]:
        """Descriptors through which a process enters by writing "0"; the caller closes them."""

    def open_memory_peak(self) -> int:
        """A descriptor that reads the most memory used so far, in bytes."""

    def open_cpu_quota(self) -> tuple[int, str]:
        """A descriptor and the text to write to it: the group is not throttled before."""

    def memory_peak(self) -> int:
        """The most memory used so far, in bytes."""

    def out_of_memory_kills(self) -> int:
        """How often the kernel killed a process of this group for want of memory."""

    def open_out_of_memory_event(self) -> int | None:
        """A descriptor that is readable when the kernel kills a process of the group for want of
        memory; None where the kernel then kills the whole group by itself."""

    def remove(self) -> None:
        """Take the group away."""


class Cgroups(Protocol):
    """Makes the groups of one server."""

    def create(self, name: str, limits: Limits) -> Cgroup:
        """Make the group `name` with its limits set."""

    def remove_all(self) -> None:
        """Remove every group of this server, with whatever a killed predecessor left in them."""


def find_cgroups(slot: str) -> Cgroups:
    """The best that this machine offers for the server in `slot`; OSError when there is nothing."""
    if all((_ROOT / controller / "tasks").exists() for controller in _CONTROLLERS):
        return _Version1(f"lambdad-{slot}")
    controllers = _ROOT / "cgroup.controllers"
    if controllers.exists():
        missing = set(_CONTROLLERS) - set(controllers.read_text().split())
        if _is_of_another_namespace():
            raise OSError(
                "/sys/fs/cgroup shows groups outside of this container's cgroup namespace; mount "
                "its own there, or give the container the host's namespace (--cgroupns=host)"
            )
        if not missing:
            return _Version2(_ROOT / f"lambdad-{slot}")
        raise OSError(f"the cgroup controllers {', '.join(sorted(missing))} are not available")
    raise OSError("no cgroup hierarchy is mounted at /sys/fs/cgroup")


class _Version1:
    def __init__(self, name: str) -> None:
        self._tops = {c: _ROOT / c / _own_path(c) / name for c in _CONTROLLERS}
        self.remove_all()
        for top in self._tops.values():
            top.mkdir(parents=True, exist_ok=True)

    def create(self, name: str, limits: Limits) -> Cgroup:
        _check_name(name)
        group = _GroupVersion1({c: top / name for c, top in self._tops.items()}, limits)
        with _removed_on_error(group):
            group.make()
        return group

    def remove_all(self) -> None:
        for top in self._tops.values():
            _remove_tree(top)


@dataclass(frozen=True)
class _GroupVersion1:
    directories: dict[str, Path]
    limits: Limits

    def make(self) -> None:
        for directory in self.directories.values():
            directory.mkdir()
        memory, pids = self.directories["memory"], self.directories["pids"]
        _write(memory / "memory.limit_in_bytes", self.limits.memory_mb * _MB)
        with_swap = memory / "memory.memsw.limit_in_bytes"
        if with_swap.exists():
            _write(with_swap, self.limits.memory_mb * _MB)
        _write(pids / "pids.max", PROCESSES)

    def open_entrances(self) -> list[int]:
        return [_open_for_writing(d / "cgroup.procs") for d in self.directories.values()]

    def open_memory_peak(self) -> int:
        return _open_for_reading(self.directories["memory"] / "memory.max_usage_in_bytes")

    def memory_peak(self) -> int:
        return _read_number(self.open_memory_peak())

    def open_cpu_quota(self) -> tuple[int, str]:
        cpu = self.directories["cpu"]
        _write(cpu / "cpu.cfs_period_us", CPU_PERIOD_US)
        return _open_for_writing(cpu / "cpu.cfs_quota_us"), str(self.limits.cpu_quota_us)

    def out_of_memory_kills(self) -> int:
        return _counter(self.directories["memory"] / "memory.oom_control", "oom_kill")

    def open_out_of_memory_event(self) -> int | None:
        memory = self.directories["memory"]
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        with open(memory / "memory.oom_control") as control:
            _write(memory / "cgroup.event_control", f"{event} {control.fileno()}")
        return event

    def remove(self) -> None:
        for directory in self.directories.values():
            _remove(directory)


class _Version2:
    def __init__(self, top: Path) -> None:
        self._top = top
        self.remove_all()
        _share_out_root()
        top.mkdir(exist_ok=True)
        _write(top / _SUBTREE, _SHARED)

    def create(self, name: str, limits: Limits) -> Cgroup:
        _check_name(name)
        group = _GroupVersion2(self._top / name, limits)
        with _removed_on_error(group):
            group.make()
        return group

    def remove_all(self) -> None:
        _remove_tree(self._top)


@dataclass(frozen=True)
class _GroupVersion2:
    directory: Path
    limits: Limits

    def make(self) -> None:
        directory = self.directory
        directory.mkdir()
        _write(directory / "memory.max", self.limits.memory_mb * _MB)
        for knob, value in (("memory.swap.max", 0), ("memory.oom.group", 1)):
            if (directory / knob).exists():
                _write(directory / knob, value)
        _write(directory / "pids.max", PROCESSES)

    def open_entrances(self) -> list[int]:
        return [_open_for_writing(self.directory / "cgroup.procs")]

    def open_memory_peak(self) -> int:
        peak = self.directory / "memory.peak"  # since Linux 5.19
        return _open_for_reading(peak if peak.exists() else self.directory / "memory.current")

    def memory_peak(self) -> int:
        return _read_number(self.open_memory_peak())

    def open_cpu_quota(self) -> tuple[int, str]:
        descriptor = _open_for_writing(self.directory / "cpu.max")
        return descriptor, f"{self.limits.cpu_quota_us} {CPU_PERIOD_US}"

    def out_of_memory_kills(self) -> int:
        return _counter(self.directory / "memory.events", "oom_kill")

    def open_out_of_memory_event(self) -> int | None:
        return None  # memory.oom.group

    def remove(self) -> None:
        _remove(self.directory)


def _is_of_another_namespace() -> bool:
    """Is what stands at /sys/fs/cgroup above our own cgroup namespace? Nobody could enter it."""
    shown = "/"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, _, root, mount_point, *_ = line.split(" ")
        if mount_point == str(_ROOT):
            shown = root  # the last one lies on top
    return shown.startswith("/..")


def _share_out_root() -> None:
    """Let the groups at the top have limits.

    In a container with a cgroup namespace, the top is not the kernel's root and holds processes;
    then it may not share out its controllers before they are in a group below it. The name is the
    one that Docker-in-Docker gives that group.
    """
    for _ in range(_SHARE_ATTEMPTS):
        try:
            _write(_ROOT / _SUBTREE, _SHARED)
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
        leaf = _ROOT / "init"
        leaf.mkdir(exist_ok=True)
        for pid in (_ROOT / "cgroup.procs").read_text().split():
            try:
                _write(leaf / "cgroup.procs", pid)
            except ProcessLookupError:
                pass  # it ended meanwhile
    _write(_ROOT / _SUBTREE, _SHARED)


def mount_favordynmods(directory: Path) -> None:
    """Make entering a cgroup cheap on an idle machine: 0.05 ms instead of up to 14.

    The kernel option is global while a hierarchy with it is mounted, and costs the host a little
    on each fork; so it is a setting, and the mount lives in the launcher's own mount namespace,
    which ends with it, however it ends.
    """
    directory.mkdir(parents=True, exist_ok=True)
    syscalls.mount("lambdad", str(directory), "cgroup", 0, "none,name=lambdad,favordynmods")


def _check_name(name: str) -> None:
    """The name comes from the node, which is not trusted to stay within its own groups."""
    if not _NAME.fullmatch(name):
        raise OSError(errno.EINVAL, f"{name!r} cannot be the name of a cgroup")


@contextmanager
def _removed_on_error(group: Cgroup) -> Iterator[None]:
    try:
        yield
    except BaseException:
        group.remove()
        raise


def _own_path(controller: str) -> str:
    """Where this process stands in the hierarchy of `controller`: limits set there bind us too."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    return ""


def _write(path: Path, value: object) -> None:
    with open(path, "w") as file:
        file.write(str(value))


def _open_for_writing(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def _open_for_reading(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _read_number(descriptor: int) -> int:
    try:
        return int(os.read(descriptor, 32))
    finally:
        os.close(descriptor)


def _counter(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _remove(directory: Path) -> None:
    """Remove an empty group; the kernel says EBUSY for a moment after its last process."""
    for _ in range(_REMOVE_ATTEMPTS):
        try:
            directory.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.001)


def _remove_tree(top: Path) -> None:
    if not top.exists():
        return
    deadline = time.monotonic() + _LEFTOVERS_SECONDS
    for group in _groups_below(top):
        _kill_all(group)
        _remove(group)
        while group.exists() and time.monotonic() < deadline:  # a thousand take a while to end
            _kill_all(group)
            _remove(group)


def _groups_below(top: Path) -> Iterator[Path]:
    """The groups below `top` and itself, the innermost first."""
    for directory, _, _ in os.walk(top, topdown=False):
        yield Path(directory)


def _kill_all(group: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        if pid != "0":  # so a process outside of our PID namespace shows; to kill(), it is us
            _kill(int(pid))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass
