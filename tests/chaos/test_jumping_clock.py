"""A clock that is set, forwards or back, while a server is down, makes no event wait or get lost.

The clock of a running node is its own (`SteadyClock`). What an earlier one with a wrong clock has
left in the database is what matters.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from campaign import Campaign, deploy, settings
from checker import find_violations
from evidence import history_directory, read_stored
from history import Fault, Kind
from load import Traffic

from lambdad.clock import FakeClock
from lambdad.model.event import Claim, Event
from lambdad.model.fate import Fate, Requeued
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement
from lambdad.testing.server import LocalServer
from support.waiting import wait_until

FUNCTION = ("000000000000", "us-east-1", "function")
NOW = 1_700_000_000.0
HOUR = 3_600.0
BACKLOGGED = (Traffic("backlogged", 1, 0.05, reserved=1),)
LONGEST_WAIT = 300.0


async def claimable_after(
    path: Path, wrong_by: float, leave: Callable[[EventQueue, Event], Any]
) -> list[Claim]:
    """What can be claimed within minutes, when a node whose clock was wrong has had an event."""
    database = Database.open(path)
    wrong = FakeClock(NOW + wrong_by)
    queue = await EventQueue.open(database, wrong, longest_wait=LONGEST_WAIT)
    event = Event(queue.make_id(), "r1", *FUNCTION, None, b"{}", wrong.now())
    await leave(queue, event)
    clock = FakeClock(NOW)
    queue = await EventQueue.open(database, clock, longest_wait=LONGEST_WAIT)
    clock.advance(LONGEST_WAIT)
    claimed = await queue.claim({FUNCTION: 10})
    database.close()
    return claimed[FUNCTION].claims


async def leave_queued(queue: EventQueue, event: Event) -> None:
    await queue.accept(event)


async def leave_claimed(queue: EventQueue, event: Event) -> None:
    await queue.accept(event, is_claimed=True)


async def leave_waiting(queue: EventQueue, event: Event) -> None:
    claim = await queue.accept(event, is_claimed=True)
    again: Fate = Requeued(event.accepted_at + 60, 1, 0)
    assert await queue.settle(Settlement(claim, again, event.accepted_at))


async def leave_waiting_since_before(queue: EventQueue, event: Event) -> None:
    """It was accepted when the clock was right, and tried when it was not."""
    before = Event(event.id, "r1", *FUNCTION, None, b"{}", NOW - 10)
    claim = await queue.accept(before, is_claimed=True)
    again: Fate = Requeued(event.accepted_at + 60, 1, 0)
    assert await queue.settle(Settlement(claim, again, event.accepted_at))


@pytest.mark.parametrize("wrong_by", [-10 * 24 * HOUR, -HOUR, -1.0, 1.0, 600.0, HOUR, 240 * HOUR])
@pytest.mark.parametrize(
    "leave", [leave_queued, leave_claimed, leave_waiting, leave_waiting_since_before]
)
async def test_an_event_that_a_wrong_clock_has_left_is_soon_claimed(
    tmp_path: Path, wrong_by: float, leave: Callable[[EventQueue, Event], Any]
) -> None:
    claims = await claimable_after(tmp_path / "state.db", wrong_by, leave)

    assert [claim.event.request_id for claim in claims] == ["r1"]
    assert claims[0].event.accepted_at <= NOW


async def test_waiting_goes_on_after_a_start_when_the_clock_was_right(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    clock = FakeClock(NOW)
    queue = await EventQueue.open(database, clock, longest_wait=LONGEST_WAIT)
    await leave_waiting(queue, Event(queue.make_id(), "r1", *FUNCTION, None, b"{}", NOW))

    queue = await EventQueue.open(database, clock, longest_wait=LONGEST_WAIT)

    assert await queue.due_functions() == {FUNCTION: NOW + 60}
    database.close()


@pytest.fixture
def history() -> Iterator[Path]:
    with history_directory() as directory:
        yield directory


@pytest.mark.slow
@pytest.mark.root
def test_a_server_runs_what_one_with_a_wrong_clock_has_accepted(
    start_server: Callable[..., LocalServer], history: Path
) -> None:
    # Given
    server = start_server(**settings(history))
    deploy(server, BACKLOGGED)
    campaign = Campaign(server, history, 1, BACKLOGGED)
    with campaign.load(rate=400) as load:
        wait_until(lambda: len(read_stored(server.data_dir).queued) > 10, "events are queued")
    # When
    began = time.monotonic()
    server.kill()
    set_clock_wrong(server.data_dir)
    server.start()
    # Then
    seen = campaign.finish(load, [Fault(Kind.LAUNCHER, began, time.monotonic())])
    assert find_violations(seen) == []


def set_clock_wrong(data_dir: Path) -> None:
    """As if every other event were of a server an hour ahead, and the rest an hour behind."""
    with closing(sqlite3.connect(data_dir / "node" / "state.db")) as connection, connection:
        connection.execute(
            "UPDATE events SET accepted_at = accepted_at + 3600 - 7200 * (id % 2), "
            "due_at = due_at + 3600 - 7200 * (id % 2)"
        )
