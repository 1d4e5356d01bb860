"""Metrics: every value by series and time, as the journal gathers it and as the tables keep it.

Values are kept in sets of a minute, or of a second if they were told at high resolution too; as
they get older, in coarser ones (see model/metric.py). Reading adds up what is settled and what is
not, so a value is seen as soon as the journal has collected it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambdad.clock import Clock
from lambdad.model.embedded_metrics import GREATEST, MARK, embedded_metrics
from lambdad.model.function_metric import FunctionMetric, metrics_of
from lambdad.model.lines import Lines
from lambdad.model.metric import FIVE_MINUTES, HOUR, KEPT, MINUTE, SECOND, Metric
from lambdad.model.metric_filter import MetricFilter, metric_data
from lambdad.model.statistic_set import StatisticSet
from lambdad.observe.book import Book
from lambdad.observe.frames import GroupKey, StreamKey
from lambdad.observe.journal import Journal
from lambdad.store import metric_rows
from lambdad.store.database import Connection, Database

_log = logging.getLogger(__name__)

Key = Metric | FunctionMetric
Filters = Callable[[], Sequence[MetricFilter]]

AGE_EVERY = 3600.0
MAX_AGE_MS, MAX_AHEAD_MS = 14 * 86_400_000, 2 * HOUR * 1000  # of what a log line tells
_SERIES_AT_ONCE = 200  # of which old values are rolled up in one transaction


@dataclass(slots=True)
class Points:
    """Statistic sets of one metric by unit, grain and start."""

    sets: dict[tuple[str, int, int], StatisticSet] = field(default_factory=dict)

    def at(self, unit: str, grain: int, start: int) -> StatisticSet:
        """The set of this unit, grain and start, to be added to."""
        found = self.sets.get((unit, grain, start))
        if found is None:
            found = self.sets[unit, grain, start] = StatisticSet()
        return found

    def add(self, unit: str, at: int, value: float, *, is_high_resolution: bool = False) -> None:
        """Take in a value of this time (seconds since the epoch)."""
        self.at(unit, MINUTE, at // MINUTE * MINUTE).add(value)
        if is_high_resolution:
            self.at(unit, SECOND, at).add(value)

    def merge(self, other: Points) -> None:
        for place, values in other.sets.items():
            self.at(*place).merge(values)

    def copy(self) -> Points:
        return Points({place: values.copy() for place, values in self.sets.items()})


Datapoints = dict[int, StatisticSet]  # by the start of their period


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which values: from `start` on and before `end`, in periods from `start` on, of one unit or
    of all. Times are seconds since the epoch. Percentiles need the distribution (`with_buckets`).
    """

    metric: Metric
    unit: str | None
    start: int
    end: int
    period: int
    with_buckets: bool = False


