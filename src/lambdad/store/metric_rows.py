"""The rows of metrics: series, and their statistic sets by grain and time.

All of it is said to the driver, in batches: a minute's figures are thousands of rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection

from lambdad.model.metric import FIVE_MINUTES, HOUR, KEPT, MINUTE, Metric
from lambdad.model.statistic_set import StatisticSet, unpack_buckets

Sets = Mapping[tuple[str, int, int], StatisticSet]  # by unit, grain and start

_NAMED = "account_id = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ?"
# Distributions are packed one after another: to read them adds them up.
_ADD = """
    INSERT INTO metric_data (series_id, grain, start, count, sum, minimum, maximum, buckets)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        count = count + excluded.count,
        sum = sum + excluded.sum,
        minimum = min(minimum, excluded.minimum),
        maximum = max(maximum, excluded.maximum),
        buckets = CAST(buckets || excluded.buckets AS BLOB)
"""
_ROLLED_INTO = {MINUTE: FIVE_MINUTES, FIVE_MINUTES: HOUR}


def add_rows(connection: Connection, rows: Mapping[Metric, Sets]) -> None:
    """Add statistic sets to what there is of their metric."""
    driver = _driver(connection)
    for metric, sets in rows.items():
        for unit in {unit for unit, _, _ in sets}:
            its = [(place, values) for place, values in sets.items() if place[0] == unit]
            series_id = _series_id(driver, metric, unit, max(place[2] for place, _ in its))
            driver.executemany(
                _ADD, [_values(series_id, grain, at, values) for (_, grain, at), values in its]
            )


def read_rows(
    connection: Connection,
    metric: Metric,
    unit: str | None,
    grain: int,
    start: int,
    end: int,
    *,
    with_buckets: bool,
) -> list[tuple[int, StatisticSet, str]]:
    """The statistic sets of one grain from `start` on and before `end`, with their units."""
    driver = _driver(connection)
    columns = "start, count, sum, minimum, maximum" + (", buckets" if with_buckets else "")
    query = f"""SELECT {columns} FROM metric_data
        WHERE series_id = ? AND grain = ? AND start >= ? AND start < ?"""  # noqa: S608
    found = []
    for series_id, its_unit in _series_of(driver, metric, unit):
        for at, count, total, low, high, *buckets in driver.execute(
            query, (series_id, grain, start, end)
        ):
            known = unpack_buckets(buckets[0]) if with_buckets else None
            found.append((at, StatisticSet(count, total, low, high, known), its_unit))
    return found


def read_metrics(connection: Connection, account_id: str, region: str) -> dict[Metric, int]:
    """Every metric there, with the start of its youngest minute."""
    rows = _driver(connection).execute(
        "SELECT namespace, name, dimensions, max(last_at) FROM metric_series"
        " WHERE account_id = ? AND region = ? GROUP BY namespace, name, dimensions",
        (account_id, region),
    )
    return {
        Metric(account_id, region, namespace, name, _dimensions(text)): last_at
        for namespace, name, text, last_at in rows
    }


def series_ids(connection: Connection, after: int, limit: int) -> list[int]:
    """Some series by their ids."""
    rows = _driver(connection).execute(
        "SELECT id FROM metric_series WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
    )
    return [series_id for (series_id,) in rows]


def age(connection: Connection, ids: Iterable[int], now: float) -> None:
    """Roll up what has become old into coarser sets, and forget what has become too old."""
    driver = _driver(connection)
    for series_id in ids:
        for grain, seconds in KEPT.items():
            # A whole coarser set at a time, so that none is rolled up in parts.
            cutoff = int(now - seconds) // HOUR * HOUR
            if grain in _ROLLED_INTO:
                _roll_up(driver, series_id, grain, _ROLLED_INTO[grain], cutoff)
            driver.execute(
                "DELETE FROM metric_data WHERE series_id = ? AND grain = ? AND start < ?",
                (series_id, grain, cutoff),
            )
        driver.execute(
            "DELETE FROM metric_series WHERE id = ? AND last_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM metric_data WHERE series_id = metric_series.id)",
            (series_id, int(now - KEPT[MINUTE])),
        )


def _roll_up(
    driver: sqlite3.Connection, series_id: int, grain: int, coarser: int, cutoff: int
) -> None:
    rows = driver.execute(
        "SELECT start, count, sum, minimum, maximum, buckets FROM metric_data"
        " WHERE series_id = ? AND grain = ? AND start < ?",
        (series_id, grain, cutoff),
    )
    rolled: dict[int, StatisticSet] = {}
    for at, count, total, low, high, buckets in rows:
        values = StatisticSet(count, total, low, high, unpack_buckets(buckets))
        start = at // coarser * coarser
        if start in rolled:
            rolled[start].merge(values)
        else:
            rolled[start] = values
    driver.executemany(
        _ADD, [_values(series_id, coarser, start, values) for start, values in rolled.items()]
    )


def _series_id(driver: sqlite3.Connection, metric: Metric, unit: str, last_at: int) -> int:
    names = (*metric[:4], _text(metric), unit)
    (series_id,) = driver.execute(
        "INSERT INTO metric_series (account_id, region, namespace, name, dimensions, unit, last_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at) RETURNING id",
        (*names, last_at),
    ).fetchone()
    return int(series_id)


def _series_of(
    driver: sqlite3.Connection, metric: Metric, unit: str | None
) -> Iterator[tuple[int, str]]:
    rows = driver.execute(
        f"SELECT id, unit FROM metric_series WHERE {_NAMED}",  # noqa: S608
        (*metric[:4], _text(metric)),
    )
    return ((series_id, its_unit) for series_id, its_unit in rows if unit in (None, its_unit))


def _values(series_id: int, grain: int, start: int, values: StatisticSet) -> tuple[object, ...]:
    summary = (values.count, values.sum, values.minimum, values.maximum)
    return (series_id, grain, start, *summary, values.packed_buckets())


def _text(metric: Metric) -> str:
    return json.dumps(metric.dimensions, separators=(",", ":"))


def _dimensions(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
