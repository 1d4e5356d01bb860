"""Of several claims of one event the newest counts, and no other."""

from __future__ import annotations

import asyncio

import pytest

from lambdad.clock import FakeClock
from lambdad.model.event import Claim, Event
from lambdad.model.fate import Completed, GivenUp
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement
from lambdad.store.event_records import EventRecords

FUNCTION = ("000000000000", "us-east-1", "f")


async def claimed_twice(database: Database) -> tuple[EventQueue, Claim, Claim]:
    """An event whose first claim has run out."""
    clock = FakeClock()
    queue = await EventQueue.open(database, clock, lease=10)
    event = Event(queue.make_id(), "r1", *FUNCTION, None, b"{}", clock.now())
    old = await queue.accept(event, is_claimed=True)
    clock.advance(11)
    (new,) = (await queue.claim({FUNCTION: 1}))[FUNCTION].claims
    return queue, old, new


@pytest.mark.parametrize("is_old_first", [True, False])
async def test_only_the_newest_claim_settles_when_two_settle_together(
    database: Database, is_old_first: bool
) -> None:
    queue, old, new = await claimed_twice(database)
    settlements = [
        Settlement(old, GivenUp("RetriesExhausted", "", 3), 0.0),
        Settlement(new, Completed(), 0.0),
    ]

    if not is_old_first:
        settlements.reverse()
    results = await asyncio.gather(*(queue.settle(each) for each in settlements))

    assert results == [not is_old_first, is_old_first]
    assert await queue.due_functions() == {}
    assert await EventRecords(database).dead(*FUNCTION, 10) == []


async def test_an_older_claim_is_neither_extended_nor_released(database: Database) -> None:
    queue, old, new = await claimed_twice(database)

    assert await queue.extend([old]) == {}
    await queue.release([old])

    assert await queue.due_functions() == {FUNCTION: new.until}
    assert set(await queue.extend([old, new])) == {new.event.id}
