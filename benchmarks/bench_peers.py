"""lambdad and its rivals on the same machine: the same function, deployed and invoked by the same
clients, in turn.

A rival is a program that pip installs into an environment of its own (`make bench PEERS=1`). Here
it is started as its own documents say, and asked over HTTP.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from time import perf_counter

from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Functions, ServerError, running_lambdad
from benchmarks.workload import (
    Address,
    Connection,
    WorkloadError,
    check,
    check_cold,
    get_request,
    invoke_request,
    open_connections,
)
from lambdad import __version__

PEERS = Path(__file__).resolve().parent.parent / ".venv" / "peers"
_MEMORY_MB = 1769
_GAP_SECONDS = 0.15
_READY_SECONDS = 30
_STOP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One of those that are compared, running."""

    name: str
    version: str
    address: Address
    functions: Functions


def measure(run: Run) -> list[Result]:
    """Two rows for each: the first invocation of a new function, and warm ones of the last."""
    cold: dict[str, list[float]] = defaultdict(list)
    warm: dict[str, list[float]] = defaultdict(list)
    count = run.effort.samples
    with ExitStack() as stack, run.steps("Peers", 2 * count) as steps:
        candidates = [stack.enter_context(_lambdad()), stack.enter_context(_ministack())]
        for number in range(count):
            for candidate in candidates:
                cold[candidate.name].append(_cold_ms(candidate, f"function-{number}"))
            steps.done()
        for _ in range(count):
            for candidate in candidates:
                warm[candidate.name] += _warm_ms(candidate, f"function-{count - 1}")
            steps.done()
    return [
        Result(
            f"{what}: {each.name}",
            "ms",
            taken[each.name],
            {"version": each.version, "memory_mb": _MEMORY_MB, "connections": 1},
        )
        for what, taken in (("new function", cold), ("warm function", warm))
        for each in candidates
    ]


def _cold_ms(candidate: _Candidate, name: str) -> float:
    candidate.functions.deploy("trivial", _MEMORY_MB, name)
    time.sleep(_GAP_SECONDS)
    with open_connections(candidate.address, 1) as (connection,):
        started = perf_counter()
        response = connection.exchange(invoke_request(name))
        elapsed_ms = (perf_counter() - started) * 1000
    check_cold(response)
    return elapsed_ms


def _warm_ms(candidate: _Candidate, name: str, times: int = 5) -> list[float]:
    """A few in a row, after one that does not count."""
    request = invoke_request(name)
    samples = []
    with open_connections(candidate.address, 1) as (connection,):
        check(connection.exchange(request))
        for _ in range(times):
            started = perf_counter()
            response = connection.exchange(request)
            samples.append((perf_counter() - started) * 1000)
            check(response)
    return samples


@contextmanager
def _lambdad() -> Iterator[_Candidate]:
    with running_lambdad() as (server, functions):
        yield _Candidate("lambdad", __version__, server.address, functions)


@contextmanager
def _ministack() -> Iterator[_Candidate]:
    """Its default executor, which starts a process of the machine's Python for a function, without
    isolation; the other one needs Docker."""
    program = PEERS / "ministack" / "bin" / "ministack"
    if not program.exists():
        raise ServerError("ministack is not installed; make bench PEERS=1 does it.")
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as directory:
        address = ("127.0.0.1", _free_port())
        variables = {
            "PATH": f"{program.parent}:{os.defpath}",
            "HOME": directory,
            "TMPDIR": directory,
            "GATEWAY_PORT": str(address[1]),
            "LAMBDA_EXECUTOR": "local",
        }
        with (Path(directory) / "log").open("wb") as log:
            process = Popen(
                [program], cwd=directory, env=variables, stdin=DEVNULL, stdout=log, stderr=log
            )
        try:
            _wait_until_healthy(address, "/_ministack/health")
            functions = Functions(f"http://127.0.0.1:{address[1]}")
            yield _Candidate("ministack", _version_of(program), address, functions)
        finally:
            _stop(process)


def _version_of(program: Path) -> str:
    """What pip has installed."""
    (found,) = program.parent.parent.glob(f"lib/*/site-packages/{program.name}-*.dist-info")
    return found.stem.removeprefix(f"{program.name}-")


def _free_port() -> int:
    """One that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_healthy(address: Address, path: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            connection = Connection(address)
            try:
                check(connection.exchange(get_request(path)))
            finally:
                connection.close()
            return
        except (OSError, WorkloadError):
            time.sleep(0.05)
    raise ServerError(f"{address[0]}:{address[1]} does not become healthy.")


def _stop(process: Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except TimeoutExpired:
        process.kill()
        process.wait()
