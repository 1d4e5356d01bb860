"""Which log groups there are, and what is told about streams by frames that are not archived yet.

Of a stream that is quiet the archive alone knows, however many there have been. What both know of
one goes together, unless it was deleted in between (see `RecentStreams`).

A stream that is deleted and made again starts empty: `first_frame` is the first frame whose lines
are its own. Not safe for threads by itself; the log store holds a lock around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from lambdad.observe.frames import GroupKey, Mark, MarkKind, StreamKey
from lambdad.observe.segment_index import SegmentIndex, Span

K = TypeVar("K")
_Unpacked = tuple[StreamKey, int, int]  # of a stream from this frame on, so many bytes


@dataclass(slots=True)
class LogGroup:
    """A group's figures. The bytes of a stream that is deleted, or too old, are subtracted when
    the archive has done so."""

    name: str
    created_ms: int
    stored_bytes: int = 0


@dataclass(slots=True)
class LogStream:
    """A stream's figures; the times of its lines are None while it has none."""

    name: str
    created_ms: int
    first_frame: int
    first_ms: int | None = None
    last_ms: int | None = None
    ingestion_ms: int | None = None

    def extend(self, span: Span) -> None:
        """Take in what was appended."""
        first_ms, last_ms = span.first_ms, span.last_ms
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.last_ms = last_ms if self.last_ms is None else max(self.last_ms, last_ms)
        self.first_frame = min(self.first_frame, span.first_frame)
        self.ingestion_ms = span.last_ingestion_ms

    def joined(self, other: LogStream) -> LogStream:
        """What both tell of one stream, which may be the same."""
        return LogStream(
            self.name,
            min(self.created_ms, other.created_ms),
            min(self.first_frame, other.first_frame),
            min(_known(self.first_ms, other.first_ms), default=None),
            max(_known(self.last_ms, other.last_ms), default=None),
            max(_known(self.ingestion_ms, other.ingestion_ms), default=None),
        )

    def is_older_than(self, cutoff_ms: int) -> bool:
        """Whether it has lines, none of this time or later, and none has come since."""
        if self.last_ms is None or self.ingestion_ms is None:
            return False
        return max(self.last_ms, self.ingestion_ms) < cutoff_ms


@dataclass(frozen=True, slots=True)
class RecentStreams:
    """The recent streams of a group by name. What the archive has of it up to `deleted_frame` is
    deleted, and of a stream up to the frame in `deleted`."""

    streams: Mapping[str, LogStream]
    deleted: Mapping[str, int]
    deleted_frame: int

    def with_archived(self, archived: Iterable[LogStream]) -> dict[str, LogStream]:
        """All streams by name, with what the archive knows."""
        found = dict(self.streams)
        for stream in archived:
            if stream.first_frame > max(self.deleted_frame, self.deleted.get(stream.name, 0)):
                recent = found.get(stream.name)
                found[stream.name] = stream if recent is None else stream.joined(recent)
        return found


@dataclass(slots=True)
class _Recent:
    """A stream of which something is not archived yet: up to this frame, so many bytes."""

    stream: LogStream
    last_frame: int
    size: int = 0


@dataclass(slots=True)
class _Entry:
    """A group with its recent streams by name."""

    group: LogGroup
    recent: dict[str, _Recent] = field(default_factory=dict)


class Catalog:
    """Groups by account, region and name."""

    def __init__(self, groups: Mapping[GroupKey, LogGroup]) -> None:
        """Of those groups that the archive knows."""
        self._entries = {key: _Entry(group) for key, group in groups.items()}
        # The frames that deleted these, until the archive has done so too.
        self._deleted_groups: dict[GroupKey, int] = {}
        self._deleted_streams: dict[StreamKey, int] = {}

    def absorb(self, index: SegmentIndex) -> None:
        """Take in what a segment says; the oldest segment comes first."""
        for placed in index.marks:
            self.apply(placed.mark, placed.frame_id, placed.ingestion_ms)
        for key, span in index.spans.items():
            self.record(key, span, index.last_frame)

    def apply(self, mark: Mark, frame_id: int, now_ms: int) -> None:
        """Create or delete, as the mark says."""
        if mark.kind is MarkKind.DELETE_GROUP:
            self._entries.pop(mark.group, None)
            self._deleted_groups[mark.group] = frame_id
            return
        entry = self._entry(mark.group, now_ms)
        if mark.stream is None:
            return
        if mark.kind is MarkKind.DELETE_STREAM:
            removed = entry.recent.pop(mark.stream, None)
            entry.group.stored_bytes -= removed.size if removed is not None else 0
            self._deleted_streams[*mark.group, mark.stream] = frame_id
        elif mark.stream not in entry.recent:
            created = LogStream(mark.stream, now_ms, frame_id)
            entry.recent[mark.stream] = _Recent(created, frame_id)

    def record(self, key: StreamKey, span: Span, last_frame: int) -> None:
        """Lines were appended, the last in this frame; a group or stream that was not there comes
        to be."""
        entry = self._entry(key[:3], span.first_ingestion_ms)
        recent = entry.recent.get(key[3])
        if recent is None:
            stream = LogStream(key[3], span.first_ingestion_ms, span.first_frame)
            recent = entry.recent[key[3]] = _Recent(stream, last_frame)
        recent.stream.extend(span)
        recent.last_frame = last_frame
        recent.size += span.size
        entry.group.stored_bytes += span.size

    def archived(
        self, up_to_frame: int, sizes: Mapping[GroupKey, int], unpacked: Iterable[_Unpacked]
    ) -> None:
        """The archive has all frames up to this one, and of its groups so many bytes; `unpacked`
        tells of what it has not."""
        self._deleted_groups = _younger(self._deleted_groups, up_to_frame)
        self._deleted_streams = _younger(self._deleted_streams, up_to_frame)
        for key, entry in self._entries.items():
            entry.group.stored_bytes = sizes.get(key, 0)
            entry.recent = {
                name: recent
                for name, recent in entry.recent.items()
                if recent.last_frame > up_to_frame
            }
            for recent in entry.recent.values():
                recent.size = 0
        for stream, first_frame, size in unpacked:
            its_entry = self._entries.get(stream[:3])
            found = its_entry and its_entry.recent.get(stream[3])
            if its_entry and found and first_frame >= found.stream.first_frame:
                found.size += size
                its_entry.group.stored_bytes += size

    def find(self, key: GroupKey) -> LogGroup | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.group

    def keys(self) -> list[GroupKey]:
        """Every group."""
        return list(self._entries)

    def groups(self, account_id: str, region: str) -> list[LogGroup]:
        owner = (account_id, region)
        return [entry.group for key, entry in self._entries.items() if key[:2] == owner]

    def find_recent(self, key: StreamKey) -> LogStream | None:
        """What is not archived yet of a stream, and perhaps more."""
        entry = self._entries.get(key[:3])
        recent = None if entry is None else entry.recent.get(key[3])
        return None if recent is None else recent.stream

    def recent(self, key: GroupKey) -> RecentStreams | None:
        """The same of all streams of a group; None without the group."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        streams = {name: recent.stream for name, recent in entry.recent.items()}
        deleted = {each[3]: at for each, at in self._deleted_streams.items() if each[:3] == key}
        return RecentStreams(streams, deleted, self._deleted_groups.get(key, 0))

    def _entry(self, key: GroupKey, now_ms: int) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(LogGroup(key[2], now_ms))
        return entry


def _younger(frames: Mapping[K, int], frame_id: int) -> dict[K, int]:
    return {key: each for key, each in frames.items() if each > frame_id}


def _known(*times: int | None) -> list[int]:
    return [each for each in times if each is not None]
