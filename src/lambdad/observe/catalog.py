"""Which log groups and streams there are, with the figures that are told about them.

A stream that is deleted and made again starts empty: `first_frame` is the first frame whose lines
are its own. Not safe for threads by itself; the log store holds a lock around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lambdad.observe.frames import GroupKey, Mark, MarkKind, StreamKey
from lambdad.observe.segment_index import SegmentIndex, Span


@dataclass(slots=True)
class LogGroup:
    """A group's figures."""

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
    stored_bytes: int = 0

    def extend(self, span: Span) -> None:
        """Take in what was appended."""
        first_ms, last_ms = span.first_ms, span.last_ms
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.last_ms = last_ms if self.last_ms is None else max(self.last_ms, last_ms)
        self.first_frame = min(self.first_frame, span.first_frame)
        self.ingestion_ms = span.last_ingestion_ms
        self.stored_bytes += span.size

    def is_older_than(self, cutoff_ms: int) -> bool:
        """Whether it has lines, none of this time or later, and none has come since."""
        if self.last_ms is None or self.ingestion_ms is None:
            return False
        return max(self.last_ms, self.ingestion_ms) < cutoff_ms


@dataclass(slots=True)
class _Entry:
    """A group with its streams by name."""

    group: LogGroup
    streams: dict[str, LogStream] = field(default_factory=dict)


class Catalog:
    """Groups by account, region and name."""

    def __init__(self) -> None:
        self._entries: dict[GroupKey, _Entry] = {}

    def absorb(self, index: SegmentIndex) -> None:
        """Take in what a segment says; the oldest segment comes first."""
        for placed in index.marks:
            self.apply(placed.mark, placed.frame_id, placed.ingestion_ms)
        for key, span in index.spans.items():
            self.record(key, span)

    def put_group(self, key: GroupKey, group: LogGroup) -> None:
        """A group that is known from before."""
        self._entries[key] = _Entry(group)

    def put_stream(self, key: GroupKey, stream: LogStream) -> None:
        """A stream that is known from before, of a group that is there."""
        entry = self._entries[key]
        entry.streams[stream.name] = stream
        entry.group.stored_bytes += stream.stored_bytes

    def expire(self, key: GroupKey, cutoff_ms: int, names: Iterable[str]) -> None:
        """Of these streams of the group those go that have nothing but older lines."""
        for name in names:
            stream = self.find_stream((*key, name))
            if stream is not None and stream.is_older_than(cutoff_ms):
                self._remove_stream(key, name)

    def apply(self, mark: Mark, frame_id: int, now_ms: int) -> None:
        """Create or delete, as the mark says."""
        if mark.kind is MarkKind.DELETE_GROUP:
            self._entries.pop(mark.group, None)
            return
        entry = self._entry(mark.group, now_ms)
        if mark.stream is None:
            return
        if mark.kind is MarkKind.DELETE_STREAM:
            self._remove_stream(mark.group, mark.stream)
        elif mark.stream not in entry.streams:
            entry.streams[mark.stream] = LogStream(mark.stream, now_ms, frame_id)

    def record(self, key: StreamKey, span: Span) -> None:
        """Lines were appended; a group or stream that was not there comes to be."""
        entry = self._entry(key[:3], span.first_ingestion_ms)
        stream = entry.streams.get(key[3])
        if stream is None:
            stream = LogStream(key[3], span.first_ingestion_ms, span.first_frame)
            entry.streams[key[3]] = stream
        stream.extend(span)
        entry.group.stored_bytes += span.size

    def find(self, key: GroupKey) -> LogGroup | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.group

    def keys(self) -> list[GroupKey]:
        """Every group."""
        return list(self._entries)

    def groups(self, account_id: str, region: str) -> list[LogGroup]:
        owner = (account_id, region)
        return [entry.group for key, entry in self._entries.items() if key[:2] == owner]

    def find_stream(self, key: StreamKey) -> LogStream | None:
        entry = self._entries.get(key[:3])
        return None if entry is None else entry.streams.get(key[3])

    def streams(self, key: GroupKey) -> Iterable[LogStream]:
        """The streams of a group; none without the group."""
        entry = self._entries.get(key)
        return () if entry is None else entry.streams.values()

    def _remove_stream(self, key: GroupKey, name: str) -> None:
        entry = self._entries[key]
        removed = entry.streams.pop(name, None)
        entry.group.stored_bytes -= removed.stored_bytes if removed is not None else 0

    def _entry(self, key: GroupKey, now_ms: int) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(LogGroup(key[2], now_ms))
        return entry
