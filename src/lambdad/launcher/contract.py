"""What every kind of sandbox promises; the one contract test runs on all of them.

A sandbox is the isolated place of one execution environment. Its life:

    start ──▶ the process hands its listeners over `channel` and takes its assignment there
          ──▶ runs; what it prints comes out of `output`
    kill  ──▶ every process of it ends; the files of its /tmp go with it
    ended ──▶ called exactly once, when its last process is gone and its limits are given back

The caller owns `channel` and `output` and closes its copies after `start`. Descriptors that a
sandbox hands out belong to whoever takes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Order:
    """What the node asks for: a sandbox for one environment, with code from the code store.

    `code` is the name of a tree below the store, never a path. Memory and /tmp in megabytes.
    """

    environment_id: str
    runtime: str
    account_id: str
    code: str
    memory_mb: int
    ephemeral_storage_mb: int


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
    `memory_peak` reads bytes; writing `cpu_quota` to the descriptor of that name sets the CPU
    share, which is not limited before."""

    descriptors: dict[str, int] = field(default_factory=dict)
    cpu_quota: str = ""


Ended = Callable[[Exit], None]
Prepared = Callable[["str | None"], None]


class Sandbox(Protocol):
    """One started sandbox."""

    def gauges(self) -> Gauges:
        """Fresh descriptors for the node; empty where the kind has no limits."""

    def kill(self) -> None:
        """End every process, at once; `ended` follows. Legal at any time, any number of times."""


class Sandboxes(Protocol):
    """Makes the sandboxes of one kind."""

    name: str

    def prepare(self, runtime: str, account_id: str, prepared: Prepared) -> None:
        """Make ready whatever shortens a later start; `prepared` gets None or what went wrong."""

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """Start a sandbox; OSError when the machine does not allow it, and nothing is left."""

    def close(self) -> None:
        """Kill all that runs; no start is legal afterwards."""
