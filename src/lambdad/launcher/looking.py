"""Looking at a directory with live code: where it is, and whether anything in it has changed.

A process of its own looks, since a disk may be slow or far away and the launcher has others to
serve. It takes no file's word for what is in it: times alone can be set back, so a stamp is made of
each file's name, number, size, mode and both times.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

from lambdad.launcher import entering, syscalls
from lambdad.launcher.contract import Look, Looked, NotToBeHad
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.loop import Loop

MOST_ENTRIES = 20_000
_DEEPEST = 64
_SECONDS = 10
# What changes without a change of the code: bytecode, and what git keeps for itself.
_IGNORED = frozenset({"__pycache__", ".git"})


class _TooMuch(Exception):
    """There is more than anybody wants to wait for."""


def look(loop: Loop, directories: HostDirectories, path: str, looked: Looked) -> None:
    """Look at the directory that `path` leads to, and call `looked`; OSError when nobody can."""
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid == 0:
        _look_and_exit(directories, path, writing)
    os.close(writing)

    def receive() -> None:
        answer = os.read(reading, 65536)  # it is written at once
        loop.forget(reading)
        os.close(reading)
        nothing = Look(path, problem=f"{path} could not be looked at in time")
        looked(Look(**json.loads(answer)) if answer else nothing)

    loop.watch(reading, receive)
    loop.adopt(pid, lambda status: None)


def stamp_of(directory: int) -> str:
    """Differs when anything in `directory` (a descriptor) does; "" when there is too much in it."""
    digest = hashlib.blake2b(digest_size=16)
    own = os.fstat(directory)
    digest.update(f"{own.st_dev} {own.st_ino} {own.st_mode}".encode())
    try:
        for number, entry in enumerate(_entries(directory, b"", 0)):
            if number == MOST_ENTRIES:
                return ""
            digest.update(entry)
    except _TooMuch:
        return ""
    return digest.hexdigest()


def _entries(directory: int, above: bytes, depth: int) -> Iterator[bytes]:
    """A line for each thing in `directory` and below, always in the same order."""
    if depth > _DEEPEST:
        raise _TooMuch
    for name in sorted(set(os.listdir(directory)) - _IGNORED):
        path = above + b"/" + os.fsencode(name)
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            yield b"\0" + path + _figures(status)
            if stat.S_ISDIR(status.st_mode):
                yield from _entries_below(directory, name, path, depth)
        except OSError:
            continue  # it is just going, or nobody's to read


def _entries_below(directory: int, name: str, path: bytes, depth: int) -> Iterator[bytes]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    below = os.open(name, flags, dir_fd=directory)
    try:
        yield from _entries(below, path, depth + 1)
    finally:
        os.close(below)


def _figures(status: os.stat_result) -> bytes:
    """What tells a file from what it was; of a directory, its entries tell the rest."""
    figures = [status.st_ino, status.st_mode]
    if not stat.S_ISDIR(status.st_mode):
        figures += [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    return b"".join(b"\0%d" % figure for figure in figures)


def _look_and_exit(directories: HostDirectories, path: str, writing: int) -> NoReturn:
    """In the child: nothing of the launcher's is needed, and least of all kept."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(_SECONDS)
        if sys.platform == "linux":
            syscalls.die_with_parent()
            entering.close_all_but([writing])
        os.write(writing, json.dumps(_found(directories, path)).encode())
    except BaseException:
        traceback.print_exc()
    os._exit(0)


def _found(directories: HostDirectories, path: str) -> dict[str, str]:
    try:
        real = directories.find_live_code(path)
        own = directories.open_live_code(real)
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=own)
        return {"directory": real, "stamp": stamp_of(readable)}
    except NotToBeHad as error:
        return {"directory": path, "problem": str(error)}
    except OSError as error:
        return {"directory": path, "problem": f"{path} cannot be read: {error.strerror}"}
