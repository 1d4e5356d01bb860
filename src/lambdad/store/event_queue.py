"""The durable queue of events. What it has answered is on disk.

    accept ─▶ claim ─▶ extend … ─▶ settle: completed, requeued or given up
                 ▲                    │
                 └────────────────────┘ by the newest fence only

A claim is a lease with a fence. The fence of an event grows whenever a claim on it begins or ends:
who holds an older one has lost the event, and what he says of it does not count. Opening the queue
voids the claims of every earlier epoch at once: those nodes are gone, and so are the functions that
they ran.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection, Integer, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DBAPIError

from lambdad.clock import Clock
from lambdad.errors import PlatformError
from lambdad.model.event import Claim, Delivery, Event
from lambdad.model.fate import LONGEST_WAIT, Completed, Fate, GivenUp, Requeued
from lambdad.model.resource import Key
from lambdad.store import event_rows
from lambdad.store.database import Database
from lambdad.store.gathered import Gathered
from lambdad.store.schema import dead_events, deliveries, epochs, event_payloads, events

LEASE_SECONDS = 60.0
SETTLE_SECONDS = 0.01  # for which outcomes are gathered: no caller waits for them
MOST_AT_ONCE = 4096  # claims in one change, so that many of them hold nobody up
_IDS_PER_EPOCH = 1 << 32
_QUEUE = "events"

# A claim, the epoch that has it, and what else is changed together with it.
_Accepted = tuple[Claim, int, Callable[[Connection], None] | None]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a claim: what becomes of its event, and what is to be sent because of it."""

    claim: Claim
    fate: Fate
    settled_at: float  # seconds since the epoch
    deliveries: Sequence[Delivery] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a function has had to run: `next_due` is when it has more, None when it has none."""

    claims: list[Claim]
    next_due: float | None


class EventQueue:
    """The events of one node. `make_logs_durable` is awaited before a claim is settled: a function
    that has run and left no line would be one that nobody can explain."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        epoch: int,
        make_logs_durable: Callable[[], Awaitable[None]] | None,
        lease: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self.epoch = epoch
        self._ids = itertools.count(epoch * _IDS_PER_EPOCH)
        self._accepted = Gathered(database, _accept)
        self._settled = Gathered(database, _settle, make_logs_durable, SETTLE_SECONDS)

    @classmethod
    async def open(
        cls,
        database: Database,
        clock: Clock,
        *,
        make_logs_durable: Callable[[], Awaitable[None]] | None = None,
        lease: float = LEASE_SECONDS,
        longest_wait: float = LONGEST_WAIT,
    ) -> Self:
        """Begin a new epoch; raises PlatformError when the disk refuses. No event is due in more
        than `longest_wait` seconds, unless the clock was wrong."""
        try:
            epoch = await database.write(lambda c: _open(c, clock.now(), longest_wait))
        except DBAPIError as error:
            raise PlatformError(f"Events cannot be kept: {error.orig}.") from error
        return cls(database, clock, epoch, make_logs_durable, lease)

    def make_id(self) -> int:
        """One that no event or delivery has had."""
        return next(self._ids)

    async def accept(self, event: Event, *, is_claimed: bool = False) -> Claim:
        """Keep an event; with `is_claimed` nobody else may run it, and the claim is the caller's.
        Returns when it is on disk; whoever is told of an error may be sure that it will not run."""
        claim, written = self.begin_accept(event, is_claimed=is_claimed)
        await written
        return claim

    def begin_accept(
        self,
        event: Event,
        *,
        is_claimed: bool = False,
        also: Callable[[Connection], None] | None = None,
    ) -> tuple[Claim, asyncio.Future[None]]:
        """The same for who goes on meanwhile: the claim counts when the future has ended well.
        `also` is changed in the transaction in which the event is kept."""
        until = self._clock.now() + self._lease if is_claimed else event.accepted_at
        claim = Claim(event, int(is_claimed), until)
        return claim, self._accepted.begin((claim, self.epoch if is_claimed else 0, also))

    async def due_functions(self) -> dict[Key, float]:
        """When each function that has events has the next one due."""
        return await self._database.read(_due_functions)

    async def claim(self, wanted: Mapping[Key, int]) -> dict[Key, Claimed]:
        """Claim so many due events of these functions, or fewer if there are no more."""
        now, epoch, lease = self._clock.now(), self.epoch, self._lease
        return await self._database.write(
            lambda connection: {
                key: _claim(connection, key, count, now, now + lease, epoch)
                for key, count in wanted.items()
            }
        )

    async def extend(self, claims: Collection[Claim]) -> dict[int, float]:
        """Hold these claims for another while: until when, by event id; what is missing is lost."""
        held: dict[int, float] = {}
        for some in _portions(claims):
            until = self._clock.now() + self._lease
            ids = await self._database.write(partial(_extend, claims=some, until=until))
            held |= dict.fromkeys(ids, until)
        return held

    async def release(self, claims: Collection[Claim]) -> None:
        """Give back claims of events that have not been tried."""
        now = self._clock.now()
        for some in _portions(claims):
            await self._database.write(partial(_release, claims=some, now=now))

    async def settle(self, settlement: Settlement) -> bool:
        """End a claim; False when somebody else has the event by now, and nothing was changed."""
        return await self._settled.write(settlement)


