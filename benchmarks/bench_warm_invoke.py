"""The latency of warm invocations on one connection, one after the other.

An environment that gets its next event at once has not been frozen; one that idled has, and is
thawed first.
"""

from __future__ import annotations

import time
from time import perf_counter

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Server, running_lambdad
from benchmarks.workload import Address, check, invoke_request, open_connections

_PROMISES = {1769: "P102: p50 <= 0.7 ms"}
_FROZEN_PROMISE = "P108: p50 <= 1.2 ms"
_CHUNKS = 20  # of samples; what is shown changes between two
_FROZEN_SECONDS = 0.02  # so long it has been frozen when its event comes


def measure(run: Run) -> list[Result]:
    """A row for each memory size, the smaller of which runs into its CPU limit; and one for an
    environment that is frozen whenever an event comes."""
    rows = []
    with running_lambdad() as (server, functions):
        for memory_mb in (1769, 128):
            request = invoke_request(functions.deploy("trivial", memory_mb))
            title = f"Warm invocations, {memory_mb} MB"
            samples = latencies_ms(run, title, server.address, request)
            conditions = {"memory_mb": memory_mb, "connections": 1, "state": "handed on"}
            promise = _PROMISES.get(memory_mb, "")
            rows.append(Result("warm invoke", "ms", samples, conditions, promise))
    with running_lambdad() as (server, functions):
        request = invoke_request(functions.deploy("trivial", 1769))
        if samples := _thawed_ms(run, server, request):
            conditions = {"memory_mb": 1769, "connections": 1, "state": "frozen"}
            rows.append(Result("warm invoke", "ms", samples, conditions, _FROZEN_PROMISE))
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


def _thawed_ms(run: Run, server: Server, request: bytes) -> list[float]:
    """The same, but each is sent when the environment is frozen, as the kernel says; nothing where
    the kernel does not say."""
    count = run.effort.exchanges // 5
    samples: list[float] = []
    with (
        open_connections(server.address, 1) as (connection,),
        run.steps("Warm invocations, frozen before", count) as steps,
    ):
        check(connection.exchange(request))
        (environment,) = processes.environments(server)
        group = processes.freezer(environment)
        while group is not None and len(samples) < count:
            processes.wait_until_frozen(group)
            time.sleep(_FROZEN_SECONDS)
            started = perf_counter()
            response = connection.exchange(request)
            samples.append((perf_counter() - started) * 1000)
            check(response)
            steps.done()
    return samples
