"""What people see of the events, and what they may do with them: look, replay, purge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    select,
)

from lambdad.model.event import Event
from lambdad.model.resource import Key
from lambdad.store import event_rows
from lambdad.store.database import Database
from lambdad.store.schema import dead_events, deliveries, event_payloads, events

PURGED_AT_ONCE = 5_000  # so that a purge of a million holds nobody up


@dataclass(frozen=True, slots=True)
class Backlog:
    """The events of one function. Retrying ones have been tried, or refused, at least once;
    `oldest` is when the oldest was accepted that is not dead (seconds since the epoch)."""

    function_name: str
    queued: int = 0
    running: int = 0
    retrying: int = 0
    dead: int = 0
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """An event that was given up, and that no destination or dead-letter queue has taken yet."""

    event: Event
    died_at: float  # seconds since the epoch
    condition: str
    error: str


@dataclass(frozen=True, slots=True)
class EventRecords:
    """Events by account and region, beside the work on them."""

    database: Database

    async def backlogs(self, account_id: str, region: str) -> list[Backlog]:
        """How many events every function has that has any, by its name."""
        return await self.database.read(lambda c: _backlogs(c, account_id, region))

    async def dead(
        self, account_id: str, region: str, function_name: str | None, limit: int
    ) -> list[DeadEvent]:
        """The dead events of one function or all, the latest first."""
        return await self.database.read(
            lambda c: _dead(c, account_id, region, function_name, limit)
        )

    async def replay(
        self, account_id: str, region: str, request_id: str, now: float
    ) -> Event | None:
        """Queue a dead event again, as if it had been accepted just now; None if there is none."""
        return await self.database.write(lambda c: _replay(c, account_id, region, request_id, now))

    async def purge(self, key: Key, *, is_dead: bool) -> int:
        """Forget a function's dead events, or those that are queued; how many there were. What
        is claimed is not touched."""
        return await self._in_portions(lambda c: _purge(c, key, is_dead=is_dead))

    async def forget_dead(self, before: float) -> int:
        """Forget what died before a time (seconds since the epoch); how many there were."""
        return await self._in_portions(lambda c: _forget_dead(c, before))

    async def _in_portions(self, delete_some: Callable[[Connection], int]) -> int:
        """Until a portion is not full: what comes meanwhile is not waited for."""
        deleted = count = await self.database.write(delete_some)
        while count == PURGED_AT_ONCE:
            count = await self.database.write(delete_some)
            deleted += count
        return deleted


def _backlogs(connection: Connection, account_id: str, region: str) -> list[Backlog]:
    is_tried = (events.c.tries > 0) | (events.c.throttles > 0)
    is_running = events.c.epoch != 0
    live = connection.execute(
        select(
            events.c.function_name,
            func.sum(case((is_running | is_tried, 0), else_=1)).label("queued"),
            func.sum(case((is_running, 1), else_=0)).label("running"),
            func.sum(case((is_running, 0), (is_tried, 1), else_=0)).label("retrying"),
            func.min(events.c.accepted_at).label("oldest"),
        )
        .where(_in_place(events, account_id, region))
        .group_by(events.c.function_name)
    )
    found = {row.function_name: Backlog(**row._mapping) for row in live}
    dead = connection.execute(
        select(dead_events.c.function_name, func.count().label("dead"))
        .where(_in_place(dead_events, account_id, region))
        .group_by(dead_events.c.function_name)
    )
    for name, count in dead:
        backlog = found.get(name, Backlog(name))
        found[name] = Backlog(
            name, backlog.queued, backlog.running, backlog.retrying, count, backlog.oldest
        )
    return [found[name] for name in sorted(found)]


def _dead(
    connection: Connection, account_id: str, region: str, function_name: str | None, limit: int
) -> list[DeadEvent]:
    is_meant = _in_place(dead_events, account_id, region)
    if function_name is not None:
        is_meant &= dead_events.c.function_name == function_name
    rows = connection.execute(
        select(*dead_events.c)
        .where(is_meant)
        .order_by(dead_events.c.died_at.desc(), dead_events.c.id.desc())
        .limit(limit)
    ).all()
    return [
        DeadEvent(event_rows.read_event(row, b""), row.died_at, row.condition, row.error)
        for row in rows
    ]


def _replay(
    connection: Connection, account_id: str, region: str, request_id: str, now: float
) -> Event | None:
    is_meant = _in_place(dead_events, account_id, region)
    dead = connection.execute(
        select(*dead_events.c).where(is_meant, dead_events.c.request_id == request_id)
    ).first()
    if dead is None:
        return None
    connection.execute(delete(dead_events).where(dead_events.c.id == dead.id))
    connection.execute(delete(deliveries).where(deliveries.c.event_id == dead.id))
    event = event_rows.read_event(dead, b"")
    fresh = {"accepted_at": now, "tries": 0, "throttles": 0, "due_at": now, "epoch": 0}
    row = event_rows.event_row(event) | fresh | {"fence": dead.fence}
    connection.execute(insert(events).values(row))
    return event


def _purge(connection: Connection, key: Key, *, is_dead: bool) -> int:
    table = dead_events if is_dead else events
    is_meant = and_(_in_place(table, *key[:2]), table.c.function_name == key[2])
    if not is_dead:
        is_meant &= events.c.epoch == 0
    return _delete_with_payloads(connection, table, is_meant)


def _forget_dead(connection: Connection, before: float) -> int:
    return _delete_with_payloads(connection, dead_events, dead_events.c.died_at < before)


def _delete_with_payloads(
    connection: Connection, table: Table, is_meant: ColumnElement[bool]
) -> int:
    some = select(table.c.id).where(is_meant).limit(PURGED_AT_ONCE)
    ids = list(connection.scalars(some))
    connection.execute(delete(event_payloads).where(event_payloads.c.id.in_(ids)))
    connection.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)


def _in_place(table: Table, account_id: str, region: str) -> ColumnElement[bool]:
    return and_(table.c.account_id == account_id, table.c.region == region)
