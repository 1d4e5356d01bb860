"""Lines in order, out of many frames that are each only roughly in order.

Everything that may hold lines, a segment, a frame on disk or one still in memory, is a source: it
knows a bound before which it has no line, and can be expanded into what it holds. One heap takes
sources and lines alike; whatever comes out first is expanded or handed on. So only what is needed
is read from disk, and a reader that stops early has read little more than it got.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.observe.backlog import PendingFrame
from lambdad.observe.frames import FrameHeader, StreamKey, parse_block
from lambdad.observe.segments import Segment, StoredFrame


@dataclass(frozen=True, slots=True)
class Query:
    """Which lines: of these streams, from `since` on and before `until`.

    `streams` gives for each stream the first frame whose lines are its own.
    """

    streams: Mapping[StreamKey, int]
    since: Position
    until: Position
    newest_first: bool = False

    def overlaps(self, first_ms: int, last_ms: int) -> bool:
        return first_ms <= self.until.timestamp_ms and last_ms >= self.since.timestamp_ms

    def wants(self, key: StreamKey, frame_id: int) -> bool:
        first_frame = self.streams.get(key)
        return first_frame is not None and frame_id >= first_frame


@dataclass(frozen=True, slots=True)
class Source:
    """Lines between two times, not read yet."""

    first_ms: int
    last_ms: int
    expand: Callable[[], Iterable[Source | StoredLine]]


def segment_source(query: Query, segment: Segment) -> Source | None:
    """What the segment holds for the query; call it while the store's lock is held."""
    found = segment.index.spans.keys() & query.streams.keys()
    spans = [segment.index.spans[key] for key in found]
    spans = [span for span in spans if query.overlaps(span.first_ms, span.last_ms)]
    if not spans:
        return None
    frames = segment.headers()
    return Source(
        first_ms=min(span.first_ms for span in spans),
        last_ms=max(span.last_ms for span in spans),
        expand=lambda: _frame_sources(query, segment, frames),
    )


def pending_source(query: Query, frame: PendingFrame) -> Source:
    """What a frame in memory holds for the query; call it while the store's lock is held."""
    # Lines may still join the frame, so they are copied; what they say is looked at later.
    blocks = [
        (number, key, list(lines))
        for number, (key, lines) in enumerate(frame.lines.items())
        if query.wants(key, frame.frame_id)
    ]
    return Source(
        first_ms=query.since.timestamp_ms,
        last_ms=query.until.timestamp_ms,
        expand=lambda: (
            stored
            for number, key, lines in blocks
            for stored in _stored_lines(
                query, key, lines, frame.frame_id, number, frame.ingestion_ms
            )
        ),
    )


def in_order(sources: Iterable[Source], *, newest_first: bool) -> Iterator[StoredLine]:
    """All lines of the sources by position."""
    place = _descending if newest_first else _ascending
    tie = count()  # so that two entries are never compared by what they are
    heap: list[tuple[tuple[int, ...], int, Source | StoredLine]] = [
        (place(source), next(tie), source) for source in sources
    ]
    heapq.heapify(heap)
    while heap:
        _, _, entry = heapq.heappop(heap)
        if isinstance(entry, StoredLine):
            yield entry
        else:
            for inner in entry.expand():
                heapq.heappush(heap, (place(inner), next(tie), inner))


# A source's place is a shorter tuple than a line's: it comes before the lines of its millisecond.
def _ascending(entry: Source | StoredLine) -> tuple[int, ...]:
    return entry.position if isinstance(entry, StoredLine) else (entry.first_ms,)


def _descending(entry: Source | StoredLine) -> tuple[int, ...]:
    if isinstance(entry, StoredLine):
        return tuple(-number for number in entry.position)
    return (-entry.last_ms,)


def _frame_sources(
    query: Query, segment: Segment, frames: Iterator[StoredFrame]
) -> Iterator[Source]:
    for frame in frames:
        header = frame.header
        blocks = [
            block
            for block in header.blocks
            if query.wants(block.key, header.frame_id)
            and query.overlaps(block.first_ms, block.last_ms)
        ]
        if blocks:
            yield Source(
                min(block.first_ms for block in blocks),
                max(block.last_ms for block in blocks),
                _reader(query, segment, frame),
            )


def _reader(query: Query, segment: Segment, frame: StoredFrame) -> Callable[[], list[StoredLine]]:
    return lambda: list(_frame_lines(query, segment.body(frame), frame.header))


def _frame_lines(query: Query, body: bytes | None, header: FrameHeader) -> Iterator[StoredLine]:
    if body is None:
        return
    for number, block in enumerate(header.blocks):
        if query.wants(block.key, header.frame_id):
            yield from _stored_lines(
                query,
                block.key,
                parse_block(body, block),
                header.frame_id,
                number,
                header.ingestion_ms,
            )


def _stored_lines(
    query: Query,
    key: StreamKey,
    lines: Iterable[LogLine],
    frame_id: int,
    block: int,
    ingestion_ms: int,
) -> Iterator[StoredLine]:
    for number, line in enumerate(lines):
        position = Position(line.timestamp_ms, frame_id, block, number)
        if query.since <= position < query.until:
            yield StoredLine(key[3], line, ingestion_ms, position)
