"""Log lines of all streams: appended in memory at once, on disk within half a second.

    append ──▶ backlog ──▶ flushing thread ──▶ segments          (see segments.py, frames.py)
    read  ◀── backlog and segments together, in order            (see reading.py)

A killed process loses at most what came in since the last flush. Reading goes on while lines are
written; it takes a snapshot under the lock and does its work outside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from lambdad.clock import Clock, SystemClock
from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.observe.backlog import LIMIT, Backlog, MakeRecords
from lambdad.observe.catalog import Catalog, LogGroup, LogStream
from lambdad.observe.flusher import Flusher
from lambdad.observe.frames import GroupKey, Mark, MarkKind, StreamKey, stored_size
from lambdad.observe.reading import Query, in_order, pending_source, segment_source
from lambdad.observe.scanning import Extent
from lambdad.observe.segment_index import Span
from lambdad.observe.segments import SEGMENT_SIZE, Segments

FLUSH_EVERY = 0.5
PRESSURE = 16 * 1024 * 1024

END_OF_TIME = Position(2**63 - 1)


class LogStore:
    """The log groups and streams of a node. Every method may be called from any thread."""

    def __init__(
        self,
        segments: Segments,
        *,
        flush_every: float = FLUSH_EVERY,
        backlog_limit: int = LIMIT,
        clock: Clock | None = None,
        collect: Callable[[], MakeRecords] | None = None,
    ) -> None:
        self._segments = segments
        self._clock = clock or SystemClock()
        self._lock = threading.Condition()
        self._backlog = Backlog(segments.last_frame + 1, limit=backlog_limit)
        self._flusher = Flusher(
            self._backlog, segments, self._lock, every=flush_every, collect=collect
        )
        self._catalog = Catalog()
        for segment in segments:
            self._catalog.absorb(segment.index)

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        flush_every: float = FLUSH_EVERY,
        segment_size: int = SEGMENT_SIZE,
        backlog_limit: int = LIMIT,
        clock: Clock | None = None,
        collect: Callable[[], MakeRecords] | None = None,
    ) -> Self:
        """Open the segments of `directory`, cut a torn end, and start the flushing thread.

        `collect` takes, while the store's lock is held, what the journal has gathered; what it
        returns makes the records of a frame of it, which are on disk when the frame's lines are.
        """
        segments = Segments.open(directory, segment_size=segment_size)
        store = cls(
            segments,
            flush_every=flush_every,
            backlog_limit=backlog_limit,
            clock=clock,
            collect=collect,
        )
        store._flusher.start()
        return store

    @property
    def dropped_lines(self) -> int:
        """How many lines were dropped because the disk refused them for too long."""
        return self._backlog.dropped_lines

    def append(
        self,
        account_id: str,
        region: str,
        group: str,
        stream: str,
        lines: Sequence[LogLine],
        also: Callable[[], None] | None = None,
    ) -> None:
        """Add lines to a stream, which comes to be if it is not there. Never waits for a disk.
        `also` writes down in the journal's books what belongs to these lines."""
        if not lines:
            return
        key = (account_id, region, group, stream)
        size = stored_size(lines)
        times = [line.timestamp_ms for line in lines]
        first_ms, last_ms = (times[0], times[0]) if len(times) == 1 else (min(times), max(times))
        now_ms = self._now_ms()
        with self._lock:
            was_empty = not self._backlog
            frame = self._backlog.append(key, lines, size, now_ms)
            arrived_ms = frame.ingestion_ms
            span = Span(frame.frame_id, first_ms, last_ms, arrived_ms, arrived_ms, size)
            self._catalog.record(key, span)
            if also is not None:
                also()
            if was_empty:
                self._lock.notify_all()
        if frame.size >= self._backlog.frame_size:
            self._flusher.hurry()

    def note(self, also: Callable[[], None]) -> None:
        """Write something down in the journal's books, without lines. Never waits for a disk."""
        with self._lock:
            was_empty = not self._backlog
            also()
            self._backlog.note(self._now_ms())
            if was_empty:
                self._lock.notify_all()

    def before_flush(self, run: Callable[[], None]) -> None:
        """Have something done by the flushing thread each time before it writes: who appends then
        has had no more of it on the way of an invocation than a note. It must not raise."""
        self._flusher.prepare = run

    @property
    def last_frame(self) -> int:
        """The youngest frame there is."""
        return self._backlog.last_frame

    def records(self, after_frame: int) -> Iterator[tuple[int, bytes]]:
        """The journal's records of the frames on disk behind this one, the oldest first."""
        with self._lock:
            segments = [each for each in self._segments if each.index.last_frame > after_frame]
        for segment in segments:
            for frame in segment.headers():
                offset, size = frame.header.records
                if frame.header.frame_id > after_frame and size:
                    body = segment.body(frame)
                    if body is not None:
                        yield frame.header.frame_id, body[offset : offset + size]

    def settled(self, frame_id: int) -> None:
        """The records up to this frame are elsewhere now, and never asked for again."""
        with self._lock:
            self._backlog.begin_after(frame_id)

    @property
    def pending_bytes(self) -> int:
        """How much is not on disk yet."""
        return self._backlog.size

    def pressure(self) -> bool:
        """Whether so much is unflushed that the caller must stop reading its pipes.

        False while the disk refuses: waiting would not help, so lines are dropped instead.
        """
        return self._backlog.size > PRESSURE and not self._flusher.is_failing

    def create_group(self, account_id: str, region: str, group: str) -> None:
        self._mark(Mark(MarkKind.CREATE_GROUP, (account_id, region, group)))

    def create_stream(self, account_id: str, region: str, group: str, stream: str) -> None:
        self._mark(Mark(MarkKind.CREATE_STREAM, (account_id, region, group), stream))

    def delete_group(self, account_id: str, region: str, group: str) -> None:
        self._mark(Mark(MarkKind.DELETE_GROUP, (account_id, region, group)))

    def delete_stream(self, account_id: str, region: str, group: str, stream: str) -> None:
        self._mark(Mark(MarkKind.DELETE_STREAM, (account_id, region, group), stream))

    def groups(self, account_id: str, region: str, prefix: str = "") -> list[LogGroup]:
        """Copies of the groups whose names start so, sorted by name."""
        with self._lock:
            groups = self._catalog.groups(account_id, region)
            found = [replace(group) for group in groups if group.name.startswith(prefix)]
        return sorted(found, key=lambda group: group.name)

    def find_group(self, account_id: str, region: str, group: str) -> LogGroup | None:
        """A copy of the group; None if there is none."""
        with self._lock:
            found = self._catalog.find((account_id, region, group))
            return None if found is None else replace(found)

    def streams(
        self, account_id: str, region: str, group: str, prefix: str = ""
    ) -> list[LogStream]:
        """Copies of the streams whose names start so, sorted by name; none without the group."""
        with self._lock:
            streams = self._catalog.streams((account_id, region, group))
            found = [replace(stream) for stream in streams if stream.name.startswith(prefix)]
        return sorted(found, key=lambda stream: stream.name)

    def find_stream(
        self, account_id: str, region: str, group: str, stream: str
    ) -> LogStream | None:
        """A copy of the stream; None if there is none."""
        with self._lock:
            found = self._catalog.find_stream((account_id, region, group, stream))
            return None if found is None else replace(found)

    def read(
        self,
        account_id: str,
        region: str,
        group: str,
        streams: Collection[str] | None = None,
        start_ms: int = 0,
        end_ms: int | None = None,
        *,
        since: Position | None = None,
        until: Position | None = None,
        newest_first: bool = False,
    ) -> Iterator[StoredLine]:
        """The lines of some streams (or all) in order, unflushed ones included.

        From `start_ms` on and before `end_ms`, and from the place `since` on and before `until`.
        Iterating reads from disk: do it on a thread.
        """
        key = (account_id, region, group)
        lower = max(Position(start_ms), since or Position(0))
        upper = min(END_OF_TIME if end_ms is None else Position(end_ms), until or END_OF_TIME)
        with self._lock:
            query = Query(self._first_frames(key, streams), lower, upper)
            found = [segment_source(query, segment) for segment in self._segments]
            found += [pending_source(query, frame) for frame in self._backlog]
        sources = [source for source in found if source is not None]
        return in_order(sources, newest_first=newest_first)

    def extent(
        self, account_id: str, region: str, groups: Iterable[str], start_ms: int, end_ms: int
    ) -> Extent:
        """What another process must know to read the lines of these groups from the disk (see
        scanning.py), where they all are when this returns. Call it on a thread."""
        self.flush()
        streams: dict[StreamKey, int] = {}
        with self._lock:
            for group in groups:
                streams |= self._first_frames((account_id, region, group), None)
            paths = [
                segment.path
                for segment in self._segments
                if any(
                    segment.index.spans[key].overlaps(start_ms, end_ms)
                    for key in segment.index.spans.keys() & streams.keys()
                )
            ]
        return Extent(tuple(paths), streams, start_ms, end_ms)

    def flush(self) -> None:
        """Return when all that was appended is on disk; raises OSError if the disk refuses."""
        self._flusher.flush()

    def close(self) -> None:
        """Bring everything to disk and stop."""
        self._flusher.stop()

    def _mark(self, mark: Mark) -> None:
        now_ms = self._now_ms()
        with self._lock:
            frame = self._backlog.mark(mark, now_ms)
            self._catalog.apply(mark, frame.frame_id, now_ms)
            self._lock.notify_all()

    def _first_frames(self, key: GroupKey, streams: Collection[str] | None) -> dict[StreamKey, int]:
        return {
            (*key, stream.name): stream.first_frame
            for stream in self._catalog.streams(key)
            if streams is None or stream.name in streams
        }

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
