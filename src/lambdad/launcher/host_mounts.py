"""The host's directories as mounts of a sandbox: who its user is there, and what it may do.

Where the kernel maps user ids, the files of a directory's owner are the function's: it reads and
writes as the owner would, and what it writes is the owner's. Elsewhere, and without root, it comes
as a stranger. Nobody ever writes as root: a program that root owns, and that takes its owner's
rights, would be one for the whole machine.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass

from lambdad.launcher import idmap, mounts, syscalls
from lambdad.launcher.contract import NotToBeHad, Order
from lambdad.launcher.host_directories import HostDirectories

_MOUNT_PATH = re.compile(r"/mnt/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,155}")
_ALWAYS = syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
_STRANGERS_NEED = 0o005  # to list a directory, and to pass
_ANYBODY = 65_534


@dataclass(frozen=True)
class HostMounts:
    """Makes them, of the operator's `directories`. Without root no ids can be mapped."""

    directories: HostDirectories
    can_map: bool

    def problem(self) -> str | None:
        """A sentence for the operator when no function could use a file system of the list."""
        for arn in self.directories.file_systems:
            try:
                directory = self.directories.open_file_system(arn)
            except NotToBeHad as error:
                return str(error)
            try:
                if not self._is_usable(directory):
                    return _advice(self.directories.file_systems[arn])
            finally:
                os.close(directory)
        return None

    def open(self, order: Order, opened: ExitStack) -> dict[str, int]:
        """The directories that an order wants, by where they are to be."""
        found: dict[str, int] = {}
        if order.live_code:
            found[mounts.TASK] = self.directories.open_live_code(order.live_code)
            opened.callback(os.close, found[mounts.TASK])
        if order.file_system:
            if not _MOUNT_PATH.fullmatch(order.mount_path):
                raise NotToBeHad(order.file_system, f"{order.mount_path!r} is no place below /mnt")
            found[order.mount_path] = self.directories.open_file_system(order.file_system)
            opened.callback(os.close, found[order.mount_path])
        return found

    def clone(self, place: str, directory: int, uid: int, opened: ExitStack) -> int:
        """A detached mount of `directory` for the user `uid`; code is nobody's to write."""
        is_writable = place != mounts.TASK
        tree = self._clone(directory, uid, is_writable=is_writable)
        opened.callback(os.close, tree)
        return tree

    def _clone(self, directory: int, uid: int, *, is_writable: bool) -> int:
        attributes = _ALWAYS | (0 if is_writable else syscalls.MOUNT_ATTR_RDONLY)
        if self._may_map(directory, is_writable):
            try:
                return idmap.clone_mapped(directory, uid, attributes)
            except OSError:
                pass  # this file system does not map
        return syscalls.clone_mount(directory, attributes)

    def _is_usable(self, directory: int) -> bool:
        if os.fstat(directory).st_mode & _STRANGERS_NEED == _STRANGERS_NEED:
            return True
        if not self._may_map(directory, is_writable=True):
            return False
        try:
            os.close(idmap.clone_mapped(directory, _ANYBODY, _ALWAYS))
        except OSError:
            return False
        return True

    def _may_map(self, directory: int, is_writable: bool) -> bool:
        owner = os.fstat(directory)
        return self.can_map and not (is_writable and 0 in (owner.st_uid, owner.st_gid))


def _advice(path: str) -> str:
    return (
        f"functions would come to {path} as strangers, who may not read it. Let it belong to a "
        "user and a group other than root, on a file system whose ids can be mapped, and run the "
        f"server as root; or: chmod o+rx {path}, and o+w for those that write"
    )
