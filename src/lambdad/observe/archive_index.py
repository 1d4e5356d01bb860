"""The archive's index, in SQLite: its groups and streams, and where the chunks of each group are.

It tells the truth of one moment: everything up to the frame `packed` is in it, and nothing else.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lambdad.errors import SettingsError
from lambdad.observe.catalog import LogGroup, LogStream
from lambdad.observe.frames import GroupKey, MarkKind, StreamKey
from lambdad.observe.segment_index import PlacedMark, SegmentIndex, Span

END_OF_TIME_MS = 2**63 - 1
_READERS = 2
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA journal_size_limit = 4194304;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS packed (id INTEGER PRIMARY KEY CHECK (id = 0), frame INTEGER NOT NULL);
INSERT OR IGNORE INTO packed VALUES (0, 0);
CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
    created_ms INTEGER NOT NULL, stored_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account_id, region, name)
);
CREATE TABLE IF NOT EXISTS streams (
    group_id INTEGER NOT NULL, name TEXT NOT NULL,
    created_ms INTEGER NOT NULL, first_frame INTEGER NOT NULL,
    first_ms INTEGER, last_ms INTEGER, ingestion_ms INTEGER, stored_bytes INTEGER NOT NULL,
    PRIMARY KEY (group_id, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (
    file INTEGER NOT NULL, offset INTEGER NOT NULL,
    index_size INTEGER NOT NULL, body_size INTEGER NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    last_frame INTEGER NOT NULL, group_id INTEGER NOT NULL,
    PRIMARY KEY (file, offset)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunks_by_time ON chunks (group_id, last_ms);
"""
# An index of before groups had their size.
_ADD_SIZES = """
BEGIN;
ALTER TABLE groups ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE groups SET stored_bytes = (
    SELECT ifnull(sum(stored_bytes), 0) FROM streams WHERE group_id = groups.id
);
COMMIT;
"""
_PUT_STREAM = """
INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    first_frame = min(first_frame, excluded.first_frame),
    first_ms = min(ifnull(first_ms, excluded.first_ms), excluded.first_ms),
    last_ms = max(ifnull(last_ms, excluded.last_ms), excluded.last_ms),
    ingestion_ms = excluded.ingestion_ms,
    stored_bytes = stored_bytes + excluded.stored_bytes
"""
_OF_GROUP = """
group_id = (SELECT id FROM groups WHERE account_id = ?1 AND region = ?2 AND name = ?3)
"""
_STREAM = f"""
SELECT name, created_ms, first_frame, first_ms, last_ms, ingestion_ms FROM streams
WHERE {_OF_GROUP}
"""  # noqa: S608
_STREAMS = f"""
{_STREAM} AND name >= ?4 AND name < CAST(?5 AS TEXT)
    AND ifnull(last_ms, ?6) >= ?6 AND ifnull(first_ms, ?7) <= ?7
"""
_FIND_STREAM = f"{_STREAM} AND name = ?4"
_SIZES = """
SELECT name, stored_bytes, (SELECT frame FROM packed) FROM groups
WHERE account_id = ? AND region = ?
"""
_FIND = f"""
SELECT file, offset, index_size, body_size, first_ms, last_ms FROM chunks
WHERE {_OF_GROUP} AND last_ms >= ?4 AND first_ms <= ?5 AND last_frame <= ?6
"""  # noqa: S608
_OF_FILE = """
SELECT file, offset, index_size, body_size, first_ms, last_ms FROM chunks
WHERE file = ? ORDER BY offset
"""


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """Where a chunk is, its token index and its body behind that; and what times it spans."""

    file: int
    offset: int
    index_size: int
    body_size: int
    first_ms: int
    last_ms: int

    @property
    def size(self) -> int:
        return self.index_size + self.body_size


