"""Asynchronous invocations: how fast they are accepted, begun and drained, and how fair that is."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Functions, Server, ServerError, command, running, running_lambdad
from benchmarks.workload import (
    Address,
    Connection,
    Response,
    WorkloadError,
    api_request,
    closed_loop,
    event_request,
    open_connections,
    open_loop,
    rates,
)
from lambdad.clock import SystemClock
from lambdad.model.event import Event
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue

_EVENTS = "/_lambdad/events"
_MEMORY_MB = 1769
_CONNECTIONS = 32
_STEADY_RATE = 1_000
_WINDOW_SECONDS = 0.2
_IDLE_SECONDS = 0.05
_LONGEST_DRAIN = 600
_PLACE = ("000000000000", "us-east-1")


def measure(run: Run) -> list[Result]:
    """Rows for acceptance, start, drain and fairness."""
    with running_lambdad() as (server, functions):
        name = functions.deploy("trivial", _MEMORY_MB)
        rows = _accept_rows(run, server.address, name)
        rows.append(_drain_row(run, server.address, name))
        rows.append(_start_row(run, server.address, functions))
    rows.append(_fairness_row(run))
    return rows


def _accept_rows(run: Run, address: Address, name: str) -> list[Result]:
    """Acceptance with the dispatcher paused, and while it works on the same processors."""
    request = event_request(name)
    conditions = {"connections": _CONNECTIONS}
    _post(address, "pause")
    with run.steps("Accept events", 3) as steps:
        paused = _accept_rates(run, address, request)
        steps.done()
        with open_connections(address, _CONNECTIONS) as connections:
            count = run.effort.exchanges
            latencies = open_loop(
                connections, request, rate=_STEADY_RATE, count=count, accept=_check_accepted
            )
        steps.done()
        _post(address, "purge", f"?FunctionName={name}&Which=queued")
        _post(address, "resume")
        draining = _accept_rates(run, address, request)
        _wait_until_empty(address)
        steps.done()
    latencies_ms = [seconds * 1000 for seconds in latencies]
    steady = {**conditions, "per_s": _STEADY_RATE}
    return [
        Result("accept, paused", "1/s", paused, conditions, "P130: >= 3,000/s"),
        Result("accept, paused, open loop", "ms", latencies_ms, steady, "P131: p50 <= 5 ms"),
        Result("accept, draining", "1/s", draining, conditions, "P132: >= 1,000/s"),
    ]


def _accept_rates(run: Run, address: Address, request: bytes) -> list[float]:
    seconds = run.effort.load_seconds
    with open_connections(address, _CONNECTIONS) as connections:
        closed_loop(connections, request, run.effort.warm_up_seconds / 4, _check_accepted)
        started, answers = closed_loop(connections, request, seconds, _check_accepted)
    return rates(started, answers, seconds, _WINDOW_SECONDS)


def _drain_row(run: Run, address: Address, name: str) -> Result:
    """Events per second, of a backlog that was there when the dispatcher began."""
    samples = []
    with run.steps(f"Drain {run.effort.backlog:,} events", run.effort.runs) as steps:
        for _ in range(run.effort.runs):
            _post(address, "pause")
            with open_connections(address, _CONNECTIONS) as connections:
                _send(connections, event_request(name), run.effort.backlog)
            started = perf_counter()
            _post(address, "resume")
            _wait_until_empty(address)
            samples.append(run.effort.backlog / (perf_counter() - started))
            steps.done()
    conditions = {"backlog": run.effort.backlog}
    return Result("drain", "1/s", samples, conditions, "P133: >= 2,000/s")


def _start_row(run: Run, address: Address, functions: Functions) -> Result:
    """From the request to the start of the handler, one event after another on an idle system."""
    name = functions.deploy("moment", _MEMORY_MB)
    count = max(2, run.effort.exchanges // 5)
    sent: dict[int, int] = {}
    with open_connections(address, 1) as (connection,), run.steps("Start events", 1) as steps:
        for number in range(count):
            time.sleep(_IDLE_SECONDS)
            sent[number] = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            _check_accepted(connection.exchange(_numbered(name, number)))
        started = _wait_for_starts(functions, name, count)
        steps.done()
    samples = [(started[number] - sent[number]) / 1e6 for number in range(1, count)]
    conditions = {"idle_ms": int(_IDLE_SECONDS * 1000)}
    return Result("accept to handler start", "ms", samples, conditions, "P134: p50 <= 10 ms")


def _fairness_row(run: Run) -> Result:
    """Other functions' first events while one has a backlog of a million."""
    backlog, count = run.effort.great_backlog, max(2, run.effort.runs * 3)
    samples = []
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as data:
        with running(command(Path(data))) as server:
            functions = Functions(server.url)
            crowded = functions.deploy("trivial", _MEMORY_MB)
            others = [functions.deploy("moment", _MEMORY_MB, f"other-{n}") for n in range(count)]
        with run.steps(f"A backlog of {backlog:,}", 1 + count) as steps:
            asyncio.run(_fill(Path(data), crowded, backlog))
            steps.done()
            with running(command(Path(data))) as server:
                server.wait_until_healthy()
                for name in others:
                    samples.append(_first_start_ms(server, name))
                    steps.done()
                left = _queued(server.address)
                _post(server.address, "pause")
                if left == 0:
                    raise WorkloadError("The backlog was drained before the others were measured.")
    return Result(
        "first event beside a backlog",
        "ms",
        samples,
        {"backlog": backlog},
        "P135: <= 1,000 ms",
    )


