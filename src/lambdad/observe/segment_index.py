"""What one segment holds, without its lines: which streams, at which times, and which marks.

The index of the segment that is being written grows with it. A full segment's index is saved
beside it, so that opening a long history reads one small file for each segment. A saved index is
only a shortcut: one that is missing or damaged is made again from the frame headers.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from lambdad.observe.frames import FrameHeader, Mark, MarkKind, StreamKey


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

    def add(self, header: FrameHeader) -> None:
        """Take in one more frame, the newest."""
        self.last_frame = header.frame_id
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

    def serialize(self, segment_size: int) -> bytes:
        """The index as a file that belongs to a segment of that size."""
        document = {
            "segment_size": segment_size,
            "last_frame": self.last_frame,
            "spans": [[*key, asdict(span)] for key, span in self.spans.items()],
            "marks": [_mark_row(placed) for placed in self.marks],
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        return b"%08x\n" % zlib.crc32(text) + text

    @classmethod
    def parse(cls, content: bytes, segment_size: int) -> Self | None:
        """Read a saved index; None if it is damaged or not of a segment of that size."""
        checksum, _, text = content.partition(b"\n")
        if checksum != b"%08x" % zlib.crc32(text):
            return None
        document = json.loads(text)
        if document["segment_size"] != segment_size:
            return None
        return cls(
            spans={tuple(key): Span(**span) for *key, span in document["spans"]},
            marks=[_placed_mark(row) for row in document["marks"]],
            last_frame=document["last_frame"],
        )


def _mark_row(placed: PlacedMark) -> list[Any]:
    mark = placed.mark
    return [placed.frame_id, placed.ingestion_ms, mark.kind.value, *mark.group, mark.stream]


def _placed_mark(row: list[Any]) -> PlacedMark:
    frame_id, ingestion_ms, kind, account_id, region, group, stream = row
    return PlacedMark(
        frame_id, ingestion_ms, Mark(MarkKind(kind), (account_id, region, group), stream)
    )