class MetricStore:
    """The metrics of a node."""

    def __init__(
        self, journal: Journal, database: Database, clock: Clock, filters: Filters = tuple
    ) -> None:
        self._filters = filters
        self._journal = journal
        self._book: Book[Key, Metric, Points] = journal.add(
            Book("metrics", expand=_expand, encode=_encode, decode=_decode, write=_write),
            read_lines=self._read_lines,
        )
        self._database = database
        self._clock = clock

    def _read_lines(
        self, lines_by_stream: Mapping[StreamKey, Lines], entries: dict[Key, Points]
    ) -> None:
        read_embedded_metrics(lines_by_stream, entries)
        apply_filters(self._filters(), lines_by_stream, entries)

    def points(self, key: Key) -> Points:
        """What gathers of a metric; only while the journal's lock is held."""
        gathered = self._book.gathered.get(key)
        if gathered is None:
            gathered = self._book.gathered[key] = Points()
        return gathered

    async def read(self, wanted: Wanted) -> dict[str, Datapoints]:
        """The values of one metric, by unit."""
        return (await self.read_all([wanted]))[0]

    async def read_all(self, wanted: Sequence[Wanted]) -> list[dict[str, Datapoints]]:
        """The values of several metrics, each by unit, at one moment."""
        now = self._clock.now()

        def look() -> list[tuple[Points | None, Points | None]]:
            return [self._book.open_figures_of(each.metric) for each in wanted]

        def read(
            connection: Connection,
            opened: list[tuple[Points | None, Points | None]],
            has_settled: bool,
        ) -> list[dict[str, Datapoints]]:
            return [
                _read(connection, each, now, [None if has_settled else settling, unsettled])
                for each, (settling, unsettled) in zip(wanted, opened, strict=True)
            ]

        return await self._journal.read(look, read)

    async def metrics(self, account_id: str, region: str) -> dict[Metric, int]:
        """Every metric there, with the start of its youngest minute."""
        place = (account_id, region)

        def read(
            connection: Connection, opened: list[tuple[Metric, int]], _: bool
        ) -> dict[Metric, int]:
            found = metric_rows.read_metrics(connection, account_id, region)
            for metric, youngest in opened:
                found[metric] = max(found.get(metric, 0), youngest)
            return found

        return await self._journal.read(
            lambda: self._book.look_at_open(lambda metric: metric[:2] == place, _youngest), read
        )

    async def age_forever(self, every: float = AGE_EVERY) -> None:
        """Roll up and forget what gets old, a few series at a time."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.age()
            except Exception as error:  # whatever the database says: it is tried again
                _log.error("Old metrics cannot be rolled up yet: %s", error)

    async def age(self) -> None:
        """Roll up and forget what is old now."""
        now, last = self._clock.now(), 0
        while ids := await self._database.read(
            partial(metric_rows.series_ids, after=last, limit=_SERIES_AT_ONCE)
        ):
            await self._database.write(partial(metric_rows.age, ids=ids, now=now))
            last = ids[-1]


def _read(
    connection: Connection, wanted: Wanted, now: float, opened: Sequence[Points | None]
) -> dict[str, Datapoints]:
    grain = _grain(now - wanted.start, wanted.period)
    rows = []
    # What is old is in coarser sets alone, and each value in one: seconds stand beside minutes.
    for each in (SECOND,) if grain == SECOND else (MINUTE, FIVE_MINUTES, HOUR):
        rows += metric_rows.read_rows(
            connection,
            wanted.metric,
            wanted.unit,
            each,
            wanted.start,
            wanted.end,
            with_buckets=wanted.with_buckets,
        )
    for points in opened:
        if points is not None:
            rows += _open_rows(points, wanted, grain)
    return _datapoints(rows, wanted.start, wanted.period)


def _youngest(points: Points) -> int:
    return max(start for _, _, start in points.sets)


def _grain(age: float, period: int) -> int:
    """The coarsest sets that a period is made of, and that are still there after `age` seconds."""
    for grain in (SECOND, MINUTE, FIVE_MINUTES):
        if age <= KEPT[grain] and (grain > SECOND or period % MINUTE):
            return grain
    return HOUR


def read_embedded_metrics(
    lines_by_stream: Mapping[StreamKey, Lines], entries: dict[Key, Points]
) -> None:
    """Add the metrics that log lines tell in the Embedded Metric Format."""
    for (account_id, region, _, _), lines in lines_by_stream.items():
        for line in lines.containing(MARK):
            for datum in embedded_metrics(line.message):
                if not -MAX_AGE_MS <= datum.timestamp_ms - line.timestamp_ms <= MAX_AHEAD_MS:
                    continue
                metric = Metric(account_id, region, datum.namespace, datum.name, datum.dimensions)
                points = entries.setdefault(metric, Points())
                for value in datum.values:
                    points.add(
                        datum.unit,
                        datum.timestamp_ms // 1000,
                        value,
                        is_high_resolution=datum.is_high_resolution,
                    )


def apply_filters(
    filters: Iterable[MetricFilter],
    lines_by_stream: Mapping[StreamKey, Lines],
    entries: dict[Key, Points],
) -> None:
    """Add the metrics that filters make of the lines of their groups."""
    by_group: dict[GroupKey, list[MetricFilter]] = {}
    for each in filters:
        by_group.setdefault((each.account_id, each.region, each.log_group), []).append(each)
    for key, lines in lines_by_stream.items():
        for datum in metric_data(by_group.get(key[:3], ()), lines) if by_group else ():
            if abs(datum.value) > GREATEST:
                continue
            metric = Metric(*key[:2], datum.namespace, datum.name, datum.dimensions)
            points = entries.setdefault(metric, Points())
            points.add(datum.unit, datum.timestamp_ms // 1000, datum.value)


def _open_rows(
    points: Points, wanted: Wanted, grain: int
) -> Iterator[tuple[int, StatisticSet, str]]:
    """What is not settled, which has seconds and minutes alone."""
    finer = min(grain, MINUTE)
    for (unit, its_grain, at), values in points.sets.items():
        if its_grain == finer and wanted.start <= at < wanted.end and wanted.unit in (None, unit):
            yield at, values, unit


def _datapoints(
    rows: Iterable[tuple[int, StatisticSet, str]], origin: int, period: int
) -> dict[str, Datapoints]:
    by_unit: dict[str, Datapoints] = {}
    for at, values, unit in rows:
        sets = by_unit.setdefault(unit, {})
        start = origin + (at - origin) // period * period
        if start in sets:
            sets[start].merge(values)
        else:
            sets[start] = values
    return by_unit


def _expand(entries: Iterable[tuple[Key, Points]]) -> Iterator[tuple[Metric, Points]]:
    for key, points in entries:
        if isinstance(key, Metric):
            yield key, points
        else:
            for metric in metrics_of(key):
                yield metric, points


def _encode(entries: Iterable[tuple[Key, Points]]) -> Any:
    return [
        [
            isinstance(key, Metric),
            key,
            [
                [*place, values.count, values.sum, values.minimum, values.maximum, _pairs(values)]
                for place, values in points.sets.items()
            ],
        ]
        for key, points in entries
    ]


def _decode(written: Any) -> Iterator[tuple[Key, Points]]:
    for is_metric, key, sets in written:
        points = Points()
        for unit, grain, start, count, total, low, high, buckets in sets:
            known = None if buckets is None else {int(n): times for n, times in buckets}
            points.sets[unit, grain, start] = StatisticSet(count, total, low, high, known)
        if is_metric:
            *names, pairs = key
            yield Metric._make([*names, tuple((name, value) for name, value in pairs)]), points
        else:
            yield FunctionMetric._make(key), points


def _pairs(values: StatisticSet) -> list[tuple[int, float]] | None:
    return None if values.buckets is None else list(values.buckets.items())


def _write(connection: Connection, entries: Mapping[Metric, Points]) -> None:
    metric_rows.add_rows(connection, {metric: each.sets for metric, each in entries.items()})
