"""How far those who follow log lines have got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from lambdad.model.resource import Key
from lambdad.model.subscription_filter import SubscriptionFilter
from lambdad.store.schema import log_cursors


class Cursor(NamedTuple):
    """All of the frames before `frame`, and so many of its batches."""

    frame: int = 0
    batches: int = 0


def read_cursors(connection: Connection) -> dict[Key, Cursor]:
    """The place of each follower, by its key."""
    rows = connection.execute(select(*log_cursors.c))
    return {(row.account_id, row.region, row.id): Cursor(row.frame, row.batches) for row in rows}


def cursor_of(subscription: SubscriptionFilter, cursors: Mapping[Key, Cursor]) -> Cursor:
    """How far it has got. One of the same name that was deleted may have got less far."""
    start = Cursor(subscription.start_frame + 1)
    return max(start, cursors.get(subscription.key, start))


def first_followed_frame(
    subscriptions: Iterable[SubscriptionFilter], cursors: Mapping[Key, Cursor]
) -> int | None:
    """The first frame that one of them has yet to read; None when there are none."""
    return min((cursor_of(each, cursors).frame for each in subscriptions), default=None)


def write_cursors(connection: Connection, cursors: Mapping[Key, Cursor]) -> None:
    """From now on they are there."""
    for key, cursor in cursors.items():
        values = dict(zip(("account_id", "region", "id"), key, strict=True))
        statement = insert(log_cursors).values(**values, **cursor._asdict())
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "region", "id"], set_=cursor._asdict()
            )
        )


def forget_cursors(connection: Connection, keys: Iterable[Key]) -> None:
    """Of followers that are gone."""
    for account_id, region, id in keys:
        connection.execute(
            delete(log_cursors).where(
                log_cursors.c.account_id == account_id,
                log_cursors.c.region == region,
                log_cursors.c.id == id,
            )
        )
