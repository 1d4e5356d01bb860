"""The rows of the ledger: what was used, by all that its price depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from lambdad.model.usage import Usage, UsageKey
from lambdad.store.schema import usage

_FIGURES = [field.name for field in fields(Usage)]
_GREATEST = "max_memory_used_mb"


def add_usage(connection: Connection, entries: Mapping[UsageKey, Usage]) -> None:
    """Add to what there is."""
    statement = insert(usage)
    added = {
        name: usage.c[name] + statement.excluded[name] for name in _FIGURES if name != _GREATEST
    }
    added[_GREATEST] = func.max(usage.c[_GREATEST], statement.excluded[_GREATEST])
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(UsageKey._fields), set_=added),
        [
            {**key._asdict(), **dict(zip(_FIGURES, astuple(figures), strict=True))}
            for key, figures in entries.items()
        ],
    )


def read_usage(
    connection: Connection, account_id: str, region: str, first_day: str, last_day: str
) -> dict[UsageKey, Usage]:
    """What was used from one day to another, both included."""
    rows = connection.execute(
        select(usage).where(
            usage.c.account_id == account_id,
            usage.c.region == region,
            usage.c.day.between(first_day, last_day),
        )
    )
    count = len(UsageKey._fields)
    return {UsageKey(*row[:count]): Usage(*row[count:]) for row in rows}
