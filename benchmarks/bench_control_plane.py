"""The control plane: how long its operations take, and how it bears ten thousand functions."""

from __future__ import annotations

import json
import shutil
import tempfile
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks import packages
from benchmarks.bench_warm_invoke import latencies_ms
from benchmarks.machine import runtime
from benchmarks.report import Result
from benchmarks.run import Run, Steps
from benchmarks.server import Functions, Server, command, running_lambdad
from benchmarks.workload import (
    Address,
    Connection,
    Response,
    WorkloadError,
    api_request,
    closed_loop,
    invoke_request,
    open_connections,
    rates,
)

_FUNCTIONS = "/2015-03-31/functions"
_ROLE = "arn:aws:iam::000000000000:role/benchmark"
_MEMORY_MB = 1769
_CONNECTIONS = 8
_WINDOW_SECONDS = 0.2
_PROMISES = {"CreateFunction": "P120: p50 <= 20 ms"}
_PROMISE = "P121: p50 <= 5 ms"


def measure(run: Run) -> list[Result]:
    """Rows for single operations, for the rate of reads, and for a server with many functions."""
    with running_lambdad() as (server, functions):
        name = functions.deploy("trivial", _MEMORY_MB)
        rows = _operation_rows(run, server.address, name)
        rows.append(_rate_row(run, server.address, name))
    return rows + _crowd_rows(run)


