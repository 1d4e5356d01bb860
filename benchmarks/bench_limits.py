"""The limit beside: what an HTTP server costs with nothing around it.

The other limit, a bare interpreter, is measured in turn with cold starts.
"""

from __future__ import annotations

import sys

from benchmarks import bench_throughput, bench_warm_invoke
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running
from benchmarks.workload import echo_request


def measure(run: Run) -> list[Result]:
    """A bare uvicorn: latency on one connection, and requests per second."""
    request = echo_request()
    with running([sys.executable, "-m", "benchmarks.echo"]) as server:
        latencies = bench_warm_invoke.latencies_ms(run, "Bare uvicorn", server.address, request)
        rows = bench_throughput.closed_rows(run, "limit: uvicorn echo", server.address, request)
    return [Result("limit: uvicorn echo", "ms", latencies, {"connections": 1}), *rows]
