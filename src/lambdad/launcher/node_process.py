"""Starting the node: the process that reads what strangers send, with nothing but its own user id.

As root, the node gets a mount namespace of its own. Where a directory on the way to something that
it needs is closed to others (`/root`, a private temporary directory), that directory becomes an
empty one there, with just the needed trees in it. So it works wherever lambdad is installed, and
sees less than any user of the machine.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lambdad.launcher import syscalls

_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "NO_COLOR", "PYTHONWARNINGS")
# What botocore needs to reach an endpoint outside, kept only when one has been set.
CLIENT_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_EC2_METADATA_DISABLED"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
# For glibc. What is as large as the first goes back to the system when it is freed; by itself
# malloc raises that with each large payload that it sees freed, and keeps holes of that size from
# then on. Up to the second it keeps free at the end, so that smaller ones cost nothing anew.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(8 << 20)}


@dataclass(frozen=True)
class NodeProcess:
    """What a node is started with: descriptors that it inherits, directories that it needs, and the
    user that it becomes (None: it stays who we are). Of our environment variables it gets a few,
    and those that are named."""

    launcher_socket: int
    listener: int
    config: int
    home: Path
    interpreter_prefixes: Sequence[str]
    uid: int | None
    variables: Sequence[str] = ()

    def start(self) -> int:
        """Fork and become the node; returns its pid."""
        launcher = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_node(launcher)
        return pid

    def _become_node(self, launcher: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()  # a Ctrl-C in the terminal is the launcher's to handle
            if self.uid is not None:
                open_ways([*_python_paths(), *self.interpreter_prefixes], self.home)
                _drop_root(self.uid)
            os.umask(0o077)  # what the node keeps is nobody else's
            if sys.platform == "linux":
                syscalls.die_with_parent()
                syscalls.no_new_privileges()
                if os.getppid() != launcher:
                    os._exit(0)
            self._execute()
        except BaseException:
            traceback.print_exc()
        os._exit(70)

    def _execute(self) -> None:
        descriptors = (self.launcher_socket, self.listener, self.config)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        kept = (*_KEPT_VARIABLES, *self.variables)
        variables = _MALLOC | {k: os.environ[k] for k in kept if k in os.environ}
        variables.update(HOME=str(self.home), TMPDIR=str(self.home / "tmp"), PYTHONSAFEPATH="1")
        os.chdir("/")
        command = [sys.executable, "-P", "-m", "lambdad.node", *map(str, descriptors)]
        os.execve(sys.executable, command, variables)  # noqa: S606


def make_home(home: Path, uid: int | None) -> None:
    """The directory that belongs to the node, and the only one that it can write to.

    What stands in it is whatever an earlier node left there, so no link is followed.
    """
    home.mkdir(parents=True, exist_ok=True)
    # A `process` sandbox passes through the first and the last to its code, and sees no names.
    for directory, mode in ((home, 0o711), (home / "tmp", 0o700), (home / "code", 0o711)):
        if not os.path.lexists(directory):
            directory.mkdir()
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if uid is not None:
                os.fchown(descriptor, uid, uid)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def _drop_root(uid: int) -> None:
    os.setgroups([])
    syscalls.drop_bounding_capabilities()
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _python_paths() -> list[str]:
    """Everything that the node's interpreter reads its program from."""
    paths = [sys.prefix, sys.base_prefix, *sys.path]
    return [os.path.realpath(path) for path in paths if path and os.path.exists(path)]


def open_ways(readable: Sequence[str], home: Path) -> None:
    """Let everyone of this new mount namespace reach the `readable` trees and `home`."""
    wanted = {os.path.realpath(path) for path in [*readable, str(home)]}
    closed = sorted({top for path in wanted if (top := _first_closed(path))})
    if not closed:
        return
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
    for top in closed:
        below = [path for path in wanted if path == top or path.startswith(top + "/")]
        _replace(top, _outermost(below), writable=os.path.realpath(home))


def _outermost(paths: Sequence[str]) -> list[str]:
    """Without those that lie below others."""
    found: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith(top + "/") for top in found):
            found.append(path)
    return found


def _first_closed(path: str) -> str | None:
    """The outermost directory on the way to `path` that others may not pass."""
    for directory in [*reversed(Path(path).parents)]:
        if not os.stat(directory).st_mode & 0o001:
            return str(directory)
    return None


def _replace(top: str, paths: Sequence[str], writable: str) -> None:
    """Put an empty directory over `top`, with only `paths` in it."""
    origins = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths}
    syscalls.mount("lambdad", top, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755")
    for path, origin in origins.items():
        attributes = syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
        if path != writable:
            attributes |= syscalls.MOUNT_ATTR_RDONLY
        _make_target(path, origin)
        tree = syscalls.clone_mount(origin, attributes)
        syscalls.move_mount(tree, path)
        os.close(tree)
        os.close(origin)


def _make_target(path: str, origin: int) -> None:
    if os.path.exists(path):
        return  # inside a tree that stands there already
    if os.path.isdir(f"/proc/self/fd/{origin}"):
        os.makedirs(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).touch()
