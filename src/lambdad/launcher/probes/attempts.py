"""What only trying can tell, tried in a child process that ends with it.

The files say what is allowed; containers and security modules forbid it all the same. So a child
does what the launcher would do: it leaves its namespaces, mounts what a sandbox is made of, and is
gone with everything that it made.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from lambdad.launcher import syscalls
from lambdad.launcher.seccomp import filter_program

_NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWCGROUP
)
_READ_ONLY = syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
_PLACE = Path("/tmp")  # noqa: S108 - it is hidden by a mount of ours before anything is made there
_LONGEST_ERROR = 1_000
_MAPPING_SECONDS = 10


def attempt(action: Callable[[], None]) -> str | None:
    """Do `action` in a child process: None when it worked, else what the kernel said."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _report(action, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        error = answer.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    if status and not error:
        return f"the process that tried it ended with status {status}"
    return error or None


def _report(action: Callable[[], None], writing: int) -> None:
    """Act, say what went wrong, and end without a trace of the parent's buffers and handlers."""
    status = 1
    try:
        action()
        status = 0
    except BaseException as error:
        os.write(writing, _sentence(error).encode()[:_LONGEST_ERROR])
    finally:
        os._exit(status)


def _sentence(error: BaseException) -> str:
    """`unshare: Operation not permitted`, without the number that Python puts before it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def use_new_calls() -> None:
    """Use the calls that need no rights: openat2 and pidfds."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    syscalls.open_beneath(root, "proc")
    signal.pidfd_send_signal(os.pidfd_open(os.getpid()), 0)


def load_filter() -> None:
    """Load the filter that a sandbox gets."""
    syscalls.no_new_privileges()
    syscalls.seccomp_filter(filter_program(platform.machine()))


def make_namespaces() -> None:
    """Make a sandbox's namespaces, and in them its kinds of mounts."""
    syscalls.unshare(_NAMESPACES)
    error = attempt(_mount_pieces)  # a PID namespace begins with the next process
    if error:
        raise OSError(error)


def make_namespaces_as_user() -> None:
    """The same as the root of a user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {uid} 1"),
        ("gid_map", f"0 {gid} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    make_namespaces()


def _mount_pieces() -> None:
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
    syscalls.mount("lambdad", str(_PLACE), "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV)
    source, target = _PLACE / "source", _PLACE / "target"
    source.mkdir()
    target.mkdir()
    tree = syscalls.clone_mount(os.open(source, os.O_PATH | os.O_CLOEXEC), _READ_ONLY)
    syscalls.move_mount(tree, str(target))
    syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV)


def map_ids(uids: Sequence[int], gids: Sequence[int]) -> None:
    """Let newuidmap and newgidmap give a user namespace this user's id and a range of its own;
    each of `uids` and `gids` is the range's first id and how many there are."""
    ready, become_ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        _wait_in_user_namespace(become_ready)
    os.close(become_ready)
    try:
        os.read(ready, 1)
        _map("newuidmap", pid, os.geteuid(), uids)
        _map("newgidmap", pid, os.getegid(), gids)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _wait_in_user_namespace(become_ready: int) -> None:
    try:
        syscalls.die_with_parent()
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        os.write(become_ready, b"1")
        signal.pause()
    finally:
        os._exit(1)


def _map(tool: str, pid: int, own: int, ids: Sequence[int]) -> None:
    numbers = [str(number) for number in (pid, 0, own, 1, 1, *ids)]
    ended = subprocess.run(  # noqa: S603 - the system's own program, found where the user finds it
        [tool, *numbers], capture_output=True, text=True, timeout=_MAPPING_SECONDS, check=False
    )
    if ended.returncode:
        raise OSError(ended.stderr.strip() or f"{tool} ended with status {ended.returncode}")
