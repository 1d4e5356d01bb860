"""Events, and what becomes of them, for the tests of the queue and of who runs it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from lambdad.clock import FakeClock
from lambdad.model.event import Claim, Delivery, Event
from lambdad.model.fate import Completed, Fate, GivenUp, Requeued
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement
from lambdad.store.schema import dead_events, event_payloads, events

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEY = (ACCOUNT, REGION, "f")
GIVEN_UP = GivenUp("RetriesExhausted", "no", 3)


def make_event(queue: EventQueue, clock: FakeClock, **changes: Any) -> Event:
    """An event that comes in now."""
    id = queue.make_id()
    members: dict[str, Any] = {
        "id": id,
        "request_id": f"r-{id}",
        "account_id": ACCOUNT,
        "region": REGION,
        "function_name": "f",
        "qualifier": None,
        "payload": b"{}",
        "accepted_at": clock.now(),
    }
    return Event(**{**members, **changes})


def make_delivery(queue: EventQueue, event: Event, **changes: Any) -> Delivery:
    """What tells a destination that an event was given up."""
    members: dict[str, Any] = {
        "id": queue.make_id(),
        "event_id": event.id,
        "kind": "OnFailure",
        "target_arn": "arn:aws:sqs:eu-west-1:123456789012:q",
        "account_id": event.account_id,
        "region": event.region,
        "function_name": event.function_name,
        "request_id": event.request_id,
        "role": "arn:aws:iam::123456789012:role/r",
        "body": b"{}",
        "created_at": event.accepted_at,
    }
    return Delivery(**{**members, **changes})


async def claim_all(queue: EventQueue, *keys: Any, count: int = 100) -> list[Claim]:
    """Claim what is due of these functions, or of `f`."""
    claimed = await queue.claim(dict.fromkeys(keys or [KEY], count))
    return [claim for each in claimed.values() for claim in each.claims]


async def settle(
    queue: EventQueue, clock: FakeClock, claim: Claim, fate: Fate, *deliveries: Delivery
) -> bool:
    return await queue.settle(Settlement(claim, fate, clock.now(), deliveries))


async def complete(queue: EventQueue, clock: FakeClock, claim: Claim) -> bool:
    return await settle(queue, clock, claim, Completed())


async def requeue(queue: EventQueue, clock: FakeClock, claim: Claim, seconds: float = 0) -> bool:
    return await settle(queue, clock, claim, Requeued(clock.now() + seconds, 1, 0))


async def give_up(queue: EventQueue, clock: FakeClock, claim: Claim, *deliveries: Delivery) -> bool:
    return await settle(queue, clock, claim, GIVEN_UP, *deliveries)


async def kept(database: Database) -> dict[str, set[int]]:
    """The ids of all events that are queued, claimed, dead; and of all payloads."""
    return await database.read(_kept)


def _kept(connection: Connection) -> dict[str, set[int]]:
    return {
        "queued": set(connection.scalars(select(events.c.id).where(events.c.epoch == 0))),
        "claimed": set(connection.scalars(select(events.c.id).where(events.c.epoch != 0))),
        "dead": set(connection.scalars(select(dead_events.c.id))),
        "payloads": set(connection.scalars(select(event_payloads.c.id))),
    }


async def counts(database: Database) -> dict[str, int]:
    """How many there are of each, without those of which there are none."""
    return {kind: len(ids) for kind, ids in (await kept(database)).items() if ids}
