"""Which log groups there are, and what is told about streams by frames that are not archived yet.

Of a stream that is quiet the archive alone knows, however many there have been. What both know of
one goes together, unless it was deleted in between (see `Deletions`).

A stream that is deleted and made again starts empty: `first_frame` is the first frame whose lines
are its own. Not safe for threads by itself; the log store holds a lock around it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from lambdad.observe.frames import GroupKey, Mark, MarkKind, StreamKey
from lambdad.observe.segment_index import SegmentIndex, Span


@dataclass(slots=True)
class LogGroup:
    """A group's figures."""

    name: str
    created_ms: int


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


@dataclass(slots=True)
class Deletions:
    """What of a group is deleted, and the archive does not know it yet: everything up to a frame,
    and of streams, by name, everything up to frames of their own."""

    frame: int = 0
    streams: dict[str, int] = field(default_factory=dict)

    def concern(self, name: str, first_frame: int) -> bool:
        """Whether what this stream has since that frame is deleted."""
        return first_frame <= max(self.frame, self.streams.get(name, 0))

    def copy(self) -> Deletions:
        return Deletions(self.frame, dict(self.streams))


@dataclass(frozen=True, slots=True)
class RecentStreams:
    """Some streams of a group as far as they are recent, by name."""

    streams: Mapping[str, LogStream]
    deletions: Deletions

    def with_archived(self, archived: Iterable[LogStream]) -> dict[str, LogStream]:
        """With what the archive knows of these, and of others."""
        found = dict(self.streams)
        for stream in archived:
            if not self.deletions.concern(stream.name, stream.first_frame):
                recent = found.get(stream.name)
                found[stream.name] = stream if recent is None else stream.joined(recent)
        return found


@dataclass(slots=True)
class _Recent:
    """A stream of which something is not archived yet, up to this frame."""

    stream: LogStream
    last_frame: int


@dataclass(slots=True)
class _Entry:
    """A group with its recent streams by name."""

    group: LogGroup
    deletions: Deletions = field(default_factory=Deletions)
    recent: dict[str, _Recent] = field(default_factory=dict)


class Catalog:
    """Groups by account, region and name."""

    def __init__(self, groups: Mapping[GroupKey, LogGroup]) -> None:
        """Of those groups that the archive knows."""
        self._entries = {key: _Entry(group) for key, group in groups.items()}
        self._deleted: dict[GroupKey, int] = {}  # and not made again, with the frame of that

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
            self._deleted[mark.group] = frame_id
            return
        entry = self._entry(mark.group, now_ms)  # lines that made it may be deleted with a stream
        if mark.stream is None:
            return
        if mark.kind is MarkKind.DELETE_STREAM:
            entry.recent.pop(mark.stream, None)
            entry.deletions.streams[mark.stream] = frame_id
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

    def archived(self, index: SegmentIndex) -> None:
        """The archive has this segment, and all before it."""
        for placed in index.marks:
            self._forget_deletion(placed.mark, index.last_frame)
            if placed.mark.stream is not None:
                self._forget_recent((*placed.mark.group, placed.mark.stream), index.last_frame)
        for key in index.spans:
            self._forget_recent(key, index.last_frame)

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

    def recent(
        self, key: GroupKey, names: Collection[str] | None = None, prefix: str = ""
    ) -> RecentStreams | None:
        """The same of the streams of a group with these names, or of all whose names start so; None
        without the group."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if names is None:
            chosen = [name for name in entry.recent if name.startswith(prefix)]
        else:
            chosen = [name for name in names if name in entry.recent]
        streams = {name: entry.recent[name].stream for name in chosen}
        return RecentStreams(streams, entry.deletions.copy())

    def deletions(self, account_id: str, region: str) -> dict[str, Deletions]:
        """What of each group is deleted, and the archive does not know it yet."""
        owner = (account_id, region)
        return {
            key[2]: entry.deletions.copy()
            for key, entry in self._entries.items()
            if key[:2] == owner
        }

    def _entry(self, key: GroupKey, now_ms: int) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            deletions = Deletions(self._deleted.pop(key, 0))
            entry = self._entries[key] = _Entry(LogGroup(key[2], now_ms), deletions)
        return entry

    def _forget_deletion(self, mark: Mark, packed_frame: int) -> None:
        """It is known to the archive, unless there was one more."""
        entry = self._entries.get(mark.group)
        if self._deleted.get(mark.group, packed_frame + 1) <= packed_frame:
            del self._deleted[mark.group]
        if entry is not None and entry.deletions.frame <= packed_frame:
            entry.deletions.frame = 0
        if entry is not None and mark.stream is not None:
            deleted = entry.deletions.streams
            if deleted.get(mark.stream, packed_frame + 1) <= packed_frame:
                del deleted[mark.stream]

    def _forget_recent(self, key: StreamKey, packed_frame: int) -> None:
        """The archive knows all of it, unless it has gone on."""
        entry = self._entries.get(key[:3])
        recent = None if entry is None else entry.recent.get(key[3])
        if entry is not None and recent is not None and recent.last_frame <= packed_frame:
            del entry.recent[key[3]]


def _known(*times: int | None) -> list[int]:
    return [each for each in times if each is not None]