def _first_start_ms(server: Server, name: str) -> float:
    sent = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    with open_connections(server.address, 1) as (connection,):
        _check_accepted(connection.exchange(_numbered(name, 0)))
    return (_wait_for_starts(Functions(server.url), name, 1)[0] - sent) / 1e6


async def _fill(data: Path, name: str, count: int) -> None:
    """Queue so many events of a server that does not run."""
    database, clock = Database.open(data / "node" / "state.db"), SystemClock()
    queue = await EventQueue.open(database, clock)

    async def accept(some: Iterator[int]) -> None:
        for _ in some:
            event = Event(
                queue.make_id(), str(uuid.uuid4()), *_PLACE, name, None, b"{}", clock.now()
            )
            await queue.accept(event)

    numbers = iter(range(count))
    await asyncio.gather(*(accept(numbers) for _ in range(512)))
    database.close()


def _send(connections: list[Connection], request: bytes, count: int) -> None:
    """Send it so many times, on all connections."""
    sent = 0

    def accept(response: Response) -> None:
        nonlocal sent
        _check_accepted(response)
        sent += 1

    while sent < count:
        closed_loop(connections, request, min(1.0, (count - sent) / 4_000), accept)


def _numbered(name: str, number: int) -> bytes:
    return event_request(name, json.dumps({"n": number}).encode())


def _wait_for_starts(functions: Functions, name: str, count: int) -> dict[int, int]:
    """When the handler of each event started, as its function has logged."""
    deadline = time.monotonic() + _LONGEST_DRAIN
    while time.monotonic() < deadline:
        lines = [line.split() for line in functions.log_lines(name, "started")]
        if len(lines) >= count:
            return {int(number): int(moment) for _, number, moment in lines}
        time.sleep(0.1)
    raise ServerError(f"{name} has not run all its events.")


def _wait_until_empty(address: Address) -> None:
    deadline = time.monotonic() + _LONGEST_DRAIN
    while _queued(address):
        if time.monotonic() > deadline:
            raise ServerError("The events are not drained.")
        time.sleep(0.1)


def _queued(address: Address) -> int:
    """How many events have no outcome yet."""
    with open_connections(address, 1) as (connection,):
        found = json.loads(connection.exchange(api_request("GET", _EVENTS)).body)
    return sum(each["Queued"] + each["Running"] + each["Retrying"] for each in found["Functions"])


def _post(address: Address, what: str, query: str = "") -> None:
    with open_connections(address, 1) as (connection,):
        response = connection.exchange(api_request("POST", f"{_EVENTS}/{what}{query}"))
    if response.status != 200:
        raise WorkloadError(f"{what}: {response.status} {response.body!r}")


def _check_accepted(response: Response) -> None:
    if response.status != 202:
        raise WorkloadError(f"The server answered {response.status}: {response.body[:500]!r}")
