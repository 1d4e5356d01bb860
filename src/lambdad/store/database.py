"""One SQLite file: one writer thread with group commit, and readers that never wait for it.

    write(change) ──▶ queue ──▶ writer thread:  BEGIN IMMEDIATE
                                                SAVEPOINT change RELEASE   for each waiting change
                                                COMMIT (one fsync for all)
                      ◀── futures resolved ──── on their event loops
    read(query) ───▶ reader threads, each query on one snapshot

A change is a function of the connection. It runs on the writer thread, perhaps beside others in one
transaction, so it touches nothing but the connection.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from lambdad.errors import PlatformError, SettingsError
from lambdad.store.schema import migrate

MAX_CHANGES_PER_COMMIT = 512
READERS = 2
BUSY_TIMEOUT_MS = 5_000

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Write:
    """A change that waits for its commit, and what became of it."""

    change: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any] = field(init=False)
    result: Any = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.future = self.loop.create_future()

    def settle(self) -> None:
        if self.future.done():  # the caller was cancelled and no longer listens
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@dataclass(slots=True)
class Commits:
    """How the writer has done so far."""

    count: int = 0
    seconds: float = 0.0
    waiting: int = 0  # changes that wait now


class Database:
    """The durable state of one node. `open` it, `write` and `read`, `close` it."""

    def __init__(self, path: Path) -> None:
        self._write_engine = _engine(path, begin="BEGIN IMMEDIATE", read_only=False)
        self._read_engine = _engine(path, begin="BEGIN", read_only=True)
        self._connection = self._write_engine.connect()
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._commit_writes, name="lambdad-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="lambdad-reader")
        self._closed = False
        self._commits = Commits()

    @property
    def commits(self) -> Commits:
        """How many commits there were, and how long they took."""
        return replace(self._commits, waiting=self._writes.qsize())

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, creating or migrating it; raises SettingsError if that cannot be."""
        try:
            database = cls(path)
        except DBAPIError as error:
            raise SettingsError(f"The database {path} cannot be opened: {error.orig}.") from error
        try:
            migrate(database._connection)
        except DBAPIError as error:
            database._dispose()
            raise SettingsError(f"The database {path} cannot be used: {error.orig}.") from error
        except SettingsError:
            database._dispose()
            raise
        database._writer.start()
        return database

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run `change` and return its result once the commit that contains it is on disk.

        An exception in the change undoes that change alone and is raised here; so is a commit that
        the disk refuses. A caller that is cancelled loses only the answer: the change is made.
        """
        if self._closed:
            raise PlatformError("The database is closed.")
        write = _Write(change, asyncio.get_running_loop())
        self._writes.put(write)
        result: T = await write.future
        return result

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` on a snapshot of everything committed so far."""
        if self._closed:
            raise PlatformError("The database is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._run_query, query)

    def close(self) -> None:
        """Commit what was handed in, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._writes.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._dispose()

    def _run_query(self, query: Callable[[Connection], T]) -> T:
        with self._read_engine.connect() as connection, connection.begin():
            return query(connection)

    def _commit_writes(self) -> None:
        while True:
            batch, is_last = self._next_batch()
            self._commit(batch)
            for write in batch:
                try:
                    write.loop.call_soon_threadsafe(write.settle)
                except RuntimeError:  # that event loop is closed: nobody waits any more
                    pass
            if is_last:
                return

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for a change and take all that are there; the flag says that `close` was called."""
        batch: list[_Write] = []
        write = self._writes.get()
        while write is not None:
            batch.append(write)
            if len(batch) == MAX_CHANGES_PER_COMMIT or self._writes.empty():
                return batch, False
            write = self._writes.get()
        return batch, True

    def _commit(self, batch: list[_Write]) -> None:
        if not batch:
            return
        began = time.monotonic()
        try:
            with self._connection.begin():
                for write in batch:
                    self._apply(write)
        except Exception as error:  # begin or commit failed: nothing of the batch is on disk
            for write in batch:
                write.error = write.error or error
        self._commits.count += 1
        self._commits.seconds += time.monotonic() - began

    def _apply(self, write: _Write) -> None:
        # Said to the driver, since Connection.begin_nested costs fifty times as much.
        driver = self._driver()
        driver.execute("SAVEPOINT change")
        try:
            write.result = write.change(self._connection)
        except Exception as error:
            # A full disk or a failing one makes SQLite undo the whole transaction. To go on would
            # run the next changes outside of any, so all of them fail.
            if not driver.in_transaction:
                raise
            write.error = error
            driver.execute("ROLLBACK TO SAVEPOINT change")
        driver.execute("RELEASE SAVEPOINT change")

    def _driver(self) -> sqlite3.Connection:
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver

    def _dispose(self) -> None:
        self._connection.close()
        self._read_engine.dispose()
        self._write_engine.dispose()


def _engine(path: Path, *, begin: str, read_only: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), pool_size=READERS, hide_parameters=True
    )

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin as written here, not by the driver
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


__all__ = ["Commits", "Connection", "Database"]
