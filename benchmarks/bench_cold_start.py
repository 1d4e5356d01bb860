"""Cold starts, from the first byte of the request to the last of the answer.

Every sample runs in a new execution environment: the function is changed first, which retires the
one before, and the answer tells that it was its environment's first.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from itertools import product
from time import perf_counter

from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Functions, running_lambdad
from benchmarks.workload import Connection, WorkloadError, check, invoke_request, open_connections

_FUNCTIONS = (("trivial", 1769), ("trivial", 128), ("boto3_client", 1769), ("pillow_resize", 1769))
# What is cheap in a row may be dear after a pause: the kernel waits for every core when a process
# changes its cgroup, unless it did so a moment ago.
_IDLE_GAPS_MS = (0, 50, 300)
_PROMISES = {("trivial", 1769): "P101: p50 <= 15 ms"}


def measure(run: Run) -> list[Result]:
    """A row for each function and each length of the idle gap, all interleaved."""
    samples: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    cases = list(product(_IDLE_GAPS_MS, _FUNCTIONS))
    with running_lambdad() as (server, functions), open_connections(server.address, 1) as opened:
        names = {function: functions.deploy(*function) for function in _FUNCTIONS}
        with run.steps("Cold starts", run.effort.samples) as steps:
            for _ in range(run.effort.samples):
                for gap_ms, function in cases:
                    sample = _cold_ms(functions, opened[0], names[function], gap_ms)
                    samples[*function, gap_ms].append(sample)
                steps.done()
    return [
        Result(
            f"cold start: {source}",
            "ms",
            samples[source, memory_mb, gap_ms],
            {"memory_mb": memory_mb, "idle_gap_ms": gap_ms},
            _PROMISES.get((source, memory_mb), ""),
        )
        for (source, memory_mb), gap_ms in product(_FUNCTIONS, _IDLE_GAPS_MS)
    ]


def _cold_ms(functions: Functions, connection: Connection, name: str, gap_ms: int) -> float:
    """Retire what is warm, let the machine idle, invoke."""
    request = invoke_request(name)
    functions.retire(name)
    time.sleep(gap_ms / 1000)
    started = perf_counter()
    response = connection.exchange(request)
    elapsed_ms = (perf_counter() - started) * 1000
    if json.loads(check(response).body)["count"] != 1:
        raise WorkloadError(f"The invocation of {name} was not cold: {response.body!r}")
    return elapsed_ms
