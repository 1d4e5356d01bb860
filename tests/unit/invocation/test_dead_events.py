"""Dead events are kept for a while."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lambdad.clock import FakeClock
from lambdad.invocation.dead_events import forget_dead_forever
from lambdad.model.event import Event
from lambdad.model.fate import GivenUp
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement
from lambdad.store.event_records import EventRecords

KEY = ("000000000000", "us-east-1", "f")


async def test_what_died_long_ago_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    database, clock = Database.open(tmp_path / "state.db"), FakeClock()
    queue, records = await EventQueue.open(database, clock), EventRecords(database)
    for request_id in ("old", "young"):
        event = Event(queue.make_id(), request_id, *KEY, None, b"{}", clock.now())
        claim = await queue.accept(event, is_claimed=True)
        fate = GivenUp("RetriesExhausted", "no", 3)
        await queue.settle(Settlement(claim, fate, clock.now()))
        clock.advance(60)

    sweeping = asyncio.create_task(forget_dead_forever(records, clock, 90))
    async with asyncio.timeout(10):
        while True:
            dead = await records.dead(*KEY, limit=10)
            if len(dead) == 1:
                break
            await asyncio.sleep(0)
    sweeping.cancel()

    assert [each.event.request_id for each in dead] == ["young"]
    database.close()
