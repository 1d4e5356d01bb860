"""Every language: its first result, with one that waits and without, its warm invocations, and what
an idle environment of it holds.

The first results are measured as the cold starts are, and all languages take turns.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import ExitStack
from time import perf_counter

from benchmarks import processes
from benchmarks.bench_warm_invoke import latencies_ms
from benchmarks.languages import Trivial, trivial_functions
from benchmarks.report import Conditions, Result
from benchmarks.run import Run
from benchmarks.server import Functions, Server, is_isolated, running_lambdad
from benchmarks.workload import Connection, check_cold, invoke_request, open_connections

_MEMORY_MB = 1769
_GAP_SECONDS = 0.15
_MEGABYTE = 1_000_000
_FLAGS = {"filled": ("--pool-memory", "1024"), "empty": ("--pool-memory", "0")}
_PROMISES = {
    ("nodejs", "filled"): "P150: p50 <= 8 ms",
    ("nodejs", "empty"): "P151: p50 <= 60 ms",
    ("ruby", "filled"): "P150: p50 <= 10 ms",
    ("ruby", "empty"): "P151: p50 <= 20 ms",
    ("java", "filled"): "P150: p50 <= 20 ms",
    ("java", "empty"): "P151: p50 <= 120 ms",
    ("go", "filled"): "P150: p50 <= 8 ms",
    ("go", "empty"): "P151: p50 <= 15 ms",
    ("c", "filled"): "P150: p50 <= 8 ms",
    ("c", "empty"): "P151: p50 <= 15 ms",
}
_WARM_PROMISE = "P152: p50 <= 1.5 ms"


def measure(run: Run) -> list[Result]:
    """Four kinds of rows for each language of this machine."""
    languages = trivial_functions()
    packages = {each.language: each.package() for each in languages}
    first = _first_results(run, languages, packages)
    warm, held = [], []
    with running_lambdad() as (server, functions):
        for each in languages:
            name = _deploy(functions, each, packages)
            title = f"Warm invocations, {each.language}"
            samples = latencies_ms(run, title, server.address, invoke_request(name))
            conditions: Conditions = {"memory_mb": _MEMORY_MB, "connections": 1}
            row = Result(f"warm invoke: {each.language}", "ms", samples, conditions, _WARM_PROMISE)
            warm.append(row)
            if is_isolated():
                held.append(_held(server, each))
            functions.retire(name)
            processes.wait_until_none_is_left(server)
    return [*first, *warm, *held]


def _first_results(run: Run, languages: list[Trivial], packages: dict[str, bytes]) -> list[Result]:
    samples: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as stack, run.steps("First results", run.effort.samples) as steps:
        places = {pool: stack.enter_context(running_lambdad(*_FLAGS[pool])) for pool in _FLAGS}
        lines = {
            pool: stack.enter_context(open_connections(server.address, 1))[0]
            for pool, (server, _) in places.items()
        }
        for _, functions in places.values():
            for each in languages:
                _deploy(functions, each, packages)
        for _ in range(run.effort.samples):
            for each in languages:
                for pool, (server, functions) in places.items():
                    taken = _first_ms(server, functions, lines[pool], each.language)
                    samples[each.language, pool].append(taken)
            steps.done()
    return [
        Result(
            f"first result: {language}",
            "ms",
            taken,
            {"pool": pool, "memory_mb": _MEMORY_MB, "idle_gap_ms": int(_GAP_SECONDS * 1000)},
            _PROMISES.get((language, pool), ""),
        )
        for (language, pool), taken in samples.items()
    ]


def _first_ms(server: Server, functions: Functions, line: Connection, name: str) -> float:
    """Retire what is warm, let everything come to rest, invoke."""
    functions.retire(name)
    processes.wait_until_at_rest(server)
    time.sleep(_GAP_SECONDS)
    started = perf_counter()
    response = line.exchange(invoke_request(name))
    elapsed_ms = (perf_counter() - started) * 1000
    check_cold(response)
    return elapsed_ms


def _deploy(functions: Functions, each: Trivial, packages: dict[str, bytes]) -> str:
    return functions.deploy_package(
        each.language, packages[each.language], each.runtime, each.handler, _MEMORY_MB
    )


def _held(server: Server, each: Trivial) -> Result:
    """Megabytes of the only environment there is, PSS."""
    everything = [
        process
        for environment in processes.environments(server)
        for process in (environment, *environment.children(recursive=True))
    ]
    held = processes.memory(everything) / _MEGABYTE
    title = f"memory of an idle environment: {each.language}"
    return Result(title, "MB", [held], {"memory_mb": _MEMORY_MB, "idle": 1})
