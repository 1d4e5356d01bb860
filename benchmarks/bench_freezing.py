"""Freezing and thawing: from the write until the kernel says that it is done.

The kernel calls a group thawed before its processes have gone on. How long an event takes that
finds its environment frozen is a row of `bench_warm_invoke`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import check, invoke_request, open_connections

_NEVER = ("--freeze-after", "3600000")  # by the server, so that only the benchmark does
_MEMORY_MB = 1769
_PAUSE_SECONDS = 0.002  # in which what was thawed goes on, and comes to rest


def measure(run: Run) -> list[Result]:
    """A row for each. Nothing where the freezer of cgroup version 2 is not to be had."""
    frozen: list[float] = []
    thawed: list[float] = []
    with (
        running_lambdad(*_NEVER) as (server, functions),
        open_connections(server.address, 1) as (connection,),
        run.steps("Freezing", 1) as steps,
    ):
        check(connection.exchange(invoke_request(functions.deploy("trivial", _MEMORY_MB))))
        (environment,) = processes.environments(server)
        group = processes.freezer(environment)
        if group is None:
            return []
        with _opened(group / "cgroup.freeze", group / "cgroup.events") as (switch, events):
            for _ in range(run.effort.exchanges):
                time.sleep(_PAUSE_SECONDS)
                frozen.append(_switch_ms(switch, events, b"1"))
                time.sleep(_PAUSE_SECONDS)
                thawed.append(_switch_ms(switch, events, b"0"))
        steps.done()
    return [Result("freeze", "ms", frozen), Result("thaw", "ms", thawed)]


@contextmanager
def _opened(switch: Path, events: Path) -> Iterator[tuple[int, int]]:
    descriptors = os.open(switch, os.O_WRONLY), os.open(events, os.O_RDONLY)
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _switch_ms(switch: int, events: int, state: bytes) -> float:
    wanted = b"frozen " + state
    started = perf_counter()
    os.pwrite(switch, state, 0)
    while wanted not in os.pread(events, 256, 0):
        pass
    return (perf_counter() - started) * 1000
