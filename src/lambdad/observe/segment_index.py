"""What one segment holds, without its lines: which streams, at which times, and which marks.

The index grows with its segment, and is made again from the frame headers at open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lambdad.observe.frames import FrameHeader, Mark, StreamKey


@dataclass(slots=True)
class Span:
    """What a segment holds of one stream since the stream's last deletion."""

    first_frame: int
    first_ms: int
    last_ms: int
    first_ingestion_ms: int
    last_ingestion_ms: int
    size: int

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Whether a line of it may lie from `start_ms` on and before `end_ms`."""
        return self.first_ms < end_ms and self.last_ms >= start_ms

    def extend(self, other: Span) -> None:
        """Take in what came after."""
        self.first_ms = min(self.first_ms, other.first_ms)
        self.last_ms = max(self.last_ms, other.last_ms)
        self.last_ingestion_ms = other.last_ingestion_ms
        self.size += other.size


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark with the frame and the time of its arrival."""

    frame_id: int
    ingestion_ms: int
    mark: Mark


@dataclass(slots=True)
class SegmentIndex:
    """Spans by stream, and marks in the order of their arrival."""

    spans: dict[StreamKey, Span] = field(default_factory=dict)
    marks: list[PlacedMark] = field(default_factory=list)
    last_frame: int = 0
    has_records: bool = False

    def has_any(self, streams: Mapping[StreamKey, int], start_ms: int, end_ms: int) -> bool:
        """Whether a line of these streams may lie from `start_ms` on and before `end_ms`."""
        found = self.spans.keys() & streams.keys()
        return any(self.spans[key].overlaps(start_ms, end_ms) for key in found)

    def add(self, header: FrameHeader) -> None:
        """Take in one more frame, the newest."""
        self.last_frame = header.frame_id
        self.has_records = self.has_records or header.records[1] > 0
        for mark in header.marks:
            self._add_mark(PlacedMark(header.frame_id, header.ingestion_ms, mark))
        for block in header.blocks:
            span = Span(
                first_frame=header.frame_id,
                first_ms=block.first_ms,
                last_ms=block.last_ms,
                first_ingestion_ms=header.ingestion_ms,
                last_ingestion_ms=header.ingestion_ms,
                size=block.stored_size,
            )
            if block.key in self.spans:
                self.spans[block.key].extend(span)
            else:
                self.spans[block.key] = span

    def _add_mark(self, placed: PlacedMark) -> None:
        self.marks.append(placed)
        for key in [key for key in self.spans if placed.mark.deletes(key)]:
            del self.spans[key]
