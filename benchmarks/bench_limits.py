"""The limits beside: what the interpreter and the HTTP server cost with nothing around them."""

from __future__ import annotations

import os
import sys
from time import perf_counter

from benchmarks import bench_throughput, bench_warm_invoke
from benchmarks.machine import runtime
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running
from benchmarks.workload import echo_request
from lambdad.launcher.interpreters import find_interpreters


def measure(run: Run) -> list[Result]:
    """A bare interpreter, a bare uvicorn."""
    return [_interpreter(run), *_echo(run)]


def _interpreter(run: Run) -> Result:
    """From spawning the interpreter that functions run on to its end."""
    executable = find_interpreters()[runtime()].executable
    samples = []
    with run.steps("Bare interpreter", run.effort.samples) as steps:
        for _ in range(run.effort.samples):
            samples.append(_spawn_ms([executable, "-I", "-S", "-c", "pass"]))
            steps.done()
    return Result("limit: python -I -S -c pass", "ms", samples)


def _spawn_ms(arguments: list[str]) -> float:
    started = perf_counter()
    pid = os.posix_spawn(arguments[0], arguments, os.environ)
    os.waitpid(pid, 0)
    return (perf_counter() - started) * 1000


def _echo(run: Run) -> list[Result]:
    request = echo_request()
    with running([sys.executable, "-m", "benchmarks.echo"]) as server:
        latencies = bench_warm_invoke.latencies_ms(run, "Bare uvicorn", server.address, request)
        rows = bench_throughput.closed_rows(run, "limit: uvicorn echo", server.address, request)
    return [Result("limit: uvicorn echo", "ms", latencies, {"connections": 1}), *rows]
