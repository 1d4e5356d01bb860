"""What is done to a server: kill -9 of each of its processes, a node that hangs, a full disk."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psutil
from history import Fault, Kind

from lambdad.testing.server import LocalServer
from support.processes import environments_of, node_of, zygotes_of
from support.waiting import wait_until

DETACHED = 2  # MNT_DETACH
PIECE = 1 << 16


def inflict(
    kind: Kind, server: LocalServer, random: Random, *, stop_seconds: float
) -> Fault | None:
    """Do it to the server, and bring it back if nobody else does; None when there is nothing to
    do it to just now."""
    if kind is Kind.LAUNCHER:
        return kill_launcher(server)
    try:
        if kind is Kind.STOP:
            return stop_node(server, stop_seconds)
        processes = {
            Kind.NODE: lambda: [node_of(server)],
            Kind.ZYGOTE: lambda: zygotes_of(server),
            Kind.ENVIRONMENT: lambda: environments_of(server),
        }[kind]()
        return kill(kind, random.choice(processes)) if processes else None
    except (psutil.Error, AssertionError):  # it is gone already, or is just being replaced
        return None


def kill_launcher(server: LocalServer) -> Fault:
    """The whole server, and start it again at once."""
    server.kill()
    began = time.monotonic()
    server.start()
    return Fault(Kind.LAUNCHER, began, time.monotonic())


def kill(kind: Kind, process: psutil.Process) -> Fault:
    """One process, which its launcher is to replace if it needs it."""
    process.kill()
    began = time.monotonic()
    wait_until(lambda: not process.is_running(), f"{kind.value} has an effect")
    return Fault(kind, began, time.monotonic())


def stop_node(server: LocalServer, seconds: float) -> Fault:
    """The node does nothing for a while, and does not know of it."""
    node = node_of(server)
    began = time.monotonic()
    node.suspend()
    try:
        time.sleep(seconds)  # it is the fault itself that lasts
    finally:
        node.resume()
    return Fault(Kind.STOP, began, time.monotonic())


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in `directory`, which takes root."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={megabytes}m,mode=0711".encode()
    mounted = libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", 0, options)
    assert mounted == 0, os.strerror(ctypes.get_errno())
    try:
        yield directory
    finally:
        libc.umount2(os.fsencode(directory), DETACHED)


@contextmanager
def filled(directory: Path) -> Iterator[None]:
    """Not a byte is free in the file system of `directory`."""
    filler = directory / "filler"
    try:
        fill(filler)
        yield
    finally:
        filler.unlink()


def fill(filler: Path) -> None:
    """Write until the disk refuses, also what others have freed in the meantime."""
    with filler.open("ab", buffering=0) as file:
        for size in (PIECE, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
