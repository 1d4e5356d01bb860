"""Many functions at once that do nothing but wait, started from nothing."""

from __future__ import annotations

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import all_at_once, invoke_request, open_connections

_MEMORY_MB = 128
_REQUEST = b'{"seconds": 1}'
_PROMISE = "P109: 1,000 in <= 12 s"


def measure(run: Run) -> list[Result]:
    """A row for a crowd, and one for a crowd of twice as many."""
    crowds = {run.effort.crowd: run.effort.runs, 2 * run.effort.crowd: 1}
    samples: dict[int, list[float]] = {count: [] for count in crowds}
    flags = ("--concurrency", str(max(crowds)))
    with (
        running_lambdad(*flags) as (server, functions),
        run.steps("Sleepers", sum(crowds.values())) as steps,
    ):
        name = functions.deploy("sleeper", _MEMORY_MB)
        for count, runs in crowds.items():
            for _ in range(runs):
                with open_connections(server.address, count) as connections:
                    samples[count].append(all_at_once(connections, invoke_request(name, _REQUEST)))
                functions.retire(name)
                processes.wait_until_none_is_left(server)
                processes.wait_until_at_rest(server)
                steps.done()
    return [
        Result(
            "sleepers of 1 s, all done",
            "s",
            taken,
            {"memory_mb": _MEMORY_MB, "at_once": count},
            _PROMISE if count == run.effort.crowd else "",
        )
        for count, taken in samples.items()
    ]
