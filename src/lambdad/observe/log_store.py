"""Log lines of all streams: appended in memory at once, on disk within half a second.

    append ──▶ backlog ──flusher──▶ segments ──packer──▶ archive     (see frames.py, chunks.py)
    read  ◀── backlog, segments and archive together, in order       (see reading.py)

A killed process loses at most what came in since the last flush. Reading goes on while lines are
written and moved; it takes a snapshot under the lock and does its work outside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from lambdad.clock import Clock, SystemClock
from lambdad.model.lines import Lines
from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.observe.archive import Archive
from lambdad.observe.archive_index import END_OF_TIME_MS
from lambdad.observe.arrivals import Arrival, arrivals
from lambdad.observe.backlog import LIMIT, Backlog, MakeRecords
from lambdad.observe.catalog import Catalog, LogGroup, LogStream
from lambdad.observe.flusher import Flusher
from lambdad.observe.frames import GroupKey, Mark, MarkKind, StreamKey
from lambdad.observe.open_file import link_in
from lambdad.observe.packer import Packer
from lambdad.observe.query import Query
from lambdad.observe.reading import chunk_source, in_order, pending_sources, segment_source
from lambdad.observe.scanning import Extent
from lambdad.observe.segment_index import Span
from lambdad.observe.segments import SEGMENT_SIZE, Segments

FLUSH_EVERY = 0.5
PRESSURE = 16 * 1024 * 1024
END_OF_TIME = Position(END_OF_TIME_MS)
SEGMENT_AGE_MS = 3_600_000  # an older segment goes to the archive, however little is in it


class LogStore:
    """The log groups and streams of a node. Every method may be called from any thread."""

    def __init__(
        self,
        segments: Segments,
        archive: Archive,
        *,
        flush_every: float = FLUSH_EVERY,
        backlog_limit: int = LIMIT,
        clock: Clock | None = None,
        collect: Callable[[], MakeRecords] | None = None,
    ) -> None:
        self._segments = segments
        self._clock = clock or SystemClock()
        mutex = threading.RLock()
        self._lock = threading.Condition(mutex)
        self._archive = archive
        self._catalog = Catalog(archive.groups())
        for segment in segments:
            self._catalog.absorb(segment.index)
        last_frame = max(segments.last_frame, archive.packed_frame())
        self._backlog = Backlog(last_frame + 1, limit=backlog_limit, collect=collect)
        packer_lock = threading.Condition(mutex)  # so that who appends does not wake it
        self._packer = Packer(archive, segments, self._catalog, packer_lock)
        self._flusher = Flusher(self._backlog, segments, self._lock, every=flush_every)

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
        followed_frame: int | None = None,
    ) -> Self:
        """Open what is in `directory`, cut a torn end, and start the threads.

        `collect` takes, while the store's lock is held, what the journal has gathered; what it
        returns makes the records of a frame of it, which are on disk when the frame's lines are.
        `followed_frame` is what `follow` says.
        """
        segments = Segments.open(directory, segment_size=segment_size)
        archive = Archive(directory)
        segments.remove_up_to(archive.packed_frame())
        store = cls(
            segments,
            archive,
            flush_every=flush_every,
            backlog_limit=backlog_limit,
            clock=clock,
            collect=collect,
        )
        store._packer.followed_frame = followed_frame
        store._flusher.start()
        store._packer.start()
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
        lines: Iterable[LogLine],
        also: Callable[[], None] | None = None,
    ) -> None:
        """Add lines to a stream, which comes to be if it is not there. Never waits for a disk.
        `also` writes down in the journal's books what belongs to these lines."""
        added = lines if isinstance(lines, Lines) else Lines.of(lines)
        if not added.count:
            return
        key = (account_id, region, group, stream)
        first_ms, last_ms, size = added.first_ms, added.last_ms, added.stored_size
        now_ms = self._now_ms()
        with self._lock:
            was_empty = not self._backlog
            frame = self._backlog.append(key, added, now_ms)
            arrived_ms = frame.ingestion_ms
            span = Span(frame.frame_id, first_ms, last_ms, arrived_ms, arrived_ms, size)
            self._catalog.record(key, span, frame.frame_id)
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
            for frame in tuple(segment.frames):
                offset, size = frame.header.records
                if frame.header.frame_id > after_frame and size:
                    body = segment.body(frame)
                    if body is not None:
                        yield frame.header.frame_id, body[offset : offset + size]

    @property
    def durable_frame(self) -> int:
        """The last frame that is on disk with all before it."""
        with self._lock:
            pending = next((frame.frame_id for frame in self._backlog), None)
            return self._backlog.last_frame if pending is None else pending - 1

    def arrivals(self, groups: Collection[GroupKey], after_frame: int) -> Iterator[Arrival]:
        """The lines of these groups that are on disk, in the order in which they came, from behind
        this frame on. Iterating reads from disk: do it on a thread."""
        with self._lock:
            segments = [each for each in self._segments if each.index.last_frame > after_frame]
        return arrivals(segments, groups, after_frame)

    def follow(self, frame_id: int | None) -> None:
        """Somebody reads `arrivals` from this frame on; nobody with None. What he has yet to read
        stays where it is."""
        with self._lock:
            self._packer.followed_frame = frame_id
            self._packer.wake()

    def settled(self, frame_id: int) -> None:
        """The records up to this frame are elsewhere now, and never asked for again."""
        with self._lock:
            self._backlog.begin_after(frame_id)
            self._packer.settled_frame = max(self._packer.settled_frame, frame_id)
            if self._segments.began_ms < self._now_ms() - SEGMENT_AGE_MS:
                self._flusher.seal()
            self._packer.wake()

    def expire(self, cutoffs: Mapping[GroupKey, int]) -> None:
        """Lines of these groups that are older than their time (milliseconds) are gone: at once
        for readers, and soon from the disk. It replaces what the last call has said, and is to be
        said again after a start, and as time goes on."""
        with self._lock:
            self._packer.cutoffs = dict(cutoffs)
            self._packer.wake()

    def pack(self) -> None:
        """Return when all that is settled is in the archive, and what is too old is off the disk;
        raises what the disk refuses. It happens by itself, but later."""
        self._flusher.flush()
        self._flusher.seal(wait=True)
        self._packer.pack()

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

    def group_keys(self) -> list[GroupKey]:
        """The groups of every account and region."""
        with self._lock:
            return self._catalog.keys()

    def find_group(self, account_id: str, region: str, group: str) -> LogGroup | None:
        """A copy of the group; None if there is none."""
        with self._lock:
            found = self._catalog.find((account_id, region, group))
            return None if found is None else replace(found)

    def stored_bytes(self, account_id: str, region: str) -> dict[str, int]:
        """How many bytes each group has, by its name. What was deleted of the archive counts until
        the archive knows. Call it on a thread."""
        with self._lock:
            deletions = self._catalog.deletions(account_id, region)
            unpacked = [
                (segment.index.last_frame, key, span.first_frame, span.size)
                for segment in self._segments
                for key, span in segment.index.spans.items()
                if key[:2] == (account_id, region)
            ]
            unpacked += [
                (frame.frame_id, key, frame.frame_id, block.stored_size)
                for frame in self._backlog
                for key, block in frame.lines.items()
                if key[:2] == (account_id, region)
            ]
        packed_frame, sizes = self._archive.sizes(account_id, region)
        found = {
            group: 0 if deleted.frame > packed_frame else sizes.get(group, 0)
            for group, deleted in deletions.items()
        }
        for last_frame, (_, _, group, stream), first_frame, size in unpacked:
            is_there = group in found and not deletions[group].concern(stream, first_frame)
            if last_frame > packed_frame and is_there:
                found[group] += size
        return found

    def streams(
        self, account_id: str, region: str, group: str, prefix: str = ""
    ) -> list[LogStream]:
        """Copies of the streams whose names start so, sorted by name; none without the group. There
        may be many: call it on a thread."""
        found = self._streams((account_id, region, group), prefix=prefix).values()
        return sorted(map(replace, found), key=lambda stream: stream.name)

    def find_stream(
        self, account_id: str, region: str, group: str, stream: str
    ) -> LogStream | None:
        """A copy of the stream; None if there is none. Call it on a thread."""
        found = self._streams((account_id, region, group), [stream]).get(stream)
        return None if found is None else replace(found)

    def has_recent(self, account_id: str, region: str, group: str, stream: str) -> bool:
        """Whether there is this stream and something of it is not archived yet: then nothing need
        be read to know of it."""
        with self._lock:
            found = self._catalog.find_recent((account_id, region, group, stream))
            cutoff_ms = self._packer.cutoffs.get((account_id, region, group), 0)
            return found is not None and not found.is_older_than(cutoff_ms)

    def is_deleted(
        self, account_id: str, region: str, group: str, stream: str, first_frame: int
    ) -> bool:
        """Whether a stream that was found with that first frame has been deleted just now."""
        with self._lock:
            recent = self._catalog.recent((account_id, region, group), [stream])
            return recent is None or recent.deletions.concern(stream, first_frame)

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
        Calling and iterating reads from disk: do it on a thread.
        """
        found = self.search(
            *(account_id, region, group, streams, start_ms, end_ms),
            since=since,
            until=until,
            newest_first=newest_first,
        )
        return (line for line in found if isinstance(line, StoredLine))

    def search(
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
        terms: Iterable[str] = (),
        prefix: str = "",
    ) -> Iterator[StoredLine | Position]:
        """Of the lines that `read` gives, those that contain all `terms`, and of all streams those
        whose names start so. Between them come places
        that the search has reached, so that one that finds nothing can be ended and gone on with:
        there is no line in front of them that has not been given, nor any behind, backwards.
        """
        key = (account_id, region, group)
        lower = max(Position(start_ms), since or Position(0))
        upper = min(END_OF_TIME if end_ms is None else Position(end_ms), until or END_OF_TIME)
        wanted = tuple(term.encode(errors="surrogatepass") for term in terms if term)
        lower = max(lower, Position(self._packer.cutoffs.get(key, 0)))
        first_ms, last_ms = lower.timestamp_ms, upper.timestamp_ms
        chosen = self._streams(key, streams, prefix=prefix, first_ms=first_ms, last_ms=last_ms)
        query = Query(_first_frames(key, chosen), lower, upper, newest_first, wanted)
        with self._lock:
            segments = [segment_source(query, segment) for segment in self._segments]
            found = [source for source in segments if source is not None]
            found += [each for frame in self._backlog for each in pending_sources(query, frame)]
            packed_frame = self._packer.packed_frame
        if (
            streams is not None or prefix
        ):  # the life of a stream is short: most chunks cannot have it
            lives = chosen.values()
            first_ms = max(first_ms, min((each.first_ms or 0 for each in lives), default=0))
            last_ms = min(last_ms, max((each.last_ms or 0 for each in lives), default=0))
        chunks = self._archive.find(key, first_ms, last_ms, packed_frame)
        found += [chunk_source(query, chunk) for chunk in chunks]
        return in_order(query, found)

    def extent(
        self,
        account_id: str,
        region: str,
        groups: Iterable[str],
        start_ms: int,
        end_ms: int,
        links: Path,
    ) -> Extent:
        """What another process must know to read the lines of these groups from the disk (see
        scanning.py), where they all are when this returns. The files are linked in the directory
        `links`, so that none goes before it is read. Call it on a thread."""
        self.flush()
        links.mkdir(parents=True, exist_ok=True)
        keys = [(account_id, region, group) for group in groups]
        streams = {
            stream: frame
            for key in keys
            for stream, frame in _first_frames(
                key, self._streams(key, first_ms=start_ms, last_ms=end_ms)
            ).items()
        }
        with self._packer.removal:
            with self._lock:
                starts = {key: max(start_ms, self._packer.cutoffs.get(key, 0)) for key in keys}
                segments = [
                    segment
                    for segment in self._segments
                    if segment.index.has_any(streams, start_ms, end_ms)
                ]
                packed_frame = self._packer.packed_frame
            paths = [link_in(links, segment.path) for segment in segments]
        chunks = [
            chunk
            for key in keys
            for chunk in self._archive.link(key, start_ms, end_ms - 1, packed_frame, links)
        ]
        return Extent(tuple(paths), tuple(chunks), streams, starts, end_ms)

    def flush(self) -> None:
        """Return when all that was appended is on disk; raises OSError if the disk refuses."""
        self._flusher.flush()

    def close(self) -> None:
        """Bring everything to disk and stop."""
        self._packer.stop()
        self._flusher.stop()
        self._archive.close()

    def _mark(self, mark: Mark) -> None:
        now_ms = self._now_ms()
        with self._lock:
            frame = self._backlog.mark(mark, now_ms)
            self._catalog.apply(mark, frame.frame_id, now_ms)
            self._lock.notify_all()

    def _streams(
        self,
        key: GroupKey,
        names: Collection[str] | None = None,
        *,
        prefix: str = "",
        first_ms: int = 0,
        last_ms: int = END_OF_TIME_MS,
    ) -> dict[str, LogStream]:
        """The streams of a group with these names that there are, or all whose names start so. Of
        those that are quiet it may leave out what has no line between two times."""
        with self._lock:  # first: what is archived meanwhile is known twice, and not never
            recent = self._catalog.recent(key, names, prefix)
            cutoff_ms = self._packer.cutoffs.get(key, 0)
        if recent is None:
            return {}
        if names is None:
            archived = self._archive.streams(key, prefix, first_ms, last_ms)
        else:
            archived = self._archive.find_streams(key, names)
        known = [stream for stream in archived if not stream.is_older_than(cutoff_ms)]
        return {
            name: stream
            for name, stream in recent.with_archived(known).items()
            if not stream.is_older_than(cutoff_ms)
        }

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _first_frames(key: GroupKey, streams: Mapping[str, LogStream]) -> dict[StreamKey, int]:
    """For each stream the first frame whose lines are its own."""
    return {(*key, name): stream.first_frame for name, stream in streams.items()}