_UNCLAIMED: dict[str, Any] = {"epoch": 0, "fence": events.c.fence + 1}


def _portions(claims: Collection[Claim]) -> Iterator[list[Claim]]:
    every = list(claims)
    for start in range(0, len(every), MOST_AT_ONCE):
        yield every[start : start + MOST_AT_ONCE]


def _open(connection: Connection, now: float, longest_wait: float) -> int:
    """Void the claims of earlier epochs, and bring to heel what a wrong clock has put into the
    future; returns the new epoch."""
    epoch = connection.execute(
        upsert(epochs)
        .values(name=_QUEUE, epoch=1)
        .on_conflict_do_update(index_elements=["name"], set_={"epoch": epochs.c.epoch + 1})
        .returning(epochs.c.epoch)
    ).scalar_one()
    connection.execute(update(events).where(events.c.epoch != 0).values(due_at=now, **_UNCLAIMED))
    ahead = events.c.accepted_at - now
    connection.execute(
        update(events).where(ahead > 0).values(due_at=events.c.due_at - ahead, accepted_at=now)
    )
    for table, wait in ((events, longest_wait), (deliveries, LONGEST_WAIT)):
        connection.execute(update(table).where(table.c.due_at > now + wait).values(due_at=now))
    return int(epoch)


def _accept(connection: Connection, items: Sequence[_Accepted]) -> list[None]:
    connection.execute(
        insert(events),
        [
            event_rows.event_row(claim.event)
            | {"due_at": claim.until, "fence": claim.fence, "epoch": epoch}
            for claim, epoch, _ in items
        ],
    )
    connection.execute(
        insert(event_payloads),
        [{"id": claim.event.id, "payload": claim.event.payload} for claim, _, _ in items],
    )
    for _, _, also in items:
        if also is not None:
            also(connection)
    return [None] * len(items)


def _due_functions(connection: Connection) -> dict[Key, float]:
    columns = (events.c.account_id, events.c.region, events.c.function_name)
    rows = connection.execute(select(*columns, func.min(events.c.due_at)).group_by(*columns))
    return {(account_id, region, name): due_at for account_id, region, name, due_at in rows}


# Written once: to build a statement takes longer than to run it.
_OF_FUNCTION = (
    (events.c.account_id == bindparam("of_account_id"))
    & (events.c.region == bindparam("of_region"))
    & (events.c.function_name == bindparam("of_function"))
)
_DUE = (
    select(events.c.id)
    .where(_OF_FUNCTION, events.c.due_at <= bindparam("now"))
    .order_by(events.c.due_at)
    .limit(bindparam("wanted", type_=Integer))
)
_CLAIM = (
    update(events)
    .where(events.c.id.in_(_DUE))
    .values(fence=events.c.fence + 1, epoch=bindparam("by_epoch"), due_at=bindparam("until"))
    .returning(*events.c)
)
_NEXT_DUE = select(events.c.due_at).where(_OF_FUNCTION).order_by(events.c.due_at).limit(1)


