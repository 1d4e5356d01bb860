"""Deliveries: what is to be sent, when, and what becomes of dead events by it."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.model.event import Delivery
from lambdad.model.fate import Completed
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue
from lambdad.store.event_records import EventRecords
from lambdad.store.outbox import Outbox
from support.events import ACCOUNT, REGION, claim_all, counts, give_up, make_delivery, make_event
from support.events import settle as settle_claim


class Bench:
    """A queue, and events of it that have ended with deliveries."""

    def __init__(self, database: Database, queue: EventQueue, clock: FakeClock) -> None:
        self.database, self.queue, self.clock = database, queue, clock
        self.outbox = Outbox(database)
        self.records = EventRecords(database)

    async def die(self, *kinds: str) -> list[Delivery]:
        """An event is given up, of which so many are told."""
        event = make_event(self.queue, self.clock)
        claim = await self.queue.accept(event, is_claimed=True)
        told = [make_delivery(self.queue, event, kind=kind) for kind in kinds]
        await give_up(self.queue, self.clock, claim, *told)
        return told

    async def succeed(self) -> Delivery:
        event = make_event(self.queue, self.clock)
        claim = await self.queue.accept(event, is_claimed=True)
        delivery = make_delivery(self.queue, event, kind="OnSuccess")
        await settle_claim(self.queue, self.clock, claim, Completed(), delivery)
        return delivery

    async def due(self, limit: int = 10) -> list[Delivery]:
        return await self.outbox.due(self.clock.now(), limit)

    async def errors(self) -> list[str]:
        return [dead.error for dead in await self.records.dead(ACCOUNT, REGION, None, 10)]


@pytest.fixture
async def bench(database: Database) -> Bench:
    clock = FakeClock()
    return Bench(database, await EventQueue.open(database, clock), clock)


async def test_an_empty_outbox_has_nothing_due(bench: Bench) -> None:
    assert await bench.outbox.next_due() is None
    assert await bench.due() == []


async def test_deliveries_are_due_at_once_and_the_oldest_first(bench: Bench) -> None:
    told = []
    for _ in range(3):
        told += await bench.die("OnFailure")
        bench.clock.advance(1)

    assert await bench.due() == told
    assert await bench.due(limit=2) == told[:2]
    assert await bench.outbox.next_due() == told[0].created_at


async def test_a_delivery_comes_back_as_it_was(bench: Bench) -> None:
    event = make_event(bench.queue, bench.clock)
    claim = await bench.queue.accept(event, is_claimed=True)
    members: dict[str, Any] = {
        "kind": "DeadLetter",
        "body": b"\x00\xff",
        "attributes": {"ErrorCode": {"DataType": "Number", "StringValue": "200"}},
        "trace_header": "Root=1",
    }
    delivery = make_delivery(bench.queue, event, **members)
    await give_up(bench.queue, bench.clock, claim, delivery)
    assert await bench.due() == [delivery]


async def test_what_could_not_be_delivered_waits_and_counts_its_tries(bench: Bench) -> None:
    (delivery,) = await bench.die("OnFailure")
    due_at = bench.clock.now() + 30

    await bench.outbox.try_again(delivery, due_at)

    assert await bench.due() == []
    assert await bench.outbox.next_due() == due_at
    bench.clock.advance(30)
    (again,) = await bench.due()
    assert again.tries == 1


@pytest.mark.parametrize("kind", ["OnFailure", "DeadLetter"])
async def test_a_dead_event_that_somebody_has_is_kept_no_longer(bench: Bench, kind: str) -> None:
    (delivery,) = await bench.die(kind)
    assert await counts(bench.database) == {"dead": 1, "payloads": 1}

    await bench.outbox.delivered(delivery)

    assert await counts(bench.database) == {}
    assert await bench.due() == []


async def test_one_of_two_who_are_told_is_enough(bench: Bench) -> None:
    one, other = await bench.die("OnFailure", "DeadLetter")
    await bench.outbox.delivered(one)
    assert await counts(bench.database) == {}
    assert await bench.due() == [other]
    await bench.outbox.failed(other, "no such queue")
    assert await bench.due() == []


async def test_a_success_that_was_told_leaves_nothing(bench: Bench) -> None:
    delivery = await bench.succeed()
    await bench.outbox.delivered(delivery)
    assert await bench.due() == []
    assert await counts(bench.database) == {}


async def test_a_delivery_that_is_refused_leaves_the_event_dead_and_says_why(bench: Bench) -> None:
    (delivery,) = await bench.die("OnFailure")

    await bench.outbox.failed(delivery, "AccessDenied")

    assert await bench.due() == []
    assert await counts(bench.database) == {"dead": 1, "payloads": 1}
    assert await bench.errors() == [f"no {delivery.target_arn} did not take it: AccessDenied"]


async def test_a_success_that_is_refused_is_gone(bench: Bench) -> None:
    await bench.outbox.failed(await bench.succeed(), "AccessDenied")
    assert await bench.due() == []
    assert await counts(bench.database) == {}


async def test_deliveries_of_one_event_are_no_concern_of_another(bench: Bench) -> None:
    (one,), (other,) = await bench.die("OnFailure"), await bench.die("OnFailure")
    await bench.outbox.delivered(one)
    assert await bench.due() == [other]
    assert await counts(bench.database) == {"dead": 1, "payloads": 1}


async def test_what_is_delivered_after_a_replay_takes_nothing_from_the_new_life(
    bench: Bench,
) -> None:
    (first,) = await bench.die("OnFailure")
    await bench.records.replay(ACCOUNT, REGION, first.request_id, bench.clock.now())
    assert await bench.due() == []
    (claim,) = await claim_all(bench.queue)
    second = make_delivery(bench.queue, claim.event)
    await give_up(bench.queue, bench.clock, claim, second)

    await bench.outbox.delivered(first)
    await bench.outbox.failed(first, "too late")

    assert await counts(bench.database) == {"dead": 1, "payloads": 1}
    assert await bench.errors() == ["no"]
    assert await bench.due() == [second]
