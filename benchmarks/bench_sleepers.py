"""Many at once that do nothing but wait, started from nothing.

A function may have a thousand environments made at once, so that each crowd has functions of its
own: one for each thousand.
"""

from __future__ import annotations

import math

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import all_at_once, invoke_request, open_connections

_MEMORY_MB = 128
_REQUEST = b'{"seconds": 1}'
_PER_FUNCTION = 1_000
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
        for count, runs in crowds.items():
            for run_number in range(runs):
                names = [
                    functions.deploy(
                        "sleeper", _MEMORY_MB, f"sleeper-{count}-{run_number}-{number}"
                    )
                    for number in range(math.ceil(count / _PER_FUNCTION))
                ]
                requests = [invoke_request(name, _REQUEST) for name in names]
                with open_connections(server.address, count) as connections:
                    samples[count].append(all_at_once(connections, *requests))
                for name in names:
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
