"""The processes of servers that a test run starts: who they are, and that nobody is left.

The test run adopts orphans: a process whose parent has died becomes a child of the run (Linux's
child subreaper). So whatever a killed server leaves behind is found below this process, whichever
way it tried to hide.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from lambdad.testing.server import LocalServer
from support.waiting import wait_until

_PR_SET_CHILD_SUBREAPER = 36
_CGROUPS = Path("/sys/fs/cgroup")
_LOCKS = Path("/run/lambdad")


def adopt_orphans() -> None:
    """From now on, orphans below this process become its children."""
    if sys.platform == "linux":
        result = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        assert result == 0, os.strerror(ctypes.get_errno())


def processes_of(server: LocalServer) -> list[psutil.Process]:
    """The launcher and everything below it."""
    launcher = psutil.Process(server.pid)
    return [launcher, *launcher.children(recursive=True)]


def node_of(server: LocalServer) -> psutil.Process:
    """The server's node."""
    return _only(p for p in psutil.Process(server.pid).children() if "lambdad.node" in _words(p))


def zygotes_of(server: LocalServer) -> list[psutil.Process]:
    """The server's zygotes."""
    return [p for p in psutil.Process(server.pid).children() if "lambdad.node" not in _words(p)]


def environments_of(server: LocalServer) -> list[psutil.Process]:
    """The first processes of functions in `namespaces` sandboxes; those that wait for a function
    are not among them."""
    return [child for child in sandboxes_of(server) if _has_a_function(child)]


def environment_of(server: LocalServer, pid_namespace: str) -> psutil.Process:
    """The first process of the environment that finds itself in that PID namespace."""
    return _only(p for p in environments_of(server) if _pid_namespace(p) == pid_namespace)


def sandboxes_of(server: LocalServer) -> list[psutil.Process]:
    """The first processes of all `namespaces` sandboxes."""
    return [child for zygote in zygotes_of(server) for child in zygote.children()]


def strangers(running: Iterable[LocalServer] = ()) -> list[str]:
    """Processes below this one that belong to none of the `running` servers; the dead are reaped.

    A description of each, for the message of an assertion.
    """
    alive = [server for server in running if server.is_running]  # some tests stop theirs
    expected = {process.pid for server in alive for process in processes_of(server)}
    found = [p for p in psutil.Process().children(recursive=True) if p.pid not in expected]
    return [text for process in found if (text := _describe_living(process))]


def assert_nobody_is_left(running: Iterable[LocalServer] = (), *, timeout: float = 1.0) -> None:
    """No process is left, one second later at the latest, but those of the `running` servers."""
    servers = list(running)
    wait_until(
        lambda: not (left := strangers(servers)) or _Falsy(left),
        "every process of the server is gone",
        timeout=timeout,
    )


class _Falsy(list[str]):
    """What is left; untrue, and shown in the message."""

    def __bool__(self) -> bool:
        return False


def slot_of(server: LocalServer) -> int | None:
    """The number under which the server's cgroups stand; None without a slot."""
    for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"/run/lambdad/slot-(\d+)\.lock", os.readlink(descriptor))
        except OSError:
            continue
        if found:
            return int(found[1])
    return None


def cgroups_of(slot: int) -> list[Path]:
    """Every cgroup directory of a slot, below the cgroups in which this process stands."""
    tops = {top for own in _own_cgroups() for top in own.glob(f"lambdad-{slot}-*")}
    return [Path(directory) for top in tops for directory, _, _ in os.walk(top)]


def _own_cgroups() -> Iterator[Path]:
    """A server that this process starts makes its cgroups in one of these directories."""
    yield from (_CGROUPS, _CGROUPS / "unified")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield _CGROUPS / controller / path.lstrip("/")


def residue_of(slot: int) -> list[Path]:
    """The cgroups that a dead server has left; none when another server has taken its slot."""
    lock = _LOCKS / f"slot-{slot}.lock"
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        return cgroups_of(slot)


def mounts_of(data_dir: Path) -> list[str]:
    """The mounts of this machine that have to do with a data directory."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(data_dir) in line or "favordynmods" in line]


def _has_a_function(process: psutil.Process) -> bool:
    try:
        return process.cwd() == "/var/task"
    except psutil.Error:
        return False


def _pid_namespace(process: psutil.Process) -> str:
    try:
        return os.readlink(f"/proc/{process.pid}/ns/pid")
    except OSError:
        return ""


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _only(processes: Iterator[psutil.Process]) -> psutil.Process:
    found = list(processes)
    assert len(found) == 1, found
    return found[0]


def _describe_living(process: psutil.Process) -> str:
    """Who a process is; nothing when it is dead, and then it is reaped if that is ours to do."""
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{process.pid} (child of {process.ppid()}): {' '.join(_words(process))[:200]}"
        if process.ppid() == os.getpid():
            os.waitpid(process.pid, os.WNOHANG)
    except (psutil.NoSuchProcess, ChildProcessError):
        pass
    return ""
