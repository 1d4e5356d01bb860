"""Reading, writing and removing what stands in the cgroup file system."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

MB = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_REMOVE_ATTEMPTS = 50
_LEFTOVERS_SECONDS = 5.0


def check_name(name: str) -> None:
    """The name comes from the node, which is not trusted to stay within its own groups."""
    if not _NAME.fullmatch(name):
        raise OSError(errno.EINVAL, f"{name!r} cannot be the name of a cgroup")


def own_path(controller: str) -> str:
    """Where this process stands in the hierarchy of `controller` ("" is version 2's): limits set
    there bind us too."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    return ""


def write(path: Path, value: object) -> None:
    """Set a knob."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def open_for_writing(path: Path) -> int:
    """A descriptor for somebody else, who writes."""
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def open_all(paths: Iterable[Path]) -> list[int]:
    """Descriptors for writing to all of these files, or none."""
    opened: list[int] = []
    try:
        for path in paths:
            opened.append(open_for_writing(path))
    except OSError:
        for descriptor in opened:
            os.close(descriptor)
        raise
    return opened


def open_for_reading(path: Path) -> int:
    """A descriptor for somebody else, who reads."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def read_number(path: Path) -> int:
    """The number in a file that holds nothing else."""
    return int(path.read_text())


def counters(path: Path) -> dict[str, int]:
    """A file of lines like `oom_kill 2`."""
    pairs = (line.partition(" ") for line in path.read_text().splitlines())
    return {name: int(value) for name, _, value in pairs}


def remove(directory: Path) -> None:
    """Remove an empty group; the kernel says EBUSY for a moment after its last process."""
    for _ in range(_REMOVE_ATTEMPTS):
        try:
            directory.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.001)


def remove_tree(top: Path) -> None:
    """Remove a group and those below it, and end whatever runs in them."""
    if not top.exists():
        return
    deadline = time.monotonic() + _LEFTOVERS_SECONDS
    for group in _groups_below(top):
        _kill_all(group)
        remove(group)
        while group.exists() and time.monotonic() < deadline:  # a thousand take a while to end
            _kill_all(group)
            remove(group)


def _groups_below(top: Path) -> Iterator[Path]:
    """The groups below `top` and itself, the innermost first."""
    for directory, _, _ in os.walk(top, topdown=False):
        yield Path(directory)


def _kill_all(group: Path) -> None:
    """A task that version 1 has frozen dies when it thaws."""
    for pid in (group / "cgroup.procs").read_text().split():
        if pid != "0":  # so a process outside of our PID namespace shows; to kill(), it is us
            _kill(int(pid))
    if (group / "freezer.state").exists():
        write(group / "freezer.state", "THAWED")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended, or is of another user namespace and is about to
