"""The server by itself: how long it takes to start, and what it takes of memory when idle."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks import processes
from benchmarks.old_month import write_old_month
from benchmarks.report import Result
from benchmarks.run import Effort, Run, Steps
from benchmarks.server import Functions, Server, command

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class _Start:
    seconds: float
    memory_mb: float


def measure(run: Run) -> list[Result]:
    """Starts on an empty data directory, on one that holds a function, and on one with a month of
    data."""
    count = run.effort.samples
    with (
        tempfile.TemporaryDirectory(prefix="lambdad-bench-") as directory,
        run.steps("Server start and idle memory", 3 * count + 1) as steps,
    ):
        work = Path(directory)
        _make_template(work)
        month = _make_month(work, run.effort)
        steps.done()
        empty, used, old = [], [], []
        for _ in range(count):
            empty.append(_start(work, None, run.effort.settle_seconds, steps))
            used.append(_start(work, work / "template", 0.0, steps))
            old.append(_start(work, month, run.effort.settle_seconds, steps))
    promise = "P104: <= 1.5 s"
    on_empty, on_used = ({"data_dir": name} for name in ("empty", "one function"))
    lines, streams = run.effort.old_lines, run.effort.old_streams
    on_old = {"data_dir": "a month", "lines": lines, "streams": streams}
    return [
        Result("server start", "s", [start.seconds for start in empty], on_empty, promise),
        Result("server start", "s", [start.seconds for start in used], on_used, promise),
        Result("server start", "s", [start.seconds for start in old], on_old, promise),
        Result("idle memory", "MB", [s.memory_mb for s in empty], on_empty, "P105: <= 100 MB"),
        Result("idle memory", "MB", [s.memory_mb for s in old], on_old),
    ]


def _make_template(work: Path) -> None:
    """A data directory that has been used: one function deployed, the server stopped."""
    server = Server(command(work / "template"), work / "server.log")
    try:
        Functions(server.url).deploy("trivial", 1769)
    finally:
        server.stop()


def _make_month(work: Path, effort: Effort) -> Path:
    """A copy of that, with what a month leaves behind."""
    month = work / "month"
    subprocess.run(["cp", "-a", str(work / "template"), str(month)], check=True)
    write_old_month(month / "node", effort.old_lines, effort.old_streams)
    return month


def _start(work: Path, template: Path | None, settle_seconds: float, steps: Steps) -> _Start:
    """One start on a fresh data directory, from the spawn to the first healthy answer."""
    data = work / "data"
    if template is None:
        data.mkdir()
    else:
        # Not shutil's copy, which would forget that files belong to the node's user.
        subprocess.run(["cp", "-a", str(template), str(data)], check=True)
    started = perf_counter()
    server = Server(command(data), work / "server.log")
    try:
        server.wait_until_healthy()
        seconds = perf_counter() - started
        time.sleep(settle_seconds)
        memory_mb = processes.memory(processes.below(server.pid)) / _MEGABYTE
    finally:
        server.stop()
    shutil.rmtree(data)
    steps.done()
    return _Start(seconds, memory_mb)
