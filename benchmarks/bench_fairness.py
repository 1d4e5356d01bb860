"""What a small function feels of another that runs in hundreds of environments at once."""

from __future__ import annotations

import time
from time import perf_counter

from benchmarks.report import Conditions, Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import Connection, Crowd, check, invoke_request, open_connections

_SMALL_MB = 128
_SLEEP = b'{"seconds": 1}'
_PAUSE_SECONDS = 0.005  # between two requests; shorter than what it takes to be frozen
_PROMISE = "P111: <= 3"


def measure(run: Run) -> list[Result]:
    """A row for the small function alone, one while the other's environments start, and one while
    they only run."""
    count = max(1, run.effort.crowd // 2)
    with (
        running_lambdad() as (server, functions),
        open_connections(server.address, 1) as (connection,),
        open_connections(server.address, count) as connections,
        run.steps("Fairness", 2 + run.effort.runs) as steps,
    ):
        small = invoke_request(functions.deploy("trivial", _SMALL_MB))
        sleepers = invoke_request(functions.deploy("sleeper", _SMALL_MB), _SLEEP)
        alone = [_latency_ms(connection, small) for _ in range(run.effort.exchanges)]
        steps.done()
        crowd = Crowd(connections)
        starting = _beside(crowd, sleepers, connection, small)
        steps.done()
        running = []
        for _ in range(run.effort.runs):
            running += _beside(crowd, sleepers, connection, small)
            steps.done()
    first = _row("nobody", alone)
    others = [_row(f"{count} starting", starting), _row(f"{count} running", running)]
    return [first, *others, *(_ratio(first, other) for other in others)]


def _row(beside: str, samples: list[float]) -> Result:
    conditions: Conditions = {"memory_mb": _SMALL_MB, "connections": 1, "beside": beside}
    return Result("small function", "ms", samples, conditions)


def _ratio(alone: Result, beside: Result) -> Result:
    """How many times as long 19 of 20 take at most, beside others."""
    name = "small function, p95 to p95 alone"
    return Result(name, "x", [beside.p95 / alone.p95], beside.conditions, _PROMISE)


def _beside(crowd: Crowd, sleepers: bytes, connection: Connection, small: bytes) -> list[float]:
    """The small function's latencies while all of the crowd have asked and not all have their
    answers."""
    samples = []
    crowd.send(sleepers)
    while crowd.waiting:
        samples.append(_latency_ms(connection, small))
        crowd.look()
    return samples


def _latency_ms(connection: Connection, request: bytes) -> float:
    time.sleep(_PAUSE_SECONDS)
    started = perf_counter()
    response = connection.exchange(request)
    elapsed_ms = (perf_counter() - started) * 1000
    check(response)
    return elapsed_ms
