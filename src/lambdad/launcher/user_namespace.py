"""Root without root: a user namespace in which an ordinary user is root.

Everything that makes a sandbox works in there as it does for root, with the user ids that the
machine has set aside for this user (/etc/subuid, /etc/subgid). They are put into the namespace by
newuidmap and newgidmap, which are small programs with the right to do just that.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lambdad.launcher import syscalls

_FILES = {"newuidmap": Path("/etc/subuid"), "newgidmap": Path("/etc/subgid")}
_LEAST = 1_000


@dataclass(frozen=True)
class SubordinateIds:
    """A range of ids that this user may use in a namespace."""

    first: int
    count: int


def enter() -> int:
    """Become root of a new user namespace; returns how many ids there are in it, 0 being ours.

    OSError with a sentence for the operator when the machine does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    ranges = {program: find_subordinate_ids(file, user) for program, file in _FILES.items()}
    count = min(each.count for each in ranges.values())
    with _Mapper() as mapper:
        try:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
        except OSError as error:
            raise OSError(f"this machine lets no ordinary user make namespaces ({error})") from None
        for program, own in (("newuidmap", user), ("newgidmap", group)):
            first = ranges[program].first
            mapper.map(program, ("0", str(own), "1", "1", str(first), str(count)))
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # our own /proc/self is our own again
    return count + 1


def find_subordinate_ids(file: Path, user: int) -> SubordinateIds:
    """The largest range of `user` in `file`; OSError when there is none worth having."""
    name = _name_of(user)
    best = SubordinateIds(0, 0)
    try:
        lines = file.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        owner, first, count = [*line.split(":"), "", ""][:3]
        if owner in (name, str(user)) and first.isdigit() and count.isdigit():
            best = max(best, SubordinateIds(int(first), int(count)), key=lambda each: each.count)
    if best.count < _LEAST:
        raise OSError(
            f"{file} gives {name} no user ids for environments; as root: "
            f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
        )
    return best


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


class _Mapper:
    """A process that stays outside, since only from there can ids be mapped into a namespace."""

    def __enter__(self) -> _Mapper:
        self._target = os.getpid()
        self._asked, self._ask = os.pipe()
        self._answered, self._answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._serve()
        os.close(self._asked)
        os.close(self._answer)
        return self

    def __exit__(self, *failure: object) -> None:
        os.close(self._ask)
        os.close(self._answered)
        os.waitpid(self._pid, 0)

    def map(self, program: str, ranges: tuple[str, ...]) -> None:
        """Let `program` write one map of the process that made this one."""
        os.write(self._ask, "\0".join((program, str(self._target), *ranges)).encode() + b"\n")
        answer = os.read(self._answered, 1024).decode()
        if answer != "done":
            raise OSError(answer)

    def _serve(self) -> None:
        try:
            os.close(self._ask)
            for line in os.fdopen(self._asked):
                os.write(self._answer, _run(line.rstrip("\n").split("\0")).encode())
        finally:
            os._exit(0)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return f"{command[0]} is not installed; on Debian and Ubuntu: apt-get install uidmap"
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return "done" if done.returncode == 0 else (done.stderr.strip() or f"{command[0]} failed")
