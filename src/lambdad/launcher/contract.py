"""What every kind of sandbox promises; the one contract test runs on all of them.

A sandbox is the isolated place of one execution environment. Its life:

    start   ──▶ the process hands its listeners over `channel` and takes its assignment there,
                which has been sent ahead
            ──▶ runs; what it prints comes out of `output`
    kill    ──▶ every process of it ends
    ended   ──▶ called exactly once a run, when its last process is gone
    restart ──▶ legal then, once it has handed its listeners over, which are there but once:
                another run in the same place; what /tmp holds is still there
    discard ──▶ every process ends, and the place goes with all that is in it

The caller owns `channel` and `output` and closes its copies after `start` and `restart`.
Descriptors that a sandbox hands out belong to whoever takes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

OS_ONLY = "provided"  # the runtime of functions that bring their own


@dataclass(frozen=True)
class Order:
    """What the node asks for: a sandbox for one environment, with code from the code store.

    `code` (at /var/task) and `layers` (at /opt; "" is none) are names of trees below the store,
    never paths. Memory and /tmp in megabytes. Of the host's own directories there is only what the
    operator lists, which the sandboxes know by themselves: `live_code`, where `code` is "", is one
    beneath a listed one; `file_system` is the ARN of one, to be had at `mount_path`. `start` says
    how its first process comes to be:

    pool    one that waits already, when there is one; else as `fork`
    fork    a copy of the interpreter that is warm; for another language than Python, its program,
            which learns what it is when it runs already
    spawn   a program of its own, for what is read only when a program starts
    archive makes an archive of the function's classes instead, which comes out of `output`; only
            where such archives are kept, and only by sandboxes with isolation
    bootstrap  the function's own program of that name, in /var/task or else in /opt; one that waits
            already becomes it, when there is one

    `archive` is the name of a tree below the store with such an archive, for a start that finds
    none waiting.

    `egress` is how far it wants to reach (`none`, `internet`, `host`), where the operator allows so
    much; "" is as far as the operator allows.
    """

    environment_id: str
    runtime: str
    account_id: str
    code: str
    memory_mb: int
    ephemeral_storage_mb: int
    layers: str = ""
    start: str = "pool"
    live_code: str = ""
    file_system: str = ""
    mount_path: str = ""
    egress: str = ""
    archive: str = ""


class NotToBeHad(OSError):
    """What somebody wants of the host's directories (an ARN, or a path) is not listed, or is not
    there."""

    def __init__(self, wanted: str, why: str) -> None:
        super().__init__(f"{wanted} cannot be had: {why}")
        self.wanted = wanted


@dataclass(frozen=True)
class Look:
    """What a look at a directory with live code found: where it really is, and a stamp, which
    differs when any file in it does ("" when there are too many to tell); or a problem."""

    directory: str
    stamp: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Exit:
    """How a sandbox ended: `status` is a wait status, `out_of_memory` says whether the kernel
    killed a process of it for want of memory, `memory_peak` is the most that it used, in bytes."""

    status: int
    out_of_memory: bool = False
    memory_peak: int = 0


@dataclass(frozen=True)
class Gauges:
    """Descriptors with which the node reads and sets what it needs on the hot path, by name:

    memory_peak   reads the most memory used so far, in bytes
    cpu_time      reads the processor time used so far: nanoseconds, or `usage_usec N` first
    cpu_quota     takes the text `cpu_quota`, which sets the CPU share; it is not limited before
    freezer       takes `frozen` and `thawed`, which stop every process and let it go on

    Where there is no freezer, the sandbox is asked (`freeze`, `thaw`).
    """

    descriptors: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


Ended = Callable[[Exit], None]
Prepared = Callable[["str | None"], None]
Looked = Callable[[Look], None]


class Sandbox(Protocol):
    """One started sandbox."""

    def gauges(self) -> Gauges:
        """Fresh descriptors for the node; empty where the kind has no limits. The CPU share is
        unlimited from then on, until the node limits it."""

    def kill(self) -> None:
        """End every process, at once, frozen or not; `ended` follows. Legal at any time, any
        number of times."""

    def check_memory(self) -> int | None:
        """The bytes that its processes use, /tmp not counted. None when that is more than they may,
        or when one has been killed for it: then it is killed as a whole. The node asks when memory
        and /tmp together are that much: see `memory_peak`."""

    def freeze(self) -> None:
        """Stop every process until `thaw` or `kill`; for sandboxes without a freezer gauge."""

    def thaw(self) -> None:
        """Let every process go on."""

    def restart(self, channel: int, output: int) -> None:
        """Run again, after `ended`, with the listeners that were handed over; OSError when the
        machine does not allow it."""

    def discard(self) -> None:
        """Kill, and give everything back; `ended` follows if it has not been called for this run.
        Nothing else is legal afterwards."""


class Sandboxes(Protocol):
    """Makes the sandboxes of one kind."""

    name: str

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        """Make ready whatever shortens a later start of a function with so much memory; `prepared`
        gets None or what went wrong."""

    def look(self, directory: str, looked: Looked) -> None:
        """Look at a directory with live code, now, and call `looked`."""

    def count_waiting(self) -> int:
        """How many were made ahead, and wait for a start."""

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """Start a sandbox; OSError when the machine does not allow it, NotToBeHad when a directory
        of the host is missing, and nothing is left."""

    def close(self) -> None:
        """Kill all that runs; no start is legal afterwards."""
