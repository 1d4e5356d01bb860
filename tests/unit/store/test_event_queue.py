"""The queue: what it keeps, who may have it, and whose word counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lambdad.clock import FakeClock
from lambdad.model.event import Claim, Event
from lambdad.model.fate import LONGEST_WAIT, Completed, GivenUp, Requeued
from lambdad.store import event_queue
from lambdad.store.database import Database
from lambdad.store.event_queue import LEASE_SECONDS, EventQueue, Settlement
from lambdad.store.event_records import EventRecords
from lambdad.store.outbox import Outbox
from lambdad.store.schema import events
from support.events import (
    ACCOUNT,
    GIVEN_UP,
    KEY,
    REGION,
    claim_all,
    complete,
    counts,
    give_up,
    make_delivery,
    make_event,
    requeue,
    settle,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def queue(database: Database, clock: FakeClock) -> EventQueue:
    return await EventQueue.open(database, clock)


async def accept(queue: EventQueue, clock: FakeClock, **changes: Any) -> Event:
    event = make_event(queue, clock, **changes)
    await queue.accept(event)
    return event


async def accept_claimed(queue: EventQueue, clock: FakeClock, **changes: Any) -> Claim:
    return await queue.accept(make_event(queue, clock, **changes), is_claimed=True)


async def claim_one(queue: EventQueue) -> Claim:
    (claim,) = await claim_all(queue)
    return claim


async def fences(database: Database) -> list[int]:
    return await database.read(
        lambda c: list(c.scalars(select(events.c.fence).order_by(events.c.id)))
    )


async def test_what_was_accepted_comes_back_as_it_was(queue: EventQueue, clock: FakeClock) -> None:
    event = await accept(
        queue,
        clock,
        qualifier="live",
        payload=b"\x00\xff",
        trace_header="Root=1",
        tenant_id="blue",
        tries=1,
        throttles=4,
    )

    claim = await claim_one(queue)

    assert claim.event == event
    assert claim.until == clock.now() + LEASE_SECONDS


async def test_ids_never_come_twice(database: Database, clock: FakeClock) -> None:
    ids = set()
    for _ in range(3):
        queue = await EventQueue.open(database, clock)
        ids |= {queue.make_id() for _ in range(5)}
    assert len(ids) == 15


async def test_an_event_is_claimed_once(queue: EventQueue, clock: FakeClock) -> None:
    await accept(queue, clock)
    assert len(await claim_all(queue)) == 1
    assert await claim_all(queue) == []


async def test_no_more_are_claimed_than_wanted_and_the_oldest_come_first(
    queue: EventQueue, clock: FakeClock
) -> None:
    accepted = []
    for _ in range(5):
        accepted.append(await accept(queue, clock))
        clock.advance(0.001)

    first, then = await claim_all(queue, count=2), await claim_all(queue, count=9)

    assert [claim.event for claim in first] == accepted[:2]
    assert [claim.event for claim in then] == accepted[2:]


async def test_events_of_one_moment_keep_their_order(queue: EventQueue, clock: FakeClock) -> None:
    sent = [make_event(queue, clock) for _ in range(20)]
    await asyncio.gather(*map(queue.accept, sent))
    assert [claim.event for claim in await claim_all(queue, count=20)] == sent


async def test_what_is_not_due_is_not_claimed(queue: EventQueue, clock: FakeClock) -> None:
    await requeue(queue, clock, await accept_claimed(queue, clock), seconds=60)

    assert await claim_all(queue) == []
    clock.advance(60)
    claim = await claim_one(queue)
    assert (claim.event.tries, claim.event.throttles) == (1, 0)


async def test_next_due_is_of_what_is_left(queue: EventQueue, clock: FakeClock) -> None:
    async def next_due(count: int) -> float | None:
        return (await queue.claim({KEY: count}))[KEY].next_due

    assert await next_due(1) is None
    now = clock.now()
    await requeue(queue, clock, await accept_claimed(queue, clock), seconds=90)
    assert await next_due(1) == now + 90
    await accept(queue, clock)
    await accept(queue, clock)
    assert await next_due(1) == now  # one more is there
    assert await next_due(1) == now + LEASE_SECONDS  # when somebody may be found to be dead


async def test_functions_that_have_events_are_known_and_when(
    queue: EventQueue, clock: FakeClock
) -> None:
    assert await queue.due_functions() == {}
    await accept(queue, clock)
    await accept_claimed(queue, clock, function_name="g")
    assert await queue.due_functions() == {
        KEY: clock.now(),
        (ACCOUNT, REGION, "g"): clock.now() + LEASE_SECONDS,
    }


@pytest.mark.parametrize(
    "other", [{"account_id": "2"}, {"region": "us-east-1"}, {"function_name": "g"}]
)
async def test_functions_accounts_and_regions_are_apart(
    queue: EventQueue, clock: FakeClock, other: dict[str, str]
) -> None:
    ours = await accept(queue, clock)
    theirs = await accept(queue, clock, **other)

    claimed = await queue.claim({KEY: 10})
    assert [claim.event for claim in claimed[KEY].claims] == [ours]
    assert claimed[KEY].next_due == clock.now() + LEASE_SECONDS
    claimed = await queue.claim({theirs.function_key: 10})
    assert [claim.event for claim in claimed[theirs.function_key].claims] == [theirs]


async def test_several_functions_are_claimed_at_once(queue: EventQueue, clock: FakeClock) -> None:
    for name in ("f", "f", "g"):
        await accept(queue, clock, function_name=name)
    other, none = (ACCOUNT, REGION, "g"), (ACCOUNT, REGION, "h")

    claimed = await queue.claim({KEY: 1, other: 5, none: 1})

    assert {key: len(each.claims) for key, each in claimed.items()} == {KEY: 1, other: 1, none: 0}


async def test_an_event_accepted_with_its_claim_is_nobody_elses(
    queue: EventQueue, clock: FakeClock
) -> None:
    claim = await accept_claimed(queue, clock)

    assert await claim_all(queue) == []
    assert await complete(queue, clock, claim)


async def test_a_claim_ends_with_its_lease_and_the_next_one_counts(
    queue: EventQueue, clock: FakeClock
) -> None:
    old = await accept_claimed(queue, clock)
    clock.advance(LEASE_SECONDS)
    new = await claim_one(queue)

    assert new.fence > old.fence
    assert not await complete(queue, clock, old)
    assert await queue.extend([old]) == {}
    assert await complete(queue, clock, new)


async def test_a_lease_that_is_over_holds_as_long_as_nobody_wants_the_event(
    queue: EventQueue, clock: FakeClock
) -> None:
    claim = await accept_claimed(queue, clock)
    clock.advance(10 * LEASE_SECONDS)
    assert await queue.extend([claim]) == {claim.event.id: clock.now() + LEASE_SECONDS}
    assert await claim_all(queue) == []


async def test_extending_holds_a_claim_for_longer(queue: EventQueue, clock: FakeClock) -> None:
    claim = await accept_claimed(queue, clock)
    for _ in range(5):
        clock.advance(LEASE_SECONDS - 1)
        await queue.extend([claim])
        assert await claim_all(queue) == []
    clock.advance(LEASE_SECONDS)
    assert len(await claim_all(queue)) == 1


async def test_many_claims_are_extended_and_released_in_portions(
    queue: EventQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_queue, "MOST_AT_ONCE", 3)
    claims = [await accept_claimed(queue, clock) for _ in range(10)]
    clock.advance(1)
    until = clock.now() + LEASE_SECONDS
    assert await queue.extend(claims) == {claim.event.id: until for claim in claims}
    await queue.release(claims)
    assert len(await claim_all(queue)) == 10


async def test_what_is_released_may_be_claimed_at_once(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    old = await accept_claimed(queue, clock)
    await queue.release([old])
    assert await counts(database) == {"queued": 1, "payloads": 1}

    assert not await complete(queue, clock, old)
    assert await queue.extend([old]) == {}
    assert (await claim_one(queue)).event == old.event


async def test_releasing_an_old_claim_takes_nothing_from_the_new_one(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    old = await accept_claimed(queue, clock)
    clock.advance(LEASE_SECONDS)
    await claim_one(queue)
    await queue.release([old])
    assert await counts(database) == {"claimed": 1, "payloads": 1}


async def test_what_is_completed_is_gone(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    assert await complete(queue, clock, await accept_claimed(queue, clock))
    assert await counts(database) == {}


async def test_what_is_given_up_is_dead_and_keeps_its_payload(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    claim = await accept_claimed(queue, clock)
    clock.advance(5)

    assert await give_up(queue, clock, claim)

    assert await counts(database) == {"dead": 1, "payloads": 1}
    (dead,) = await EventRecords(database).dead(ACCOUNT, REGION, None, 10)
    assert (dead.event.id, dead.event.tries) == (claim.event.id, 3)
    assert (dead.condition, dead.error) == ("RetriesExhausted", "no")
    assert dead.died_at == clock.now()


async def test_deliveries_are_kept_with_the_settlement(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    claim = await accept_claimed(queue, clock)
    delivery = make_delivery(queue, claim.event, attributes={"a": {"b": 1}}, trace_header="t")

    await settle(queue, clock, claim, Completed(), delivery)

    assert await Outbox(database).due(clock.now(), 10) == [delivery]


async def test_void_settlements_leave_no_deliveries(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    old = await accept_claimed(queue, clock)
    clock.advance(LEASE_SECONDS)
    await claim_one(queue)
    assert not await give_up(queue, clock, old, make_delivery(queue, old.event))
    assert await Outbox(database).next_due() is None
    assert await counts(database) == {"claimed": 1, "payloads": 1}


FATES = [Completed(), GIVEN_UP, Requeued(0.0, 7, 7)]


@pytest.mark.parametrize("fate", FATES)
async def test_another_opening_voids_what_the_first_has_claimed(
    queue: EventQueue, clock: FakeClock, database: Database, fate: Any
) -> None:
    old = await accept_claimed(queue, clock)

    second = await EventQueue.open(database, clock)

    assert second.epoch == queue.epoch + 1
    assert await counts(database) == {"queued": 1, "payloads": 1}
    assert not await settle(queue, clock, old, fate)
    new = await claim_one(second)  # at once
    assert new.event == old.event
    assert not await settle(queue, clock, old, fate)
    assert await queue.extend([old]) == {}
    await queue.release([old])
    assert await counts(database) == {"claimed": 1, "payloads": 1}
    assert await complete(second, clock, new)


@pytest.mark.parametrize("first", FATES)
@pytest.mark.parametrize("second", FATES)
async def test_a_claim_is_settled_once(
    queue: EventQueue, clock: FakeClock, database: Database, first: Any, second: Any
) -> None:
    claim = await accept_claimed(queue, clock)
    assert await settle(queue, clock, claim, first)
    before = await counts(database), await fences(database)

    assert not await settle(queue, clock, claim, second)

    assert (await counts(database), await fences(database)) == before


async def together(queue: EventQueue, clock: FakeClock, claims: Sequence[Claim]) -> list[bool]:
    """Give all of them up in one commit."""
    return list(await asyncio.gather(*(give_up(queue, clock, claim) for claim in claims)))


async def test_of_two_claims_in_one_commit_the_newer_counts(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    for order in (1, -1):
        old = await accept_claimed(queue, clock)
        clock.advance(LEASE_SECONDS)
        new = await claim_one(queue)
        results = await together(queue, clock, [old, new][::order])
        assert results[::order] == [False, True]
    assert await counts(database) == {"dead": 2, "payloads": 2}


async def test_the_same_claim_twice_in_one_commit_counts_once(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    claim = await accept_claimed(queue, clock)
    other = await accept_claimed(queue, clock)
    assert await together(queue, clock, [claim, other, claim]) == [True, True, False]
    assert await counts(database) == {"dead": 2, "payloads": 2}


async def test_extending_comes_too_late_for_what_waits_for_its_next_try(
    queue: EventQueue, clock: FakeClock
) -> None:
    claim = await accept_claimed(queue, clock)
    await requeue(queue, clock, claim, seconds=1)
    assert await queue.extend([claim]) == {}
    clock.advance(1)
    assert len(await claim_all(queue)) == 1


async def test_a_replayed_event_is_out_of_reach_of_its_former_life(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    stale = await accept_claimed(queue, clock)
    clock.advance(LEASE_SECONDS)
    last = await claim_one(queue)
    await give_up(queue, clock, last)
    await EventRecords(database).replay(ACCOUNT, REGION, stale.event.request_id, clock.now())

    anew = await claim_one(queue)

    assert anew.fence > last.fence
    for former in (stale, last):
        assert not await complete(queue, clock, former)
    assert await complete(queue, clock, anew)
    assert await counts(database) == {}


async def test_after_a_clock_far_ahead_nothing_waits_for_longer_than_the_longest_wait(
    database: Database, clock: FakeClock
) -> None:
    ahead = FakeClock(clock.now() + 10 * 365 * 86_400)
    queue = await EventQueue.open(database, ahead)
    claim = await accept_claimed(queue, ahead)
    await requeue(queue, ahead, await accept_claimed(queue, ahead), seconds=60)
    await accept(queue, ahead)
    dying = await accept_claimed(queue, ahead)
    await give_up(queue, ahead, dying, make_delivery(queue, dying.event))

    queue = await EventQueue.open(database, clock)

    opened_at = clock.now()
    clock.advance(LONGEST_WAIT)
    claims = await claim_all(queue)
    assert len(claims) == 3
    assert {each.event.accepted_at for each in claims} == {opened_at}
    assert claim.event.id in {each.event.id for each in claims}
    next_delivery = await Outbox(database).next_due()
    assert next_delivery is not None
    assert next_delivery <= clock.now() + LONGEST_WAIT


async def test_opening_leaves_waiting_what_waits_rightly(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    due = clock.now() + LONGEST_WAIT
    await requeue(queue, clock, await accept_claimed(queue, clock), seconds=LONGEST_WAIT)
    queue = await EventQueue.open(database, clock)
    assert await queue.due_functions() == {KEY: due}


async def test_logs_are_durable_before_a_settlement_is(database: Database) -> None:
    told: list[str] = []
    clock = FakeClock()

    async def make_logs_durable() -> None:
        told.append("flushed")
        assert (await counts(database))["claimed"] == 1

    queue = await EventQueue.open(database, clock, make_logs_durable=make_logs_durable)
    claim = await accept_claimed(queue, clock)
    assert told == []
    await complete(queue, clock, claim)
    assert told == ["flushed"]


async def test_logs_that_cannot_be_kept_keep_the_claim(database: Database) -> None:
    clock = FakeClock()
    failures: list[Exception] = [OSError("full")]

    async def make_logs_durable() -> None:
        if failures:
            raise failures.pop()

    queue = await EventQueue.open(database, clock, make_logs_durable=make_logs_durable)
    claim = await accept_claimed(queue, clock)
    with pytest.raises(OSError, match="full"):
        await complete(queue, clock, claim)
    assert await counts(database) == {"claimed": 1, "payloads": 1}
    assert await complete(queue, clock, claim)


async def test_a_settlement_that_cannot_be_kept_stops_no_others(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    good, bad = await accept_claimed(queue, clock), await accept_claimed(queue, clock)
    fate = GivenUp("c", "\ud800", 1)  # is no text

    results = await asyncio.gather(
        queue.settle(Settlement(good, Completed(), clock.now())),
        queue.settle(Settlement(bad, fate, clock.now())),
        return_exceptions=True,
    )

    assert results[0] is True
    assert isinstance(results[1], UnicodeEncodeError)
    assert await counts(database) == {"claimed": 1, "payloads": 1}


async def test_an_event_that_cannot_be_kept_stops_no_others(
    queue: EventQueue, clock: FakeClock, database: Database
) -> None:
    good = make_event(queue, clock)
    bad = replace(make_event(queue, clock), trace_header="\ud800")
    results = await asyncio.gather(queue.accept(good), queue.accept(bad), return_exceptions=True)
    assert isinstance(results[0], Claim)
    assert isinstance(results[1], UnicodeEncodeError)
    assert await counts(database) == {"queued": 1, "payloads": 1}


async def test_what_was_accepted_is_there_after_the_file_was_opened_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    database = Database.open(tmp_path / "again.db")
    queue = await EventQueue.open(database, clock)
    accepted = await accept(queue, clock, payload=b"x" * 100_000)
    claimed = await accept_claimed(queue, clock)
    database.close()

    database = Database.open(tmp_path / "again.db")
    claims = await claim_all(await EventQueue.open(database, clock))
    database.close()

    assert {claim.event for claim in claims} == {accepted, claimed.event}
