"""What an idle execution environment takes of the machine's memory."""

from __future__ import annotations

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Server, is_isolated, running_lambdad
from benchmarks.workload import all_at_once, invoke_request, open_connections

_MEMORY_MB = 128
_REQUEST = b'{"seconds": 0.5}'
_MEGABYTE = 1_000_000
_PROMISE = "P110: <= 4 MB"


def measure(run: Run) -> list[Result]:
    """A row for what its processes hold, and one for what the kernel holds for them. Nothing where
    environments do not stand in cgroups of their own."""
    if not is_isolated():
        return []
    count = max(1, run.effort.crowd // 10)
    own: list[float] = []
    kernel: list[float] = []
    with (
        running_lambdad() as (server, functions),
        run.steps("Memory of idle environments", run.effort.runs) as steps,
    ):
        name = functions.deploy("sleeper", _MEMORY_MB)
        for _ in range(run.effort.runs):
            with open_connections(server.address, count) as connections:
                all_at_once(connections, invoke_request(name, _REQUEST))
            processes.wait_until_at_rest(server)
            of_processes, of_kernel = _held(server)
            own.append(of_processes)
            kernel.append(of_kernel)
            functions.retire(name)
            processes.wait_until_none_is_left(server)
            steps.done()
    conditions = {"memory_mb": _MEMORY_MB, "idle": count}
    return [
        Result("memory per idle environment: PSS", "MB", own, conditions, _PROMISE),
        Result("memory per idle environment: kernel", "MB", kernel, conditions),
    ]


def _held(server: Server) -> tuple[float, float]:
    """Megabytes per environment: proportional set sizes, and the kernel's own memory."""
    environments = processes.environments(server)
    everything = [
        process
        for environment in environments
        for process in (environment, *environment.children(recursive=True))
    ]
    kernel = sum(processes.kernel_memory(environment) or 0 for environment in environments)
    number = len(environments) * _MEGABYTE
    return processes.memory(everything) / number, kernel / number
