"""A full disk is an error for the caller, and leaves nothing half done."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from lambdad.clock import FakeClock
from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore
from lambdad.store.blobs import Blobs
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue
from support.events import claim_all, counts, make_event

pytestmark = pytest.mark.root
LAZY = 2  # MNT_DETACH


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    libc = ctypes.CDLL(None, use_errno=True)
    mounted = libc.mount(b"tmpfs", os.fsencode(tmp_path), b"tmpfs", 0, b"size=1m")
    if mounted != 0:
        reason = f"mounting a tmpfs needs root: {os.strerror(ctypes.get_errno())}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    yield tmp_path
    libc.umount2(os.fsencode(tmp_path), LAZY)


def insert(connection: Connection, number: int, size: int) -> None:
    connection.exec_driver_sql("INSERT INTO rows VALUES (?, ?)", (number, b"x" * size))


def stored(connection: Connection) -> set[int]:
    return set(connection.exec_driver_sql("SELECT number FROM rows").scalars())


async def test_database_refuses_and_keeps_exactly_what_it_acknowledged(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 300_000)
    path = small_disk / "state.db"
    database = Database.open(path)
    await database.write(
        lambda connection: connection.exec_driver_sql("CREATE TABLE rows (number, content)")
    )

    results = [
        result
        for start in range(0, 100, 10)
        for result in await asyncio.gather(
            *(
                database.write(partial(insert, number=n, size=20_000))
                for n in range(start, start + 10)
            ),
            return_exceptions=True,
        )
    ]
    acknowledged = {number for number, result in enumerate(results) if result is None}

    assert 0 < len(acknowledged) < 100
    assert {type(result) for result in results if result is not None} <= {OperationalError}
    assert await database.read(stored) == acknowledged

    filler.unlink()
    await database.write(partial(insert, number=1_000, size=10))
    database.close()
    database = Database.open(path)
    assert await database.read(stored) == acknowledged | {1_000}
    database.close()


async def test_exactly_the_events_that_were_acknowledged_are_there(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 300_000)
    database, clock = Database.open(small_disk / "state.db"), FakeClock()
    queue = await EventQueue.open(database, clock)
    events = [make_event(queue, clock, payload=b"x" * 20_000) for _ in range(60)]

    results = [
        result
        for start in range(0, 60, 10)
        for result in await asyncio.gather(
            *(
                queue.accept(event, is_claimed=event.id % 2 == 0)
                for event in events[start : start + 10]
            ),
            return_exceptions=True,
        )
    ]
    refused = [result for result in results if isinstance(result, BaseException)]
    acknowledged = {e.id for e, r in zip(events, results, strict=True) if r not in refused}

    assert 0 < len(acknowledged) < 60
    assert {type(error) for error in refused} == {OperationalError}
    database.close()
    filler.unlink()
    database = Database.open(small_disk / "state.db")
    queue = await EventQueue.open(database, clock)
    assert {claim.event.id for claim in await claim_all(queue)} == acknowledged
    assert await counts(database) == dict.fromkeys(["claimed", "payloads"], len(acknowledged))
    database.close()


async def test_blob_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    blobs = Blobs.open(small_disk / "blobs")

    with pytest.raises(OSError, match="No space left") as raised:
        await blobs.put(os.urandom(2_000_000))

    assert raised.value.errno == errno.ENOSPC
    assert [path for path in (small_disk / "blobs").rglob("*") if path.is_file()] == []
    digest = await blobs.put(b"small")
    assert await blobs.read(digest) == b"small"


def test_log_lines_wait_in_memory_until_there_is_room(small_disk: Path) -> None:
    filler = small_disk / "filler"
    store = LogStore.open(small_disk / "logs", flush_every=0.01)
    store.append("1", "r", "g", "s", [LogLine(1, "before")])
    store.flush()
    filler.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))

    store.append("1", "r", "g", "s", [LogLine(2, os.urandom(20_000).hex())])
    with pytest.raises(OSError, match="No space left"):
        store.flush()
    store.append("1", "r", "g", "s", [LogLine(3, "after")])
    assert [line.line.timestamp_ms for line in store.read("1", "r", "g")] == [1, 2, 3]

    filler.unlink()
    store.flush()
    store.close()
    store = LogStore.open(small_disk / "logs")
    assert [line.line.timestamp_ms for line in store.read("1", "r", "g")] == [1, 2, 3]
    store.close()
