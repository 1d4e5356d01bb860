"""Logs: how many lines a second can be read at once, how fast they are searched, what they take."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.old_lines import OldLines, write_old_lines
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Functions, command, running, running_lambdad
from benchmarks.workload import (
    Address,
    Connection,
    WorkloadError,
    api_request,
    check,
    invoke_request,
    open_connections,
)

_MEMORY_MB = 1769
_FUNCTIONS = 4
_LOOK_EVERY = 0.5
_MB = 1_000_000
_NUMBER = re.compile(rb"line=(\d+) at=")
_MOMENT = re.compile(rb" at=(\d+) ")
_RATE = "P161: >= 50,000/s"
_LAG = "P161: <= 1,000 ms"
_COLD = "P162: <= 300 ms"
_WARM = "P162: <= 100 ms"
_DISK = "P163: <= 400 MB"


def measure(run: Run) -> list[Result]:
    """Rows for lines from the standard output, for searches, and for the disk."""
    return [*_printed_rows(run), *_search_rows(run)]


def _printed_rows(run: Run) -> list[Result]:
    """Lines that four functions print as fast as they can."""
    seconds = run.effort.load_seconds * 12
    lags_ms: list[float] = []
    with (
        running_lambdad() as (server, functions),
        open_connections(server.address, _FUNCTIONS + 1) as (*invoking, reading),
        run.steps(f"Print for {seconds:g} s", _FUNCTIONS) as steps,
    ):
        names = [_deploy(functions, f"printer-{number}") for number in range(_FUNCTIONS)]
        for name, connection in zip(names, invoking, strict=True):
            connection.send(invoke_request(name, json.dumps({"seconds": seconds}).encode()))
        began = perf_counter()
        while perf_counter() < began + seconds - _LOOK_EVERY:
            time.sleep(_LOOK_EVERY)
            lags_ms += [_lag_ms(reading, name) for name in names]
        printed = [_answer(connection) for connection in invoking]
        for name, count in zip(names, printed, strict=True):
            _check_that_none_is_missing(reading, name, count)
            steps.done()
    conditions = {"functions": _FUNCTIONS, "seconds": seconds}
    return [
        Result("lines from stdout", "1/s", [sum(printed) / seconds], conditions, _RATE),
        Result("until a line is readable", "ms", lags_ms, conditions, _LAG),
    ]


def _deploy(functions: Functions, name: str) -> str:
    return functions.deploy("printer", _MEMORY_MB, name, timeout=120)


def _answer(connection: Connection) -> int:
    while (response := connection.receive()) is None:
        pass
    return int(check(response).body)


def _lag_ms(connection: Connection, name: str) -> float:
    """How old the youngest line is that can be read: all older ones can be read too."""
    now = time.monotonic_ns()
    stream = _streams(connection, name)[0]
    request = _page_request(name, stream, limit=20, startFromHead=False)
    printed = [int(moment) for moment in _MOMENT.findall(check(connection.exchange(request)).body)]
    return max(0.0, (now - max(printed)) / 1e6) if printed else 0.0


def _check_that_none_is_missing(connection: Connection, name: str, count: int) -> None:
    numbers = [
        int(number)
        for stream in _streams(connection, name)
        for page in _pages(connection, name, stream)
        for number in _NUMBER.findall(page)
    ]
    if numbers != list(range(count)):
        raise WorkloadError(f"{name} has printed {count} lines; {len(numbers)} can be read.")


def _pages(connection: Connection, name: str, stream: str) -> Iterator[bytes]:
    """All pages of GetLogEvents, as they come: there are millions of lines."""
    token: dict[str, str] = {}
    while True:
        request = _page_request(name, stream, startFromHead=True, **token)
        body = check(connection.exchange(request)).body
        yield body
        following = json.loads(body)["nextForwardToken"]
        if token.get("nextToken") == following:
            return
        token = {"nextToken": following}


def _streams(connection: Connection, name: str) -> list[str]:
    found = _call(connection, "DescribeLogStreams", logGroupName=f"/aws/lambda/{name}")
    return [stream["logStreamName"] for stream in found["logStreams"]]


def _page_request(name: str, stream: str, **request: Any) -> bytes:
    group = f"/aws/lambda/{name}"
    return _request("GetLogEvents", logGroupName=group, logStreamName=stream, **request)


def _call(connection: Connection, operation: str, **request: Any) -> Any:
    return json.loads(check(connection.exchange(_request(operation, **request))).body)


def _request(operation: str, **request: Any) -> bytes:
    headers = (
        "Content-Type: application/x-amz-json-1.1",
        f"X-Amz-Target: Logs_20140328.{operation}",
    )
    return api_request("POST", "/", json.dumps(request).encode(), *headers, service="logs")


def _search_rows(run: Run) -> list[Result]:
    """One line among those of a day, by the identifier that is in it."""
    cold, warm = [], []
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as directory:
        logs = Path(directory) / "node" / "logs"
        with run.steps(f"Write {run.effort.old_lines:,} lines", 1) as steps:
            with running(command(Path(directory))) as server:
                server.wait_until_healthy()
            old = write_old_lines(logs, run.effort.old_lines, _FUNCTIONS)
            steps.done()
        size = sum(path.stat().st_size for path in logs.iterdir())
        with run.steps("Search them", run.effort.samples) as steps:
            for number in range(run.effort.samples):
                _drop_from_memory(logs)
                with running(command(Path(directory))) as server:
                    server.wait_until_healthy()
                    times = _search_ms(server.address, old, number)
                cold.append(times[0])
                warm += times[1:]
                steps.done()
    conditions = {"lines": run.effort.old_lines, "range": "1 h"}
    found = [
        Result("FilterLogEvents, cold", "ms", cold, conditions, _COLD),
        Result("FilterLogEvents, warm", "ms", warm, conditions, _WARM),
    ]
    return [*found, Result("disk", "MB", [size / _MB], {"lines": run.effort.old_lines}, _DISK)]


def _search_ms(address: Address, old: OldLines, number: int) -> list[float]:
    """A search, and twice more for other lines near by."""
    samples = []
    with open_connections(address, 1) as (connection,):
        for needle in old.needles[3 * number : 3 * number + 3]:
            request = _request(
                "FilterLogEvents",
                logGroupName=needle.group,
                filterPattern=f'"{needle.identifier}"',
                startTime=needle.timestamp_ms - 1_800_000,
                endTime=needle.timestamp_ms + 1_799_999,
            )
            began = perf_counter()
            answer = json.loads(check(connection.exchange(request)).body)
            samples.append((perf_counter() - began) * 1000)
            if len(answer["events"]) != 1 or "nextToken" in answer:
                raise WorkloadError(f"A search has found {len(answer['events'])} lines, not 1.")
    return samples


def _drop_from_memory(directory: Path) -> None:
    """Out of the page cache, so that they are read from the disk."""
    for path in directory.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
