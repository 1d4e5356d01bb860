"""Cold starts, from the first byte of the request to the last of the answer.

Every sample runs in a new execution environment: the function is changed first, which retires the
one before, and the answer tells that it was its environment's first. Two servers take turns: one
makes sandboxes ahead, as it does by default, and has made all of them again before each sample;
the other makes none, and forks when the request is there.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter

from benchmarks import processes
from benchmarks.machine import runtime
from benchmarks.report import Conditions, Result
from benchmarks.run import Run
from benchmarks.server import Functions, Server, running_lambdad
from benchmarks.workload import Connection, check_cold, invoke_request, open_connections
from lambdad.launcher.interpreters import find_interpreters

# What is cheap in a row may be dear after a pause: the kernel waits for every core when a process
# changes its cgroup, unless it did so a moment ago.
_GAPS_MS = (50, 150, 300)
_FLAGS = {"filled": (), "empty": ("--pool-memory", "0")}


@dataclass(frozen=True, slots=True)
class _Case:
    """Which function is started, and where."""

    function: str
    memory_mb: int
    pool: str = "filled"
    gaps_ms: tuple[int, ...] = _GAPS_MS
    promise: str = ""


_CASES = (
    _Case("trivial", 1769, promise="P101: p50 <= 6, p95 <= 15 ms"),
    _Case("trivial", 1769, pool="empty", promise="P106: p50 <= 15 ms"),
    _Case("boto3_client", 1769, promise="P107: p50 <= 40 ms"),
    _Case("trivial", 128, gaps_ms=(50,)),
    _Case("pillow_resize", 1769, gaps_ms=(50,)),
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A server that is running, and a connection to it."""

    server: Server
    functions: Functions
    connection: Connection

    def cold_ms(self, name: str, gap_ms: int) -> float:
        """Retire what is warm, let the machine idle, invoke."""
        request = invoke_request(name)
        self.functions.retire(name)
        processes.wait_until_at_rest(self.server)
        time.sleep(gap_ms / 1000)
        started = perf_counter()
        response = self.connection.exchange(request)
        elapsed_ms = (perf_counter() - started) * 1000
        check_cold(response)
        return elapsed_ms


def measure(run: Run) -> list[Result]:
    """A row for each case and each length of the idle gap, and for the bare interpreter beside
    them, all interleaved."""
    samples: dict[tuple[_Case, int], list[float]] = defaultdict(list)
    bare: dict[int, list[float]] = defaultdict(list)
    with ExitStack() as stack, run.steps("Cold starts", run.effort.samples) as steps:
        places = {pool: stack.enter_context(_place(pool)) for pool in _FLAGS}
        names = {
            case: places[case.pool].functions.deploy(case.function, case.memory_mb)
            for case in _CASES
        }
        for _ in range(run.effort.samples):
            for gap_ms in _GAPS_MS:
                for case in _CASES:
                    if gap_ms in case.gaps_ms:
                        sample = places[case.pool].cold_ms(names[case], gap_ms)
                        samples[case, gap_ms].append(sample)
                bare[gap_ms].append(_bare_ms(gap_ms))
            steps.done()
    return [
        *(_row(case, gap_ms, samples[case, gap_ms]) for case in _CASES for gap_ms in case.gaps_ms),
        *(
            Result("limit: python -I -S -c pass", "ms", bare[gap_ms], {"idle_gap_ms": gap_ms})
            for gap_ms in _GAPS_MS
        ),
    ]


@contextmanager
def _place(pool: str) -> Iterator[_Place]:
    with (
        running_lambdad(*_FLAGS[pool]) as (server, functions),
        open_connections(server.address, 1) as (connection,),
    ):
        yield _Place(server, functions, connection)


def _row(case: _Case, gap_ms: int, samples: list[float]) -> Result:
    conditions: Conditions = {
        "pool": case.pool,
        "memory_mb": case.memory_mb,
        "idle_gap_ms": gap_ms,
    }
    return Result(f"cold start: {case.function}", "ms", samples, conditions, case.promise)


def _bare_ms(gap_ms: int) -> float:
    """From spawning the interpreter that functions run on to its end."""
    arguments = [find_interpreters()[runtime()].executable, "-I", "-S", "-c", "pass"]
    time.sleep(gap_ms / 1000)
    started = perf_counter()
    pid = os.posix_spawn(arguments[0], arguments, os.environ)
    os.waitpid(pid, 0)
    return (perf_counter() - started) * 1000
