"""What has happened to alarms: changes of state and of configuration, and actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from lambdad.store.database import Database
from lambdad.store.schema import alarm_history

KEPT_SECONDS = 30 * 86_400
MOST = 5_000  # entries that one look gives


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that has happened. `item_type` is ConfigurationUpdate, StateUpdate or Action;
    `data` is JSON; `at` is seconds since the epoch."""

    account_id: str
    region: str
    alarm_name: str
    alarm_type: str
    item_type: str
    at: float
    summary: str
    data: str


@dataclass(frozen=True, slots=True)
class AlarmHistory:
    """The history of all alarms, also of those that are deleted, for 30 days."""

    database: Database

    async def add(self, *entries: HistoryEntry) -> None:
        """Write down what has happened, and forget what is too old."""
        await self.database.write(lambda connection: _add(connection, entries))

    async def read(
        self,
        account_id: str,
        region: str,
        *,
        alarm_name: str | None,
        item_type: str | None,
        start: float,
        end: float,
        newest_first: bool,
    ) -> list[HistoryEntry]:
        """The entries of one alarm, or of all, between two times."""
        columns = alarm_history.c
        order = columns.id.desc() if newest_first else columns.id
        query = select(*[column for column in columns if column is not columns.id]).where(
            columns.account_id == account_id,
            columns.region == region,
            columns.at.between(start, end),
        )
        if alarm_name is not None:
            query = query.where(columns.alarm_name == alarm_name)
        if item_type is not None:
            query = query.where(columns.item_type == item_type)
        rows = await self.database.read(
            lambda connection: list(connection.execute(query.order_by(order).limit(MOST)))
        )
        return [HistoryEntry(*row) for row in rows]


def _add(connection: Connection, entries: Sequence[HistoryEntry]) -> None:
    connection.execute(insert(alarm_history), [asdict(entry) for entry in entries])
    oldest = max(entry.at for entry in entries) - KEPT_SECONDS
    connection.execute(delete(alarm_history).where(alarm_history.c.at < oldest))
