"""Deliveries are made until their target has them, or has refused them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lambdad.clock import FakeClock
from lambdad.errors import ClientError, PlatformError
from lambdad.invocation.deliveries import (
    LONGEST,
    MOST_AT_ONCE,
    MOST_TO_ONE_SERVICE,
    MOST_TO_ONE_TARGET,
    Deliveries,
    retry_at,
)
from lambdad.model.event import DEAD_LETTER, ON_FAILURE, ON_SUCCESS, Delivery, Event
from lambdad.model.fate import Completed, Fate, GivenUp
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement
from lambdad.store.event_records import EventRecords
from lambdad.store.outbox import Outbox

KEY = ("000000000000", "us-east-1", "f")
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"


class Bench:
    """An outbox on a real database, and a target that does what the test says."""

    def __init__(self, database: Database, queue: EventQueue, clock: FakeClock) -> None:
        self.queue, self.clock = queue, clock
        self.outbox, self.records = Outbox(database), EventRecords(database)
        self.sent: list[Delivery] = []
        self.outcome: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.emitted: list[str] = []
        self.most_at_once = 0
        self._on_their_way = 0
        self.deliveries = Deliveries(
            self.outbox, deliver=self._deliver, clock=clock, emit=self._emit
        )

    async def settle(self, kind: str = ON_SUCCESS, target: str = QUEUE) -> None:
        """An event comes to its end, and `target` is to be told."""
        now = self.clock.now()
        event = Event(self.queue.make_id(), f"r-{self.queue.make_id()}", *KEY, None, b"{}", now)
        claim = await self.queue.accept(event, is_claimed=True)
        fate: Fate = Completed() if kind == ON_SUCCESS else GivenUp("RetriesExhausted", "no.", 3)
        delivery = Delivery(
            self.queue.make_id(), event.id, kind, target, *KEY, event.request_id, "role", b"{}", now
        )
        await self.queue.settle(Settlement(claim, fate, now, (delivery,)))
        self.deliveries.wake()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.001)

    async def is_empty(self) -> bool:
        return await self.outbox.next_due() is None

    async def dead(self) -> list[str]:
        return [each.error for each in await self.records.dead(*KEY, limit=100)]

    async def _deliver(self, delivery: Delivery) -> None:
        self._on_their_way += 1
        self.most_at_once = max(self.most_at_once, self._on_their_way)
        self.sent.append(delivery)
        await self.gate.wait()
        self._on_their_way -= 1
        if self.outcome is not None:
            raise self.outcome

    def _emit(self, name: str, function: Any, value: float) -> None:
        assert function == KEY
        self.emitted.append(name)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state.db")
    yield database
    database.close()


@pytest_asyncio.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    clock = FakeClock()
    bench = Bench(database, await EventQueue.open(database, clock), clock)
    running = asyncio.create_task(bench.deliveries.run())
    yield bench
    running.cancel()


async def test_what_has_arrived_is_forgotten(bench: Bench) -> None:
    await bench.settle()
    await bench.until(bench.is_empty)
    assert len(bench.sent) == 1


async def test_a_dead_event_that_somebody_has_taken_is_no_longer_kept(bench: Bench) -> None:
    bench.gate.clear()
    await bench.settle(ON_FAILURE)
    assert await bench.dead() == ["no."]

    bench.gate.set()
    await bench.until(bench.is_empty)

    assert await bench.dead() == []


@pytest.mark.parametrize(
    ("kind", "metric"),
    [(ON_FAILURE, "DestinationDeliveryFailures"), (DEAD_LETTER, "DeadLetterErrors")],
)
async def test_a_dead_event_that_is_refused_stays_and_says_so(
    bench: Bench, kind: str, metric: str
) -> None:
    bench.outcome = ClientError("QueueDoesNotExist", "It is not there.")

    await bench.settle(kind)
    await bench.until(bench.is_empty)

    assert await bench.dead() == [
        f"no. {QUEUE} did not take it: QueueDoesNotExist: It is not there."
    ]
    assert bench.emitted == [metric]
    assert len(bench.sent) == 1


async def test_who_is_out_of_reach_is_asked_again_later(bench: Bench) -> None:
    bench.outcome = PlatformError("no answer")
    await bench.settle()
    await bench.until(lambda: _is(bench.outbox.next_due(), bench.clock.now() + 1))

    bench.outcome = None
    bench.clock.advance(1)
    bench.deliveries.wake()

    await bench.until(bench.is_empty)
    assert [each.tries for each in bench.sent] == [0, 1]
    assert bench.emitted == []


async def test_who_is_out_of_reach_for_too_long_is_given_up(bench: Bench) -> None:
    bench.outcome = PlatformError("no answer")
    await bench.settle(ON_FAILURE)
    await bench.until(lambda: _is(bench.outbox.next_due(), bench.clock.now() + 1))

    bench.clock.advance(LONGEST)
    bench.deliveries.wake()

    await bench.until(bench.is_empty)
    assert bench.emitted == ["DestinationDeliveryFailures"]
    assert len(await bench.dead()) == 1


async def test_one_that_answers_slowly_does_not_keep_the_others_waiting(bench: Bench) -> None:
    bench.gate.clear()
    for _ in range(MOST_AT_ONCE):
        await bench.settle(target=QUEUE)
    await bench.settle(target=f"{QUEUE}-2")

    await bench.until(lambda: _is(_count(bench, f"{QUEUE}-2"), 1))

    assert await _count(bench, QUEUE) <= MOST_TO_ONE_TARGET
    bench.gate.set()
    await bench.until(bench.is_empty)
    assert len(bench.sent) == MOST_AT_ONCE + 1
    assert bench.most_at_once <= MOST_AT_ONCE


async def test_a_backlog_for_one_that_hangs_keeps_no_other_waiting(bench: Bench) -> None:
    bench.gate.clear()
    for number in range(100):
        await bench.settle(target=f"{QUEUE}-{number % 10}")
    await bench.settle(target="arn:aws:sns:us-east-1:000000000000:t")

    await bench.until(lambda: _is(_count(bench, "arn:aws:sns:us-east-1:000000000000:t"), 1))

    assert len(bench.sent) == MOST_TO_ONE_SERVICE + 1
    bench.gate.set()
    await bench.until(bench.is_empty)


async def test_what_a_crash_left_is_sent_by_the_next(database: Database, bench: Bench) -> None:
    bench.gate.clear()
    await bench.settle()
    await bench.until(lambda: _is(_count(bench, QUEUE), 1))

    again = Bench(database, bench.queue, bench.clock)
    running = asyncio.create_task(again.deliveries.run())
    await again.until(again.is_empty)
    running.cancel()

    assert [each.id for each in again.sent] == [each.id for each in bench.sent]


def test_a_target_is_asked_less_and_less_often() -> None:
    delivery = Delivery(1, 2, ON_SUCCESS, QUEUE, *KEY, "r", "role", b"{}", 0.0)
    waits = [retry_at(replace(delivery, tries=tries), 10.0) for tries in (0, 1, 5, 9, 10_000)]
    assert waits == [11.0, 12.0, 42.0, 310.0, 310.0]


async def _is(answer: Any, wanted: Any) -> bool:
    return bool(await answer == wanted)


async def _count(bench: Bench, target: str) -> int:
    return sum(each.target_arn == target for each in bench.sent)
