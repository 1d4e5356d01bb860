"""Execution environments per second: the start, the first invocation, and the end of each.

The server keeps none that is idle, so that every invocation has an environment of its own, which
ends behind it. Each stretch has a function of its own, as a function may have a hundred made a
second, and a thousand more at once.
"""

from __future__ import annotations

from collections import defaultdict

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import running_lambdad
from benchmarks.workload import check_cold, closed_loop, invoke_request, open_connections, rates

_AT_ONCE = (1, 2, 8)
_MEMORY_MB = 1769
_WINDOWS = 10  # of a stretch of load
_KEEP_NONE = ("--idle-memory", "0")


def measure(run: Run) -> list[Result]:
    """A row for each number of environments at once, in turn."""
    samples: dict[int, list[float]] = defaultdict(list)
    seconds = run.effort.load_seconds
    with (
        running_lambdad(*_KEEP_NONE) as (server, functions),
        run.steps("Environments", run.effort.stretches * len(_AT_ONCE)) as steps,
    ):
        for stretch in range(run.effort.stretches):
            for count in _AT_ONCE:
                name = functions.deploy("trivial", _MEMORY_MB, f"trivial-{count}-{stretch}")
                request = invoke_request(name)
                with open_connections(server.address, count) as connections:
                    warm_up = run.effort.warm_up_seconds
                    closed_loop(connections, request, warm_up, check_cold)
                    started, answers = closed_loop(connections, request, seconds, check_cold)
                samples[count] += rates(started, answers, seconds, seconds / _WINDOWS)
                processes.wait_until_none_is_left(server)
                processes.wait_until_at_rest(server)
                steps.done()
    return [
        Result("environments", "1/s", samples[count], {"memory_mb": _MEMORY_MB, "at_once": count})
        for count in _AT_ONCE
    ]
