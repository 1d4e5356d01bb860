"""Warm invocations per second on several connections, and latency under a steady load."""

from __future__ import annotations

from collections import defaultdict

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import (
    Address,
    closed_loop,
    invoke_request,
    open_connections,
    open_loop,
    rates,
)

_CONNECTIONS = (1, 8, 32)
_WINDOW_SECONDS = 0.2
_MEMORY_MB = 1769
_STEADY_RATE = 500  # requests a second; far from what the server can do
_PROMISES = {32: "P103: >= 4,000/s"}


def measure(run: Run) -> list[Result]:
    """A row for each number of connections, one for how many environments all that took, and one
    for the open loop."""
    with running_lambdad() as (server, functions):
        request = invoke_request(functions.deploy("trivial", _MEMORY_MB))
        rows = closed_rows(
            run, "throughput", server.address, request, {"memory_mb": _MEMORY_MB}, _PROMISES
        )
        made = Result(
            "environments made",
            "",
            [len(processes.environments(server))],
            {"memory_mb": _MEMORY_MB, "connections": max(_CONNECTIONS)},
        )
        return [*rows, made, _steady_row(run, server.address, request)]


def closed_rows(
    run: Run,
    name: str,
    address: Address,
    request: bytes,
    conditions: dict[str, int] | None = None,
    promises: dict[int, str] | None = None,
) -> list[Result]:
    """Requests per second in windows of stretches of load, the numbers of connections in turn."""
    samples: dict[int, list[float]] = defaultdict(list)
    seconds = run.effort.load_seconds
    with run.steps(f"Load: {name}", run.effort.stretches * len(_CONNECTIONS)) as steps:
        for _ in range(run.effort.stretches):
            for count in _CONNECTIONS:
                with open_connections(address, count) as connections:
                    closed_loop(connections, request, run.effort.warm_up_seconds)
                    started, answers = closed_loop(connections, request, seconds)
                samples[count] += rates(started, answers, seconds, _WINDOW_SECONDS)
                steps.done()
    return [
        Result(
            name,
            "1/s",
            samples[count],
            {**(conditions or {}), "connections": count},
            (promises or {}).get(count, ""),
        )
        for count in _CONNECTIONS
    ]


def _steady_row(run: Run, address: Address, request: bytes) -> Result:
    """Latency when requests arrive by a schedule that does not wait for the server."""
    count = run.effort.exchanges
    with (
        open_connections(address, max(_CONNECTIONS)) as connections,
        run.steps("Open loop", 1) as steps,
    ):
        open_loop(connections, request, rate=_STEADY_RATE, count=count // 5)
        latencies = open_loop(connections, request, rate=_STEADY_RATE, count=count)
        steps.done()
    conditions = {"memory_mb": _MEMORY_MB, "per_s": _STEADY_RATE}
    return Result("latency, open loop", "ms", [s * 1000 for s in latencies], conditions)
