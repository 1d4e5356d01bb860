"""Streamed responses: when a byte arrives, how fast they go, what slow readers cost."""

from __future__ import annotations

import json
import re
import time
from time import perf_counter

import psutil

from benchmarks import processes
from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Server, running_lambdad
from benchmarks.streams import Stream, open_streams, read_slowly
from benchmarks.workload import (
    WorkloadError,
    all_at_once,
    api_request,
    invoke_request,
    open_connections,
    url_request,
)

_MEMORY_MB = 1769
_MB = 1_000_000
_PIECE = 256 * 1024
_WHOLE = 200 * 1024 * 1024  # the most that a stream may have
_PAUSE_SECONDS = 0.03  # after each stamped piece; longer than any answer takes
_STAMPS = 10  # of one response
_SLOW_CLIENTS = 50
_SLOW_RATE = 4 * _MB  # bytes a second of each
_STAMP = re.compile(rb"@(\d+)\n")
_FIRST = "P140: p50 <= 5 ms"
_RATE = "P141: >= 200 MB/s"
_HELD = "P142: <= 100 MB"


def measure(run: Run) -> list[Result]:
    """Rows for both ways to a stream: InvokeWithResponseStream, and a function URL."""
    with running_lambdad() as (server, functions):
        name = functions.deploy("streamer", _MEMORY_MB)
        host = functions.make_url(name, is_streamed=True)
        ways = {
            "InvokeWithResponseStream": lambda wishes: _invocation(name, wishes),
            "function URL": lambda wishes: url_request(host, wishes),
        }
        rows = []
        for way, make in ways.items():
            conditions = {"by": way, "memory_mb": _MEMORY_MB}
            stamped = make(_wishes(stamped=_STAMPS, pause=_PAUSE_SECONDS))
            whole = make(_wishes(size=_PIECE, count=_WHOLE // _PIECE))
            rows += [
                Result(
                    "first byte after its write",
                    "ms",
                    _firsts(run, server, stamped, 0),
                    conditions,
                    _FIRST,
                ),
                Result(
                    "later byte after its write", "ms", _firsts(run, server, stamped, 1), conditions
                ),
                Result("stream of 200 MB", "MB/s", _rates(run, server, whole), conditions, _RATE),
            ]
    return [*rows, _slow_readers(run)]


def _firsts(run: Run, server: Server, request: bytes, number: int) -> list[float]:
    """Milliseconds from a function's write to its arrival: of the first piece of each response, or
    of all others."""
    count = max(1, run.effort.samples if number == 0 else run.effort.samples // _STAMPS)
    samples: list[float] = []
    with run.steps("Bytes as they are written", count) as steps:
        _arrivals(server, request)  # one that starts the environment
        for _ in range(count):
            arrivals = _arrivals(server, request)
            samples += arrivals[:1] if number == 0 else arrivals[1:]
            steps.done()
    return samples


def _arrivals(server: Server, request: bytes) -> list[float]:
    stream = Stream(server.address, request)
    late_ms: list[float] = []
    while len(late_ms) < _STAMPS:
        piece = stream.read()
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        late_ms += [(now - int(stamp)) / 1e6 for stamp in _STAMP.findall(piece)]
    stream.close()
    return late_ms


def _rates(run: Run, server: Server, request: bytes) -> list[float]:
    samples = []
    count = max(1, run.effort.samples // 3)
    with run.steps("Streams of 200 MB", count) as steps:
        for _ in range(count):
            stream = Stream(server.address, request)
            stream.read()
            started, before = perf_counter(), stream.received
            while not stream.skip():
                pass
            samples.append((stream.received - before) / (perf_counter() - started) / _MB)
            if stream.received < _WHOLE:
                raise WorkloadError("A stream was too short.")
            stream.close()
            steps.done()
    return samples


def _slow_readers(run: Run) -> Result:
    """How much more memory launcher and node hold while many read slowly, beyond what they hold
    with as many idle environments."""
    clients = max(2, min(_SLOW_CLIENTS, run.effort.crowd // 10))
    size = _WHOLE if run.effort.crowd > _SLOW_CLIENTS * 10 else _WHOLE // 50
    held: list[float] = []
    with running_lambdad() as (server, functions):
        name = functions.deploy("streamer", 128)
        with open_connections(server.address, clients) as connections:
            pause = json.dumps({"stamped": 1, "pause": 1.0}).encode()
            all_at_once(connections, invoke_request(name, pause))
        processes.wait_until_at_rest(server)
        before = _held(server)
        request = _invocation(name, _wishes(size=_PIECE, count=size // _PIECE))
        with (
            run.steps(f"{clients} slow readers", 1) as steps,
            open_streams(server.address, request, clients) as streams,
        ):
            for _ in read_slowly(streams, _SLOW_RATE):
                held.append((_held(server) - before) / _MB)
            steps.done()
    conditions = {"clients": clients, "mb_each": size // _MB, "mb_per_s_each": _SLOW_RATE // _MB}
    return Result("memory for slow readers, most", "MB", [max(held)], conditions, _HELD)


def _held(server: Server) -> int:
    """Bytes of launcher and node, proportional set size."""
    launcher = psutil.Process(server.pid)
    nodes = [each for each in launcher.children() if "lambdad.node" in each.cmdline()]
    return processes.memory([launcher, *nodes])


def _invocation(name: str, wishes: bytes) -> bytes:
    path = f"/2021-11-15/functions/{name}/response-streaming-invocations"
    return api_request("POST", path, wishes)


def _wishes(**wishes: float) -> bytes:
    return json.dumps(wishes).encode()
