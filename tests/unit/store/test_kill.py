"""kill -9 at a random moment: whatever was acknowledged is there afterwards."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from lambdad.model.function import Function
from lambdad.observe.log_store import LogStore
from lambdad.store.blobs import Blobs
from lambdad.store.database import Database
from lambdad.store.resources import Resources

ROUNDS = 4

# Writes as fast as it can, and says on its standard output what has been acknowledged.
WRITER = """
import asyncio, os, sys
from pathlib import Path
from lambdad.model.function import Code, Function, FunctionVersion, Status
from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore
from lambdad.store.blobs import Blobs
from lambdad.store.database import Database
from lambdad.store.resources import Resources

directory, round_number = Path(sys.argv[1]), sys.argv[2]

def say(*words):
    os.write(1, (" ".join(words) + chr(10)).encode())

def function(name):
    return Function(FunctionVersion(
        account_id="1", region="r", name=name, version="$LATEST", runtime="python3.12",
        handler="a.b", role="", code=Code("", 0), revision_id="", last_modified=0.0,
        state=Status("Active"),
    ))

async def write_functions(catalog, worker):
    for number in range(1_000_000):
        name = f"{round_number}-{worker}-{number}"
        await catalog.save(function(name))
        say("function", name)

async def write_blobs(blobs):
    while True:
        say("blob", await blobs.put(os.urandom(50_000)))

async def write_lines(store):
    for number in range(1_000_000):
        line = f"{round_number}-{number}"
        store.append("1", "r", "g", round_number, [LogLine(number, line)])
        await asyncio.to_thread(store.flush)
        say("line", line)

async def main():
    catalog = await Resources.load(Database.open(directory / "state.db"))
    await asyncio.gather(
        *(write_functions(catalog, worker) for worker in range(8)),
        write_blobs(Blobs.open(directory / "blobs")),
        write_lines(LogStore.open(directory / "logs")),
    )

asyncio.run(main())
"""


def write_until_killed(directory: Path, round_number: int) -> dict[str, set[str]]:
    """Run the writer, kill it at a random moment, and return what it said was acknowledged."""
    acknowledged: dict[str, set[str]] = defaultdict(set)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory), str(round_number)],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        for spoken, line in enumerate(writer.stdout):
            if spoken == 0:
                threading.Timer(random.uniform(0.01, 0.25), writer.kill).start()
            if line.endswith("\n"):
                kind, name = line.split()
                acknowledged[kind].add(name)
    return acknowledged


@pytest.mark.slow
async def test_everything_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    acknowledged: dict[str, set[str]] = defaultdict(set)
    for round_number in range(ROUNDS):
        for kind, names in write_until_killed(tmp_path, round_number).items():
            acknowledged[kind] |= names

        database = Database.open(tmp_path / "state.db")
        saved = {function.name for function in (await Resources.load(database)).all(Function)}
        database.close()
        blobs = Blobs.open(tmp_path / "blobs")
        store = LogStore.open(tmp_path / "logs")
        lines = {line.line.message for line in store.read("1", "r", "g")}
        store.close()

        assert acknowledged["function"] <= saved
        assert acknowledged["line"] <= lines
        for digest in acknowledged["blob"]:
            assert len(await blobs.read(digest)) == 50_000
    assert all(acknowledged[kind] for kind in ("function", "line", "blob"))