def _operation_rows(run: Run, address: Address, name: str) -> list[Result]:
    """Each operation on one connection, one after the other. Those that make, change and delete
    take turns, so that each finds what it needs."""
    samples: dict[str, list[float]] = {}
    rounds = max(2, run.effort.exchanges // 10)
    with (
        open_connections(address, 1) as (connection,),
        run.steps("Operations of the control plane", rounds) as steps,
    ):
        for number in range(rounds):
            for operation, request in _round(name, f"bench-{number}"):
                started = perf_counter()
                response = connection.exchange(request)
                samples.setdefault(operation, []).append((perf_counter() - started) * 1000)
                _check(response)
                _settle(connection, operation, f"bench-{number}")
            steps.done()
    return [
        Result(operation, "ms", taken, {"connections": 1}, _PROMISES.get(operation, _PROMISE))
        for operation, taken in samples.items()
    ]


def _round(name: str, new: str) -> Iterator[tuple[str, bytes]]:
    """One of each operation: reads of a function that is there, the life of a new one."""
    yield "GetFunctionConfiguration", api_request("GET", f"{_FUNCTIONS}/{name}/configuration")
    yield "GetFunction", api_request("GET", f"{_FUNCTIONS}/{name}")
    yield "ListFunctions", api_request("GET", f"{_FUNCTIONS}/")
    yield "CreateFunction", _creation(new)
    yield "UpdateFunctionConfiguration", _put(f"{_FUNCTIONS}/{new}/configuration", {"Timeout": 9})
    yield "PublishVersion", api_request("POST", f"{_FUNCTIONS}/{new}/versions", b"{}")
    alias = json.dumps({"Name": "live", "FunctionVersion": "1"}).encode()
    yield "CreateAlias", api_request("POST", f"{_FUNCTIONS}/{new}/aliases", alias)
    yield "UpdateAlias", _put(f"{_FUNCTIONS}/{new}/aliases/live", {"Description": "d"})
    yield "DeleteFunction", api_request("DELETE", f"{_FUNCTIONS}/{new}")


def _settle(connection: Connection, operation: str, name: str) -> None:
    """Wait until a change of a function has taken effect; it is not part of the figure."""
    if operation not in ("CreateFunction", "UpdateFunctionConfiguration"):
        return
    request = api_request("GET", f"{_FUNCTIONS}/{name}/configuration")
    while True:
        found = json.loads(_check(connection.exchange(request)).body)
        if found["State"] == "Active" and found.get("LastUpdateStatus") != "InProgress":
            return


def _rate_row(run: Run, address: Address, name: str) -> Result:
    request = api_request("GET", f"{_FUNCTIONS}/{name}/configuration")
    seconds = run.effort.load_seconds
    with (
        open_connections(address, _CONNECTIONS) as connections,
        run.steps("Load: GetFunctionConfiguration", 1) as steps,
    ):
        closed_loop(connections, request, run.effort.warm_up_seconds)
        started, answers = closed_loop(connections, request, seconds)
        steps.done()
    return Result(
        "GetFunctionConfiguration",
        "1/s",
        rates(started, answers, seconds, _WINDOW_SECONDS),
        {"connections": _CONNECTIONS},
        "P122: >= 1,000/s",
    )


def _crowd_rows(run: Run) -> list[Result]:
    """A server with many functions beside one with a single function."""
    functions = run.effort.functions
    data = Path(tempfile.mkdtemp(prefix="lambdad-bench-"))
    try:
        server = Server(command(data), data.with_suffix(".log"))
        try:
            alone = _warm(run, server, "alone", {"functions": 1})
            with run.steps(f"Creating {functions} functions", functions) as steps:
                _create_many(server.address, functions, steps)
            pages = _list_pages(run, server.address)
            crowded = _warm(run, server, "crowded", {"functions": functions})
        finally:
            server.stop()
        starts = _starts(run, data)
    finally:
        shutil.rmtree(data)
        data.with_suffix(".log").unlink(missing_ok=True)
    conditions = {"functions": functions}
    return [
        Result("ListFunctions, a page", "ms", pages, conditions, "P123: <= 20 ms"),
        Result("server start", "s", starts, conditions, "P124: <= 3 s"),
        alone,
        crowded,
    ]


def _warm(run: Run, server: Server, name: str, conditions: dict[str, int]) -> Result:
    Functions(server.url).deploy("trivial", _MEMORY_MB, name)
    samples = latencies_ms(run, f"Warm invocations, {name}", server.address, invoke_request(name))
    return Result("warm invoke", "ms", samples, conditions, "P125: unchanged")


def _create_many(address: Address, functions: int, steps: Steps) -> None:
    """Over several connections, each with one request on its way."""
    numbers = count()
    with open_connections(address, _CONNECTIONS) as connections:
        waiting: deque[Connection] = deque()
        for connection in connections:
            connection.send(_creation(f"many-{next(numbers):05}"))
            waiting.append(connection)
        for _ in range(functions):
            connection = waiting.popleft()
            while (response := connection.receive()) is None:
                pass
            _check(response)
            steps.done()
            if (number := next(numbers)) < functions:
                connection.send(_creation(f"many-{number:05}"))
                waiting.append(connection)


def _list_pages(run: Run, address: Address) -> list[float]:
    """Every page of the list, from the first to the last, again and again."""
    samples: list[float] = []
    marker = ""
    with open_connections(address, 1) as (connection,):
        while len(samples) < run.effort.exchanges // 5:
            request = api_request("GET", f"{_FUNCTIONS}/{marker}")
            started = perf_counter()
            response = connection.exchange(request)
            samples.append((perf_counter() - started) * 1000)
            following = json.loads(_check(response).body).get("NextMarker")
            marker = f"?Marker={following}" if following else ""
    return samples


def _starts(run: Run, data: Path) -> list[float]:
    """Restarts on the same data directory, from the spawn to the first healthy answer."""
    samples = []
    with run.steps("Starts with many functions", run.effort.runs) as steps:
        for _ in range(run.effort.runs):
            started = perf_counter()
            server = Server(command(data), data.with_suffix(".log"))
            try:
                server.wait_until_healthy()
                samples.append(perf_counter() - started)
            finally:
                server.stop()
            steps.done()
    return samples


def _creation(name: str) -> bytes:
    package = packages.build("trivial")
    parameters = {
        "FunctionName": name,
        "Runtime": runtime(),
        "Handler": "trivial.handler",
        "Role": _ROLE,
        "Code": {"ZipFile": b64encode(package).decode()},
    }
    return api_request("POST", _FUNCTIONS, json.dumps(parameters).encode())


def _put(path: str, parameters: dict[str, object]) -> bytes:
    return api_request("PUT", path, json.dumps(parameters).encode())


def _check(response: Response) -> Response:
    if response.status // 100 != 2:
        raise WorkloadError(f"The server answered {response.status}: {response.body[:500]!r}")
    return response
