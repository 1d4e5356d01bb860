"""kill -9 at a random moment: every event that was acknowledged is queued, or has its outcome."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from lambdad.clock import SystemClock
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue
from lambdad.store.outbox import Outbox
from lambdad.store.schema import events
from support.events import kept

ROUNDS = 4

# Accepts, claims and settles as fast as it can; it says what it begins to settle and what has been
# acknowledged, each with the id of the event.
WORKER = """
import asyncio, os, sys
from pathlib import Path
from lambdad.clock import SystemClock
from lambdad.model.event import Delivery, Event
from lambdad.model.fate import Completed, GivenUp, Requeued
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement

clock = SystemClock()
KEY = ("1", "r", "f")

def say(*words):
    os.write(1, (" ".join(map(str, words)) + chr(10)).encode())

async def accept(queue, is_claimed):
    while True:
        id = queue.make_id()
        event = Event(id, f"r-{id}", *KEY, None, os.urandom(2_000), clock.now())
        claim = await queue.accept(event, is_claimed=is_claimed)
        say("accepted", id)
        if is_claimed:
            await settle(queue, claim)

async def claim(queue):
    while True:
        for claim in (await queue.claim({KEY: 10}))[KEY].claims:
            await settle(queue, claim)

async def settle(queue, claim):
    id = claim.event.id
    kind = ("completed", "dead", "queued")[id % 3]
    fate = {
        "completed": Completed(),
        "dead": GivenUp("c", "e", 1),
        "queued": Requeued(clock.now() + 3600, 1, 0),
    }[kind]
    told = Delivery(queue.make_id(), id, "OnFailure", "t", *KEY, f"r-{id}", "", b"", clock.now())
    say("settling", id)
    await queue.settle(Settlement(claim, fate, clock.now(), [told] if kind == "dead" else []))
    say(kind, id)

async def main():
    queue = await EventQueue.open(Database.open(Path(sys.argv[1])), clock)
    await asyncio.gather(
        *(accept(queue, is_claimed) for is_claimed in (True, True, False, False)),
        *(claim(queue) for _ in range(2)),
    )

asyncio.run(main())
"""


def work_until_killed(path: Path) -> list[tuple[str, int]]:
    """What the worker has said."""
    said = []
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path)], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        for spoken, line in enumerate(worker.stdout):
            if spoken == 0:
                threading.Timer(random.uniform(0.05, 0.3), worker.kill).start()
            if line.endswith("\n"):
                kind, id = line.split()
                said.append((kind, int(id)))
    return said


@pytest.mark.slow
async def test_every_acknowledged_event_is_queued_or_settled_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    said: dict[str, set[int]] = {kind: set() for kind in ("accepted", "settling", "completed")}
    said |= {kind: set() for kind in ("dead", "queued")}
    for _ in range(ROUNDS):
        for kind, id in work_until_killed(path):
            said[kind].add(id)

        database = Database.open(path)
        await EventQueue.open(database, SystemClock())
        found = await kept(database)
        deliveries = Counter(each.event_id for each in await Outbox(database).due(2e9, 1_000_000))
        tries = await database.read(
            lambda c: {id: tries for id, tries in c.execute(select(events.c.id, events.c.tries))}
        )
        database.close()

        assert found["claimed"] == set()  # by whom?
        assert not found["queued"] & found["dead"]
        assert found["payloads"] == found["queued"] | found["dead"]
        gone = said["accepted"] - found["queued"] - found["dead"]
        assert gone <= said["settling"]
        assert said["completed"].isdisjoint(found["queued"] | found["dead"])
        assert said["dead"] <= found["dead"]
        assert deliveries == Counter(found["dead"])  # one each, never without the other
        assert said["queued"] <= found["queued"]
        assert all(tries[id] == 1 for id in said["queued"])
    assert all(said.values())
