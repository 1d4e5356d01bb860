"""The processes of a server, as the kernel tells of them: which there are, and what they hold."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from benchmarks.server import Server, ServerError, is_isolated

_CODE = "/var/task"  # where a sandbox has its function
_NOTHING = ["lib"]  # an empty directory, which one that waits has there
_CGROUPS = Path("/sys/fs/cgroup")
_PATIENCE_SECONDS = 60
_INTERVAL_SECONDS = 0.025
_LOOKS = 5  # so many times in a row nothing has changed: it rests


def below(pid: int) -> list[psutil.Process]:
    """A server's processes: it, and all below it."""
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def environments(server: Server) -> list[psutil.Process]:
    """The first processes of execution environments. Sandboxes that wait are not among them."""
    return [process for process in _sandboxes(server) if _has_a_function(process)]


def wait_until_none_is_left(server: Server) -> None:
    """Wait until no execution environment is left."""
    _wait(lambda: not environments(server), "Execution environments do not end.")


def wait_until_at_rest(server: Server) -> None:
    """Wait until no sandbox is being made ahead, or warms up, and none is ending."""
    seen: list[list[tuple[int, float]]] = []

    def rests() -> bool:
        seen.append(sorted((process.pid, _worked(process)) for process in _sandboxes(server)))
        return len(seen) >= _LOOKS and all(each == seen[-1] for each in seen[-_LOOKS:])

    _wait(rests, "The server makes and ends sandboxes all the time.")


def freezer(process: psutil.Process) -> Path | None:
    """The directory of the cgroup, of version 2, by which a process is frozen."""
    return _cgroup(process, "", (_CGROUPS, _CGROUPS / "unified"), "cgroup.freeze")


def is_frozen(group: Path) -> bool:
    """Whether the kernel says so of a cgroup of version 2."""
    return "frozen 1" in (group / "cgroup.events").read_text()


def wait_until_frozen(group: Path) -> None:
    """Wait for it."""
    _wait(lambda: is_frozen(group), "An idle execution environment is not frozen.", 0.002)


def memory(processes: Iterable[psutil.Process]) -> int:
    """The proportional set size of all of them together, in bytes."""
    return sum(_pss(process.pid) for process in processes)


def kernel_memory(process: psutil.Process) -> int | None:
    """Bytes of the kernel's own that are charged to the cgroup of a process, where it tells."""
    usage = "memory.kmem.usage_in_bytes"
    if group := _cgroup(process, "memory", (_CGROUPS / "memory",), usage):
        return int((group / usage).read_text())
    if group := _cgroup(process, "", (_CGROUPS,), "memory.stat"):
        for line in (group / "memory.stat").read_text().splitlines():
            if line.startswith("kernel "):
                return int(line.split()[1])
    return None


def _sandboxes(server: Server) -> list[psutil.Process]:
    """Below the zygotes, which stand beside the node; without isolation there is no zygote."""
    children = [
        child
        for child in psutil.Process(server.pid).children()
        if "lambdad.node" not in _words(child)
    ]
    if not is_isolated():
        return children
    return [sandbox for zygote in children for sandbox in zygote.children()]


def _has_a_function(process: psutil.Process) -> bool:
    try:
        # Not where it stands: Java's programs cannot change that.
        return not is_isolated() or os.listdir(f"/proc/{process.pid}/root{_CODE}") != _NOTHING
    except OSError:
        return False  # it is ending


def _worked(process: psutil.Process) -> float:
    """Seconds of CPU time."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0  # it is ending
    return float(times.user + times.system)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _cgroup(
    process: psutil.Process, controller: str, roots: Iterable[Path], file: str
) -> Path | None:
    """The directory with `file` in it, of the group of a process."""
    for line in Path(f"/proc/{process.pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            for root in roots:
                if (root / path.lstrip("/") / file).exists():
                    return root / path.lstrip("/")
    return None


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended in between
    return next(
        int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")
    )


def _wait(
    condition: Callable[[], bool], problem: str, interval_seconds: float = _INTERVAL_SECONDS
) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(problem)
        time.sleep(interval_seconds)
