"""What people see of events, and what they may do with them."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.model.event import Claim
from lambdad.model.fate import Requeued
from lambdad.store import event_records
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue
from lambdad.store.event_records import Backlog, EventRecords
from support.events import (
    ACCOUNT,
    KEY,
    REGION,
    claim_all,
    counts,
    give_up,
    make_delivery,
    make_event,
    requeue,
    settle,
)

HERE = (ACCOUNT, REGION)


class Bench:
    def __init__(self, database: Database, queue: EventQueue, clock: FakeClock) -> None:
        self.database, self.queue, self.clock = database, queue, clock
        self.records = EventRecords(database)

    async def wait(self, **changes: Any) -> None:
        await self.queue.accept(make_event(self.queue, self.clock, **changes))

    async def run(self, **changes: Any) -> Claim:
        event = make_event(self.queue, self.clock, **changes)
        return await self.queue.accept(event, is_claimed=True)

    async def die(self, **changes: Any) -> Claim:
        claim = await self.run(**changes)
        await give_up(self.queue, self.clock, claim, make_delivery(self.queue, claim.event))
        return claim


@pytest.fixture
async def bench(database: Database) -> Bench:
    clock = FakeClock()
    return Bench(database, await EventQueue.open(database, clock), clock)


async def test_where_nothing_is_there_are_no_backlogs(bench: Bench) -> None:
    assert await bench.records.backlogs(*HERE) == []
    assert await bench.records.dead(*HERE, None, 10) == []


async def test_a_backlog_tells_what_waits_runs_is_tried_again_and_is_dead(bench: Bench) -> None:
    began = bench.clock.now()
    for _ in range(3):
        await bench.wait()
    await bench.run()
    bench.clock.advance(10)
    await requeue(bench.queue, bench.clock, await bench.run(), seconds=60)
    refused = Requeued(bench.clock.now() + 1, 0, 1)
    await settle(bench.queue, bench.clock, await bench.run(), refused)
    await bench.die()
    await bench.die(function_name="dead")
    await bench.wait(function_name="another")

    assert await bench.records.backlogs(*HERE) == [
        Backlog("another", queued=1, oldest=bench.clock.now()),
        Backlog("dead", dead=1),
        Backlog("f", queued=3, running=1, retrying=2, dead=1, oldest=began),
    ]


async def test_a_retry_that_runs_is_running(bench: Bench) -> None:
    await requeue(bench.queue, bench.clock, await bench.run())
    await claim_all(bench.queue)
    (backlog,) = await bench.records.backlogs(*HERE)
    assert (backlog.running, backlog.retrying) == (1, 0)


@pytest.mark.parametrize("other", [{"account_id": "2"}, {"region": "us-east-1"}])
async def test_accounts_and_regions_do_not_see_each_other(
    bench: Bench, other: dict[str, str]
) -> None:
    theirs = await bench.die(**other)
    await bench.wait(**other)

    assert await bench.records.backlogs(*HERE) == []
    assert await bench.records.dead(*HERE, None, 10) == []
    request_id = theirs.event.request_id
    assert await bench.records.replay(*HERE, request_id, bench.clock.now()) is None
    assert await bench.records.purge(KEY, is_dead=True) == 0
    assert await bench.records.purge(KEY, is_dead=False) == 0
    there = theirs.event.function_key[:2]
    assert len(await bench.records.dead(*there, "f", 10)) == 1
    assert await counts(bench.database) == {"queued": 1, "dead": 1, "payloads": 2}


async def test_dead_events_come_latest_first_and_no_more_than_wanted(bench: Bench) -> None:
    died = []
    for name in ("f", "g", "f"):
        died.append((await bench.die(function_name=name)).event.id)
        bench.clock.advance(1)

    async def dead(name: str | None, limit: int = 10) -> list[int]:
        return [each.event.id for each in await bench.records.dead(*HERE, name, limit)]

    assert await dead(None) == died[::-1]
    assert await dead(None, limit=2) == died[:0:-1]
    assert await dead("f") == [died[2], died[0]]
    assert await dead("h") == []


async def test_a_replayed_event_is_as_if_it_had_just_been_accepted(bench: Bench) -> None:
    event = (await bench.die(payload=b"[1]", qualifier="live", tenant_id="blue")).event
    bench.clock.advance(100_000)

    replayed = await bench.records.replay(*HERE, event.request_id, bench.clock.now())

    assert replayed is not None
    assert replayed.function_key == KEY
    (claim,) = await claim_all(bench.queue)
    anew = claim.event
    assert (anew.request_id, anew.payload) == (event.request_id, b"[1]")
    assert (anew.qualifier, anew.tenant_id) == ("live", "blue")
    assert (anew.tries, anew.throttles, anew.accepted_at) == (0, 0, bench.clock.now())
    assert await bench.records.dead(*HERE, None, 10) == []


async def test_an_event_is_replayed_once(bench: Bench) -> None:
    event = (await bench.die()).event
    assert await bench.records.replay(*HERE, event.request_id, 0.0) is not None
    assert await bench.records.replay(*HERE, event.request_id, 0.0) is None
    assert await counts(bench.database) == {"queued": 1, "payloads": 1}


async def test_purging_what_waits_leaves_what_runs_and_what_is_dead(bench: Bench) -> None:
    for _ in range(3):
        await bench.wait()
    await requeue(bench.queue, bench.clock, await bench.run(), seconds=60)
    await bench.wait(function_name="g")
    await bench.run()
    await bench.die()

    assert await bench.records.purge(KEY, is_dead=False) == 4
    assert await counts(bench.database) == {"queued": 1, "claimed": 1, "dead": 1, "payloads": 3}


async def test_purging_what_is_dead_leaves_what_lives(bench: Bench) -> None:
    await bench.die()
    await bench.die()
    await bench.die(function_name="g")
    await bench.wait()
    assert await bench.records.purge(KEY, is_dead=True) == 2
    assert await counts(bench.database) == {"queued": 1, "dead": 1, "payloads": 2}


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 7])
async def test_many_are_purged_in_portions(
    bench: Bench, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_records, "PURGED_AT_ONCE", 3)
    for _ in range(count):
        await bench.wait()
        await bench.die()

    assert await bench.records.purge(KEY, is_dead=False) == count
    assert await bench.records.forget_dead(bench.clock.now() + 1) == count
    assert await counts(bench.database) == {}


async def test_only_what_died_before_is_forgotten(bench: Bench) -> None:
    await bench.die()
    bench.clock.advance(10)
    left = await bench.die()
    assert await bench.records.forget_dead(bench.clock.now()) == 1
    (dead,) = await bench.records.dead(*HERE, None, 10)
    assert dead.event.id == left.event.id
    assert await counts(bench.database) == {"dead": 1, "payloads": 1}


QUESTIONS = [
    "SELECT * FROM dead_events WHERE account_id = '' AND region = '' AND request_id = ''",
    "SELECT * FROM dead_events WHERE account_id = '' AND region = '' AND function_name = ''"
    " ORDER BY died_at DESC, id DESC",
    "SELECT id FROM dead_events WHERE died_at < 0",
    "DELETE FROM deliveries WHERE event_id = 0",
    "SELECT * FROM deliveries WHERE due_at <= 0 ORDER BY due_at",
    "SELECT id FROM events WHERE account_id = '' AND region = '' AND function_name = ''"
    " AND due_at <= 0 ORDER BY due_at",
]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_million_events_are_searched_by_an_index(database: Database, question: str) -> None:
    def plan(connection: Any) -> list[str]:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}")
        return [row[3] for row in rows]

    steps = await database.read(plan)
    assert all("INDEX" in step for step in steps), steps
