"""Function URLs whose answer comes whole: latency on one connection, and how many a second."""

from __future__ import annotations

from benchmarks.bench_throughput import closed_rows
from benchmarks.bench_warm_invoke import latencies_ms
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import invoke_request, url_request

_MEMORY_MB = 1769
_LATENCY = "P143: p50 <= 1.5 ms"
_RATES = {32: "P144: >= 2,500/s"}


def measure(run: Run) -> list[Result]:
    """A row for one connection, beside Invoke of the same function, and rows for several."""
    with running_lambdad() as (server, functions):
        name = functions.deploy("trivial", _MEMORY_MB)
        request = url_request(functions.make_url(name))
        conditions = {"memory_mb": _MEMORY_MB, "connections": 1}
        by_url = latencies_ms(run, "Warm, by function URL", server.address, request)
        by_api = latencies_ms(run, "Warm, by Invoke", server.address, invoke_request(name))
        return [
            Result("warm function URL", "ms", by_url, conditions, _LATENCY),
            Result("warm invoke beside it", "ms", by_api, conditions),
            *closed_rows(
                run,
                "function URL throughput",
                server.address,
                request,
                {"memory_mb": _MEMORY_MB},
                _RATES,
            ),
        ]
