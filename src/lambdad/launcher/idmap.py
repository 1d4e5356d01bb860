"""Mounts in which the files of one user are another's, as the function's user sees them.

The kernel takes the mapping from a user namespace, which is made for nothing else. What is written
through such a mount belongs, on the disk, to the directory's owner; ids of everybody else stay what
they are.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lambdad.launcher import syscalls

_IDS = 0xFFFFFFFF  # one more than there are


def clone_mapped(directory: int, uid: int, attributes: int) -> int:
    """A detached mount of `directory`, the files of whose owner are `uid`'s there. OSError where
    the kernel, or the file system, does not map."""
    owner = os.fstat(directory)
    mapping = _make_mapping(owner.st_uid, owner.st_gid, uid)
    try:
        return syscalls.clone_mount(directory, attributes, mapping)
    finally:
        os.close(mapping)


def extents(owner: int, seen: int) -> str:
    """The map in which `owner` of the disk is `seen`, and everybody else who they are. Nobody is
    the one who is `seen` on the disk already."""
    lines = [(owner, seen, 1)]
    first = 0
    for edge in (*sorted({owner, seen}), _IDS):
        if edge > first:
            lines.append((first, first, edge - first))
        first = edge + 1
    return "".join(f"{inside} {outside} {count}\n" for inside, outside, count in lines)


def _make_mapping(owner_uid: int, owner_gid: int, uid: int) -> int:
    """A descriptor of a user namespace, in which nobody stays."""
    is_made, made = os.pipe()
    waits, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        _enter_namespace(made, waits, done)
    try:
        os.close(made)
        os.close(waits)
        if not os.read(is_made, 1):
            raise OSError("this machine makes no user namespace")
        process = Path(f"/proc/{pid}")
        (process / "uid_map").write_text(extents(owner_uid, uid))
        (process / "gid_map").write_text(extents(owner_gid, uid))
        return os.open(process / "ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(is_made)
        os.close(done)
        os.waitpid(pid, 0)


def _enter_namespace(made: int, waits: int, done: int) -> None:
    """In the child: be there until the parent, or its end, closes `done`."""
    try:
        signal.set_wakeup_fd(-1)
        os.close(done)
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        os.write(made, b"1")
        os.close(made)
        os.read(waits, 1)
    finally:
        os._exit(0)