class ArchiveIndex:
    """Every method may be called from any thread. sqlite3.Error when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = _connect(path)
        # Who reads does not wait for the disk to take a change. None is there when it is closed.
        self._readers: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        for _ in range(_READERS):
            self._readers.put(_connect(path))
        try:
            self._connection.executescript(_SCHEMA)
            if "stored_bytes" not in _columns(self._connection, "groups"):
                self._connection.executescript(_ADD_SIZES)
        except sqlite3.Error as error:
            self.close()
            raise SettingsError(f"The log's index {path} cannot be used: {error}.") from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()
        for reader in [self._readers.get() for _ in range(_READERS)]:
            if reader is not None:
                reader.close()
            self._readers.put(None)

    def packed_frame(self) -> int:
        """All frames up to this one are in the archive."""
        return int(self._rows("SELECT frame FROM packed")[0][0])

    def groups(self) -> dict[GroupKey, LogGroup]:
        """All groups."""
        rows = self._rows("SELECT account_id, region, name, created_ms FROM groups")
        return {
            (account_id, region, name): LogGroup(name, created_ms)
            for account_id, region, name, created_ms in rows
        }

    def sizes(self, account_id: str, region: str) -> tuple[int, dict[str, int]]:
        """How many bytes the streams of each group have, by its name, and the frame up to which
        that is so."""
        rows = self._rows(_SIZES, account_id, region)
        return max((frame for _, _, frame in rows), default=0), {name: n for name, n, _ in rows}

    def streams(
        self, group: GroupKey, prefix: str = "", first_ms: int = 0, last_ms: int = END_OF_TIME_MS
    ) -> list[LogStream]:
        """The streams of a group whose names start so: those that have no lines, or that may have
        some between two times."""
        behind = prefix.encode() + b"\xff"  # no letter begins so
        values = (*group, prefix, behind, first_ms, last_ms)
        return [LogStream(*row) for row in self._rows(_STREAMS, *values)]

    def find_streams(self, group: GroupKey, names: Iterable[str]) -> list[LogStream]:
        """Those of the streams with these names that there are."""
        rows = (row for name in names for row in self._rows(_FIND_STREAM, *group, name))
        return [LogStream(*row) for row in rows]

    def find(
        self, group: GroupKey, first_ms: int, last_ms: int, last_frame: int
    ) -> list[ChunkPlace]:
        """The chunks of a group with lines between two times that had arrived by that frame."""
        values = (*group, first_ms, last_ms, last_frame)
        return [ChunkPlace(*row) for row in self._rows(_FIND, *values)]

    def chunks_of(self, file: int) -> list[ChunkPlace]:
        """The chunks of a file, in their order."""
        return [ChunkPlace(*row) for row in self._rows(_OF_FILE, file)]

    def used(self) -> dict[int, int]:
        """How many bytes of each file are chunks."""
        return dict(self._rows("SELECT file, sum(index_size + body_size) FROM chunks GROUP BY 1"))

    def add(self, packed: SegmentIndex, chunks: Iterable[tuple[GroupKey, ChunkPlace, int]]) -> None:
        """A segment was packed: into chunks of these groups, each up to a last frame. Doing it
        again changes nothing."""
        with self._transaction() as connection:
            if connection.execute("SELECT frame FROM packed").fetchone()[0] >= packed.last_frame:
                return
            for placed in packed.marks:
                _apply(connection, placed)
            for key, span in packed.spans.items():
                _put_stream(connection, key, span)
            connection.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (*astuple(place), last_frame, _group_id(connection, group))
                    for group, place, last_frame in chunks
                ],
            )
            connection.execute("UPDATE packed SET frame = max(frame, ?)", (packed.last_frame,))

    def move(self, places: Iterable[tuple[ChunkPlace, ChunkPlace]]) -> None:
        """These chunks were copied to other places."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE chunks SET file = ?, offset = ? WHERE file = ? AND offset = ?",
                [(new.file, new.offset, old.file, old.offset) for old, new in places],
            )

    def forget(self, cutoffs: Mapping[GroupKey, int]) -> None:
        """Chunks and streams with nothing but lines older than their group's time are gone."""
        with self._transaction() as connection:
            for group, cutoff_ms in cutoffs.items():
                id = _group_id(connection, group)
                chunks = "DELETE FROM chunks WHERE group_id = ? AND last_ms < ?"
                connection.execute(chunks, (id, cutoff_ms))
                _remove_streams(connection, id, "last_ms < ?2 AND ingestion_ms < ?2", cutoff_ms)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        connection = self._readers.get()
        try:
            if connection is None:
                raise sqlite3.ProgrammingError("The log's index is closed.")
            return connection.execute(query, values).fetchall()
        finally:
            self._readers.put(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None)


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {name for (name,) in rows}


def _group_id(connection: sqlite3.Connection, group: GroupKey) -> int | None:
    query = "SELECT id FROM groups WHERE account_id = ? AND region = ? AND name = ?"
    found = connection.execute(query, group).fetchone()
    return None if found is None else int(found[0])


def _made_group_id(connection: sqlite3.Connection, group: GroupKey, now_ms: int) -> int:
    connection.execute(
        "INSERT OR IGNORE INTO groups (account_id, region, name, created_ms) VALUES (?, ?, ?, ?)",
        (*group, now_ms),
    )
    id = _group_id(connection, group)
    assert id is not None
    return id


def _apply(connection: sqlite3.Connection, placed: PlacedMark) -> None:
    mark = placed.mark
    if mark.kind is MarkKind.DELETE_GROUP:
        id = _group_id(connection, mark.group)
        connection.execute("DELETE FROM chunks WHERE group_id = ?", (id,))
        connection.execute("DELETE FROM streams WHERE group_id = ?", (id,))
        connection.execute("DELETE FROM groups WHERE id = ?", (id,))
        return
    id = _made_group_id(connection, mark.group, placed.ingestion_ms)
    if mark.kind is MarkKind.DELETE_STREAM:
        _remove_streams(connection, id, "name = ?2", mark.stream)
    elif mark.kind is MarkKind.CREATE_STREAM:
        connection.execute(
            "INSERT OR IGNORE INTO streams VALUES (?, ?, ?, ?, NULL, NULL, NULL, 0)",
            (id, mark.stream, placed.ingestion_ms, placed.frame_id),
        )


def _put_stream(connection: sqlite3.Connection, key: StreamKey, span: Span) -> None:
    stream = (_made_group_id(connection, key[:3], span.first_ingestion_ms), key[3])
    times = (span.first_ms, span.last_ms, span.last_ingestion_ms)
    created = (span.first_ingestion_ms, span.first_frame)
    connection.execute(_PUT_STREAM, (*stream, *created, *times, span.size))
    grown = "UPDATE groups SET stored_bytes = stored_bytes + ? WHERE id = ?"
    connection.execute(grown, (span.size, stream[0]))


def _remove_streams(
    connection: sqlite3.Connection, group_id: int | None, which: str, value: object
) -> None:
    """Of a group those of which `which` is true; it calls the value ?2."""
    removed = connection.execute(
        f"DELETE FROM streams WHERE group_id = ?1 AND {which} RETURNING stored_bytes",  # noqa: S608
        (group_id, value),
    ).fetchall()
    if removed:
        shrunk = "UPDATE groups SET stored_bytes = stored_bytes - ? WHERE id = ?"
        connection.execute(shrunk, (sum(size for (size,) in removed), group_id))
