"""One query, in a process of its own.

    python -m lambdad.observe.insights.worker

Standard input has the work as one line of JSON, and is held open by the starter: when that dies,
the kernel ends this program. Standard output has a line of JSON now and then: how far it is; at the
end, how many results are in the file that it was told, or what went wrong.

What a query asks for is a stranger's, so limits are set before anything is read.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lambdad.observe.insights.engine import Engine
from lambdad.observe.insights.plan import Plan
from lambdad.observe.insights.pointers import Places
from lambdad.observe.insights.values import show
from lambdad.observe.scanning import Extent, ScannedBlock, scan

ADDRESSES = 1536 << 20  # 700 MB of them are used by nothing; DuckDB's own limit is 512 MB
FILE_SIZE = 4 << 30
FILES = 64
BATCH_LINES = 10_000
BATCH_CHARACTERS = 4 << 20
REPORT_SECONDS = 0.25
ROW_SIZE = 16 << 20  # bytes of a row of the results
RESULTS_SIZE = 1 << 30  # and of all of them


class ResultsTooLarge(Exception):
    """The query gives more than can be handed to whoever asks."""


def main() -> None:
    """Do the work that standard input describes."""
    work = json.loads(sys.stdin.buffer.readline())
    _end_with_starter()
    _limit(work["cpu_seconds"])
    try:
        _say(rows=_run(work))
    except Exception as error:  # whatever it was, the query has failed and nothing else has
        sentence = str(error).strip() or "out of memory"
        _say(error=f"{type(error).__name__}: {sentence.splitlines()[0][:500]}")


def _run(work: dict[str, Any]) -> int:
    plan = Plan.of_document(work["plan"])
    engine = Engine.open(plan, Path(work["spill"]))
    places = Places()
    scanned, size, reported = 0, 0, 0.0
    for batch in _batches(scan(Extent.of_document(work["extent"]))):
        times: list[int] = []
        for block in batch:
            places.add(scanned + len(times), block)
            times += block.times
            size += block.size
        engine.add(times, {name: _column(name, batch) for name in plan.columns})
        scanned += len(times)
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            _say(scanned=scanned, matched=engine.matched, bytes=size)
    _say(scanned=scanned, matched=engine.matched, bytes=size)
    return _write(Path(work["results"]), engine, plan, places)


def _write(path: Path, engine: Engine, plan: Plan, places: Places) -> int:
    kinds = [output.kind for output in plan.outputs]
    count, size = 0, 0
    with path.open("w") as file:
        for row in engine.rows():
            values = [show(kind, value, places) for kind, value in zip(kinds, row, strict=True)]
            line = json.dumps(values) + "\n"
            count += 1
            size += len(line)
            if len(line) > ROW_SIZE or size > RESULTS_SIZE:
                raise ResultsTooLarge("a row, or all of them, are larger than results may be")
            file.write(line)
    return count


def _batches(blocks: Iterator[ScannedBlock]) -> Iterator[list[ScannedBlock]]:
    batch: list[ScannedBlock] = []
    lines, size = 0, 0
    for block in blocks:
        batch.append(block)
        lines += len(block.times)
        size += block.size
        if lines >= BATCH_LINES or size >= BATCH_CHARACTERS:
            yield batch
            batch, lines, size = [], 0, 0
    if batch:
        yield batch


def _column(name: str, batch: list[ScannedBlock]) -> list[Any]:
    """A column of lines, as the plan calls it."""
    if name == "message":
        return _unicode([message for block in batch for message in block.messages])
    return [value for block in batch for value in [_of_block(name, block)] * len(block.times)]


def _of_block(name: str, block: ScannedBlock) -> str | int:
    match name:
        case "stream":
            return block.key[3]
        case "log":
            return f"{block.key[0]}:{block.key[2]}"
        case _:
            return block.ingestion_ms


def _unicode(messages: list[str]) -> list[str]:
    """Without halves of characters, which a line may have and DuckDB may not."""
    try:
        "".join(messages).encode()
    except UnicodeEncodeError:
        return [message.encode(errors="replace").decode() for message in messages]
    return messages


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _end_with_starter() -> None:
    """Ask for SIGIO, which kills, when the pipe's other end is closed."""
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:
        sys.exit("the starter is gone already")


def _limit(cpu_seconds: int) -> None:
    limits = {
        resource.RLIMIT_AS: ADDRESSES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: FILE_SIZE,
        resource.RLIMIT_NOFILE: FILES,
    }
    for what, value in limits.items():
        try:
            resource.setrlimit(what, (value, value))
        except (OSError, ValueError):
            pass  # a machine that has set a lower one, or knows none, keeps its own
    os.nice(10)  # functions come first
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass


if __name__ == "__main__":
    main()
