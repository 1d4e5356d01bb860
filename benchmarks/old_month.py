"""What a month leaves behind of a server whose functions were busy: lines in streams of their
environments, metrics by the minute and, of what is older than 15 days, by five minutes, and usage
by day. Only the time does not pass."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.old_lines import give_to_the_server
from lambdad.clock import FakeClock
from lambdad.model.log_line import LogLine
from lambdad.model.metric import FIVE_MINUTES, KEPT, MINUTE, Metric, dimensions_of
from lambdad.model.statistic_set import StatisticSet
from lambdad.model.usage import Usage, UsageKey
from lambdad.observe import segments
from lambdad.observe.log_store import LogStore
from lambdad.store.database import Database
from lambdad.store.metric_rows import add_rows
from lambdad.store.usage_rows import add_usage

_PLACE = ("000000000000", "us-east-1")
_DAYS = 30
_DAY = 86_400
_FUNCTIONS = 10
_METRICS = ("Invocations", "Errors", "Duration", "Throttles", "ConcurrentExecutions")


def write_old_month(home: Path, lines: int, streams: int) -> None:
    """Write so many lines in so many streams, and the figures, of a month that ends now, for a
    server that has been started there and stopped."""
    now = time.time()
    _write_lines(home / "logs", lines, streams, now - _DAYS * _DAY)
    asyncio.run(_write_figures(home / "state.db", int(now)))


def _write_lines(directory: Path, count: int, streams: int, since: float) -> None:
    """A stream after another, each of an environment that lived a while."""
    chance = random.Random(1)
    clock = FakeClock(since)
    store = LogStore.open(directory, flush_every=_DAYS * _DAY, clock=clock)
    force, segments.force_to_disk = segments.force_to_disk, lambda descriptor: None
    try:
        for number in range(streams):
            clock.advance(_DAYS * _DAY / streams)
            store.append(*_PLACE, *_stream(chance, clock), _lines(chance, clock, count // streams))
            store.flush()
            if number % segments.MAX_FRAMES == 0:
                store.pack()
        store.pack()
    finally:
        segments.force_to_disk = force
        store.close()
    give_to_the_server(directory)


def _stream(chance: random.Random, clock: FakeClock) -> tuple[str, str]:
    day = f"{datetime.fromtimestamp(clock.now(), UTC):%Y/%m/%d}"
    group = f"/aws/lambda/shop-{chance.randrange(_FUNCTIONS)}"
    return group, f"{day}/[$LATEST]{chance.getrandbits(128):032x}"


def _lines(chance: random.Random, clock: FakeClock, count: int) -> list[LogLine]:
    at_ms = int(clock.now() * 1000)
    return [
        LogLine(
            at_ms,
            f"INFO request {chance.getrandbits(128):032x} took {chance.randrange(1000)} ms, "
            f"order {chance.randrange(100_000)} was taken, paid for and sent",
        )
        for _ in range(count)
    ]


async def _write_figures(path: Path, now: int) -> None:
    database = Database.open(path)
    try:
        for metric in _metrics():
            sets = dict(_sets(now))
            await database.write(partial(add_rows, rows={metric: sets}))
        await database.write(partial(add_usage, entries=dict(_usage(now))))
    finally:
        database.close()


def _metrics() -> Iterator[Metric]:
    for name in _METRICS:
        yield Metric(*_PLACE, "AWS/Lambda", name)
        for number in range(_FUNCTIONS):
            function = {"FunctionName": f"shop-{number}"}
            for pairs in (function, {**function, "Resource": f"shop-{number}"}):
                yield Metric(*_PLACE, "AWS/Lambda", name, dimensions_of(pairs))


def _sets(now: int) -> Iterator[tuple[tuple[str, int, int], StatisticSet]]:
    """Of one metric."""
    values = StatisticSet()
    for value in (1.0, 2.0, 3.0):
        values.add(value)
    for at in range(now - KEPT[MINUTE], now, MINUTE):
        yield ("Count", MINUTE, at // MINUTE * MINUTE), values
    for at in range(now - _DAYS * _DAY, now - KEPT[MINUTE], FIVE_MINUTES):
        yield ("Count", FIVE_MINUTES, at // FIVE_MINUTES * FIVE_MINUTES), values


def _usage(now: int) -> Iterator[tuple[UsageKey, Usage]]:
    """By day, of every function and some of its versions."""
    for at in range(now - _DAYS * _DAY, now, _DAY):
        day = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
        for number in range(_FUNCTIONS):
            for version in ("$LATEST", "1", "2"):
                kind = (version, day, 1769, 512, "x86_64", "on-demand")
                yield UsageKey(*_PLACE, f"shop-{number}", *kind), Usage(1000, 1, 12_000)
