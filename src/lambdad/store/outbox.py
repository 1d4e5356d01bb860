"""The outbox: deliveries that were decided together with the outcome of an event, and are made
afterwards, at least once. They are one node's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update

from lambdad.model.event import ON_SUCCESS, Delivery, storable
from lambdad.store import event_rows
from lambdad.store.database import Database
from lambdad.store.schema import dead_events, deliveries, event_payloads


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is to be sent to destinations and dead-letter queues."""

    database: Database

    async def due(
        self,
        now: float,
        limit: int,
        *,
        without: Collection[int] = (),
        without_targets: Collection[str] = (),
        without_services: Collection[str] = (),
    ) -> list[Delivery]:
        """Deliveries whose time has come, the oldest first, without some of them and without those
        to some targets and services (`sqs`)."""
        is_left_out = deliveries.c.id.in_(without) | deliveries.c.target_arn.in_(without_targets)
        for service in without_services:
            is_left_out |= deliveries.c.target_arn.like(f"arn:%:{service}:%")
        return await self.database.read(lambda c: _due(c, now, limit, is_left_out))

    async def next_due(self) -> float | None:
        """When there is one to make; None when there is none."""
        return await self.database.read(_next_due)

    async def delivered(self, delivery: Delivery) -> None:
        """Its target has it: a dead event is no longer ours to keep."""
        await self.database.write(lambda connection: _delivered(connection, delivery))

    async def try_again(self, delivery: Delivery, due_at: float) -> None:
        """Its target could not be reached."""
        await self.database.write(lambda connection: _try_again(connection, delivery, due_at))

    async def failed(self, delivery: Delivery, reason: str) -> None:
        """Its target has refused it for good: a dead event stays, and says so."""
        await self.database.write(lambda connection: _failed(connection, delivery, reason))


def _due(
    connection: Connection, now: float, limit: int, is_left_out: ColumnElement[bool]
) -> list[Delivery]:
    rows = connection.execute(
        select(*deliveries.c)
        .where(deliveries.c.due_at <= now, ~is_left_out)
        .order_by(deliveries.c.due_at)
        .limit(limit)
    )
    return [event_rows.read_delivery(row) for row in rows]


def _next_due(connection: Connection) -> float | None:
    first = select(deliveries.c.due_at).order_by(deliveries.c.due_at).limit(1)
    return connection.scalar(first)


def _delivered(connection: Connection, delivery: Delivery) -> None:
    if not _forget(connection, delivery) or delivery.kind == ON_SUCCESS:
        return
    dead = dead_events.c.id == delivery.event_id
    if connection.execute(delete(dead_events).where(dead)).rowcount:
        payload = event_payloads.c.id == delivery.event_id
        connection.execute(delete(event_payloads).where(payload))


def _try_again(connection: Connection, delivery: Delivery, due_at: float) -> None:
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id)
        .values(due_at=due_at, tries=delivery.tries + 1)
    )


def _failed(connection: Connection, delivery: Delivery, reason: str) -> None:
    if not _forget(connection, delivery):
        return
    note = storable(f" {delivery.target_arn} did not take it: {reason}")
    connection.execute(
        update(dead_events)
        .where(dead_events.c.id == delivery.event_id)
        .values(error=dead_events.c.error + note)
    )


def _forget(connection: Connection, delivery: Delivery) -> bool:
    """Whether it was still there: the delivery of an event that was replayed meanwhile is not, and
    says nothing of the event, which may have died once more since."""
    return bool(
        connection.execute(delete(deliveries).where(deliveries.c.id == delivery.id)).rowcount
    )