def _claim(
    connection: Connection, key: Key, count: int, now: float, until: float, epoch: int
) -> Claimed:
    function = dict(zip(("of_account_id", "of_region", "of_function"), key, strict=True))
    asked = {"now": now, "wanted": count, "by_epoch": epoch, "until": until}
    rows = connection.execute(_CLAIM, function | asked).all()
    payloads = event_rows.payloads(connection, [row.id for row in rows])
    claims = [
        Claim(event_rows.read_event(row, payloads[row.id]), row.fence, until)
        for row in sorted(rows, key=lambda row: (row.accepted_at, row.id))
    ]
    return Claimed(claims, connection.scalar(_NEXT_DUE, function))


def _still_good(connection: Connection, claims: Sequence[Claim]) -> list[bool]:
    """Whether each of these claims holds; of two that are the same, the first alone."""
    ids = {claim.event.id for claim in claims}
    rows = connection.execute(select(events.c.id, events.c.fence).where(events.c.id.in_(ids)))
    good = {(id, fence) for id, fence in rows}
    are_good = []
    for claim in claims:
        are_good.append((claim.event.id, claim.fence) in good)
        good.discard((claim.event.id, claim.fence))
    return are_good


def _extend(connection: Connection, claims: Sequence[Claim], until: float) -> list[int]:
    held = _held_ids(connection, claims)
    connection.execute(update(events).where(events.c.id.in_(held)).values(due_at=until))
    return held


def _release(connection: Connection, claims: Sequence[Claim], now: float) -> None:
    held = _held_ids(connection, claims)
    connection.execute(update(events).where(events.c.id.in_(held)).values(due_at=now, **_UNCLAIMED))


def _held_ids(connection: Connection, claims: Sequence[Claim]) -> list[int]:
    are_good = _still_good(connection, claims)
    return [claim.event.id for claim, is_good in zip(claims, are_good, strict=True) if is_good]


def _settle(connection: Connection, settlements: Sequence[Settlement]) -> list[bool]:
    are_good = _still_good(connection, [each.claim for each in settlements])
    good = [each for each, is_good in zip(settlements, are_good, strict=True) if is_good]
    _requeue(connection, good)
    _bury(connection, good)
    _remove(connection, good)
    rows = [event_rows.delivery_row(d) for each in good for d in each.deliveries]
    if rows:
        connection.execute(insert(deliveries), rows)
    return are_good


_REQUEUE = (
    update(events)
    .where(events.c.id == bindparam("event_id"))
    .values(
        due_at=bindparam("new_due_at"),
        tries=bindparam("new_tries"),
        throttles=bindparam("new_throttles"),
        **_UNCLAIMED,
    )
)


def _requeue(connection: Connection, settlements: Sequence[Settlement]) -> None:
    rows = [
        {
            "event_id": each.claim.event.id,
            "new_due_at": each.fate.due_at,
            "new_tries": each.fate.tries,
            "new_throttles": each.fate.throttles,
        }
        for each in settlements
        if isinstance(each.fate, Requeued)
    ]
    if rows:
        connection.execute(_REQUEUE, rows)


def _bury(connection: Connection, settlements: Sequence[Settlement]) -> None:
    """What is given up is a dead event, until somebody else is known to have it."""
    rows = [
        event_rows.dead_row(each.claim, each.fate, each.settled_at)
        for each in settlements
        if isinstance(each.fate, GivenUp)
    ]
    if rows:
        connection.execute(insert(dead_events), rows)


def _remove(connection: Connection, settlements: Sequence[Settlement]) -> None:
    ended = [each for each in settlements if not isinstance(each.fate, Requeued)]
    completed = [each for each in ended if isinstance(each.fate, Completed)]
    _delete(connection, events, ended)
    _delete(connection, event_payloads, completed)


def _delete(connection: Connection, table: Table, settlements: Sequence[Settlement]) -> None:
    if settlements:
        ids = [each.claim.event.id for each in settlements]
        connection.execute(delete(table).where(table.c.id.in_(ids)))
