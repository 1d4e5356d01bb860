"""The latency of warm invocations on one connection, one after the other."""

from __future__ import annotations

from time import perf_counter

from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import Address, check, invoke_request, open_connections

_PROMISES = {1769: "P102: p50 <= 1 ms"}
_CHUNKS = 20  # of samples; what is shown changes between two


def measure(run: Run) -> list[Result]:
    """A row for each memory size; the smaller one runs into its CPU limit."""
    rows = []
    with running_lambdad() as (server, functions):
        for memory_mb in (1769, 128):
            request = invoke_request(functions.deploy("trivial", memory_mb))
            title = f"Warm invocations, {memory_mb} MB"
            samples = latencies_ms(run, title, server.address, request)
            conditions = {"memory_mb": memory_mb, "connections": 1}
            promise = _PROMISES.get(memory_mb, "")
            rows.append(Result("warm invoke", "ms", samples, conditions, promise))
    return rows


def latencies_ms(run: Run, title: str, address: Address, request: bytes) -> list[float]:
    """How long each exchange takes, after a fifth as many that do not count."""
    chunk = max(1, run.effort.exchanges // _CHUNKS)
    samples: list[float] = []
    with (
        open_connections(address, 1) as (connection,),
        run.steps(title, run.effort.exchanges // chunk) as steps,
    ):
        for _ in range(run.effort.exchanges // 5):
            check(connection.exchange(request))
        while len(samples) < run.effort.exchanges:
            for _ in range(chunk):
                started = perf_counter()
                response = connection.exchange(request)
                samples.append((perf_counter() - started) * 1000)
                check(response)
            steps.done()
    return samples
