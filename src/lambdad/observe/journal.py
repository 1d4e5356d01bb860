"""The journal: all books kept together, in the frames in which log lines reach the disk.

What happened in one stretch of time, lines and figures alike, is in one frame: kill -9 loses all of
its last part or nothing of it. Now and then the books are settled: their figures go to the
database, in one transaction with the number of the last frame that they were taken from, and a
start replays the frames behind that one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lambdad.model.lines import Lines
from lambdad.observe.backlog import MakeRecords, PendingFrame
from lambdad.observe.book import Book, Figures
from lambdad.observe.frames import StreamKey
from lambdad.observe.log_store import LogStore
from lambdad.store.database import Connection, Database
from lambdad.store.settled_frames import read_settled_frame, write_settled_frame

SETTLE_EVERY = 60.0
SETTLE_AT = 50_000  # keys: what is unsettled is in memory

T = TypeVar("T")
C = TypeVar("C")
G = TypeVar("G")
K = TypeVar("K")
V = TypeVar("V", bound=Figures)
ReadLines = Callable[[Mapping[StreamKey, Lines], dict[G, V]], None]

_log = logging.getLogger(__name__)


class Journal:
    """Books are added before it is opened. `collect` is for the log store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._books: dict[str, Book[Any, Any, Any]] = {}
        self._read_lines: dict[str, ReadLines[Any, Any]] = {}
        self._frame = 0  # the last one that the books' figures are in
        self._settling_frame = 0  # of what is being settled, or was settled last
        self._is_settling = False
        self._lock = threading.Lock()  # a frame's figures are in all books, or in none yet

    def add(self, book: Book[G, K, V], read_lines: ReadLines[G, V] | None = None) -> Book[G, K, V]:
        """Keep this book too. `read_lines` adds what a frame's log lines say of its figures."""
        self._books[book.name] = book
        if read_lines is not None:
            self._read_lines[book.name] = read_lines
        return book

    async def read(self, look: Callable[[], C], query: Callable[[Connection, C, bool], T]) -> T:
        """What `query` makes of the tables and of what is not in them, which `look` copies. It is
        told whether the tables have what was being settled when `look` was called."""
        while True:
            frame, copied = self._settling_frame, look()

            def run(connection: Connection, frame: int = frame, copied: C = copied) -> list[T]:
                settled = read_settled_frame(connection)
                if settled > frame:  # what was copied as unsettled is in the tables by now
                    return []
                return [query(connection, copied, settled == frame)]

            for found in await self._database.read(run):
                return found

    def collect(self) -> MakeRecords:
        """Take what the books have gathered, quickly, as the log store's lock is held; what this
        returns makes the records of that frame, outside of the lock."""
        collected = {name: book.collect() for name, book in self._books.items()}
        return lambda frame: self._keep(frame, collected)

    async def open(self, store: LogStore) -> None:
        """Replay what is not settled."""
        settled = await self._database.read(read_settled_frame)
        self._frame = self._settling_frame = settled
        await asyncio.to_thread(self._replay, store, settled)
        store.settled(settled)

    async def settle(self, store: LogStore) -> None:
        """Bring the books' figures to the database; raises what the disk or the database says,
        after which everything is as before."""
        if not self._is_settling:
            await asyncio.to_thread(store.flush)  # so that what has gathered is collected
            self._begin_settling()
        await asyncio.to_thread(store.flush)
        await self._database.write(self._write)
        for book in self._books.values():
            book.end_settling()
        self._is_settling = False
        store.settled(self._settling_frame)

    async def settle_forever(self, store: LogStore, every: float = SETTLE_EVERY) -> None:
        """Settle now and then, and when there is much to settle."""
        while True:
            await self._until_due(every)
            try:
                await self.settle(store)
            except Exception as error:  # whatever the database says: it is tried again
                _log.error("Metrics and usage cannot be settled yet: %s", error)

    async def _until_due(self, every: float) -> None:
        due = asyncio.get_running_loop().time() + every
        while (left := due - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, 1.0))
            if max(map(len, self._books.values()), default=0) > SETTLE_AT:
                return

    def _begin_settling(self) -> None:
        with self._lock:
            self._settling_frame = self._frame
            for book in self._books.values():
                book.begin_settling()
        self._is_settling = True

    def _keep(self, frame: PendingFrame, collected: dict[str, dict[Any, Any]]) -> bytes:
        lines = frame.joined()
        for name, read_lines in self._read_lines.items():
            read_lines(lines, collected[name])
        told = {name: entries for name, entries in collected.items() if entries}
        if not told:
            return b""
        with self._lock:
            self._frame = frame.frame_id
            records = {name: self._books[name].keep(entries) for name, entries in told.items()}
        return json.dumps(records, separators=(",", ":")).encode()

    def _replay(self, store: LogStore, settled: int) -> None:
        for frame_id, records in store.records(settled):
            for name, written in json.loads(records).items():
                if name in self._books:
                    self._books[name].replay(written)
            self._frame = frame_id

    def _write(self, connection: Connection) -> None:
        for book in self._books.values():
            book.settle(connection)
        write_settled_frame(connection, self._settling_frame)
