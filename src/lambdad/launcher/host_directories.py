"""What functions may have of this machine's disk: what the operator lists, and nothing else.

    file_systems   the ARN of an access point ──▶ a directory, at /mnt/… and writable
    hot_reload     directories beneath which code may be mounted live, at /var/task and read-only

The node says which ARN, or which directory, a caller named; what that comes to is decided here, by
the operator's own lists. A path is walked name by name from the root and no link is followed: who
changes links meanwhile leads nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambdad.launcher.contract import NotToBeHad

_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class HostDirectories:
    """The operator's lists. `private` is the server's own directory, of which nobody gets a
    part."""

    file_systems: Mapping[str, str] = field(default_factory=dict)
    hot_reload: Sequence[str] = ()
    private: str | None = None

    def open_file_system(self, arn: str) -> int:
        """The directory of an access point; NotToBeHad when there is none."""
        path = self.file_systems.get(arn)
        if path is None:
            raise NotToBeHad(arn, "the server's setting file_systems does not name it")
        return self._open(path, arn)

    def find_live_code(self, path: str) -> str:
        """Where `path` really leads; NotToBeHad unless that is beneath a listed directory."""
        if not self.hot_reload:
            raise NotToBeHad(path, "the server's setting hot_reload lists no directory")
        if not os.path.isabs(path) or "\0" in path:
            raise NotToBeHad(path, "it is no absolute path")
        real = os.path.realpath(path)
        if not any(is_within(real, listed) for listed in self.hot_reload):
            raise NotToBeHad(path, "it is beneath no directory of the server's setting hot_reload")
        return real

    def open_live_code(self, path: str) -> int:
        """The directory at `path`, which has no link on its way; NotToBeHad otherwise."""
        if self.find_live_code(path) != path:
            raise NotToBeHad(path, "a symbolic link stands on the way there")
        return self._open(path, path)

    def _open(self, path: str, wanted: str) -> int:
        if self.private and (is_within(path, self.private) or is_within(self.private, path)):
            raise NotToBeHad(wanted, f"{path} holds the server's own data, or is a part of it")
        try:
            return open_directory(path)
        except OSError as error:
            raise NotToBeHad(wanted, f"{path}: {error.strerror}") from None


def is_within(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or lies beneath it, both being written without `..`."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def open_directory(path: str) -> int:
    """A descriptor of the directory at an absolute `path`, no link followed on the whole way."""
    descriptor = os.open("/", _STEP)
    for name in filter(None, path.split("/")):
        try:
            below = os.open(name, _STEP, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor
