"""Reading lines back in order, whichever frames and chunks they lie in.

Everything that may hold lines, be it a frame in a segment, a chunk or a block in memory, is a
source: it knows a bound before which it has no line, and can be expanded into what it holds. One
heap takes sources and runs of lines alike; whatever comes first is expanded or handed on. So only
what is needed is read from disk, and a reader that stops early has read little more than it got.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from lambdad.model.lines import Lines
from lambdad.model.log_line import Position, StoredLine
from lambdad.observe.archive import StoredChunk
from lambdad.observe.backlog import PendingFrame
from lambdad.observe.block import Origin, StoredBlock
from lambdad.observe.frames import StreamKey, read_block
from lambdad.observe.query import Query
from lambdad.observe.segments import Segment, StoredFrame

Run = Iterator[StoredLine]  # lines in order


@dataclass(frozen=True, slots=True)
class Source:
    """Lines between two times, not read yet."""

    first_ms: int
    last_ms: int
    expand: Callable[[], Iterable[Source | Run]]


def segment_source(query: Query, segment: Segment) -> Source | None:
    """What the segment holds for the query; call it while the store's lock is held."""
    found = segment.index.spans.keys() & query.streams.keys()
    spans = [segment.index.spans[key] for key in found]
    spans = [span for span in spans if query.overlaps(span.first_ms, span.last_ms)]
    if not spans:
        return None
    frames = tuple(segment.frames)
    return Source(
        first_ms=min(span.first_ms for span in spans),
        last_ms=max(span.last_ms for span in spans),
        expand=lambda: _frame_sources(query, segment, frames),
    )


def pending_sources(query: Query, frame: PendingFrame) -> list[Source]:
    """What a frame in memory holds for the query; call it while the store's lock is held."""
    # Lines may still join the frame, so their list is copied; what they say is looked at later.
    blocks = [
        (number, key, tuple(block.parts))
        for number, (key, block) in enumerate(frame.lines.items())
        if query.wants(key, frame.frame_id)
    ]
    return [_pending_source(query, frame, number, key, lines) for number, key, lines in blocks]


def chunk_source(query: Query, chunk: StoredChunk) -> Source:
    """What a chunk of the archive holds for the query."""
    return Source(
        chunk.place.first_ms,
        chunk.place.last_ms,
        lambda: [
            block.lines(query) for block in chunk.blocks(query.terms) if block.key in query.streams
        ],
    )


def in_order(query: Query, sources: Iterable[Source]) -> Iterator[StoredLine | Position]:
    """All lines of the sources by position; and, now and then, a place that has been reached."""
    place = _descending if query.newest_first else _ascending
    tie = count()  # so that two entries are never compared by what they are
    heap: list[tuple[tuple[int, ...], int, Source | StoredLine, Run]] = []

    def push(entry: Source | Run) -> None:
        run = iter(()) if isinstance(entry, Source) else entry
        first = entry if isinstance(entry, Source) else next(run, None)
        if first is not None:
            heapq.heappush(heap, (place(first), next(tie), first, run))

    for source in sources:
        push(source)
    while heap:
        _, _, first, run = heapq.heappop(heap)
        if isinstance(first, Source):
            yield _reached(query, first)
            for entry in first.expand():
                push(entry)
            continue
        line: StoredLine | None = first
        while line is not None:
            yield line
            line = next(run, None)
            if line is not None and heap and place(line) > heap[0][0]:
                heapq.heappush(heap, (place(line), next(tie), line, run))
                break


def _reached(query: Query, source: Source) -> Position:
    if query.newest_first:
        return min(Position(source.last_ms + 1), query.until)
    return max(Position(source.first_ms), query.since)


# A source's place is a shorter tuple than a line's: it comes before the lines of its millisecond.
def _ascending(entry: Source | StoredLine) -> tuple[int, ...]:
    return entry.position if isinstance(entry, StoredLine) else (entry.first_ms,)


def _descending(entry: Source | StoredLine) -> tuple[int, ...]:
    if isinstance(entry, StoredLine):
        return tuple(-number for number in entry.position)
    return (-entry.last_ms,)


def _frame_sources(
    query: Query, segment: Segment, frames: Iterable[StoredFrame]
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


def _reader(query: Query, segment: Segment, frame: StoredFrame) -> Callable[[], Iterable[Run]]:
    return lambda: _frame_runs(query, segment, frame)


def _frame_runs(query: Query, segment: Segment, frame: StoredFrame) -> Iterator[Run]:
    header = frame.header
    body = segment.body(frame)
    if body is None or not all(term in body for term in query.terms):
        return
    for number, block in enumerate(header.blocks):
        if query.wants(block.key, header.frame_id):
            origin = Origin(header.frame_id, header.ingestion_ms, number, block.lines)
            yield _stored_block(block.key, read_block(body, block), origin).lines(query)


def _pending_source(
    query: Query, frame: PendingFrame, number: int, key: StreamKey, parts: tuple[Lines, ...]
) -> Source:
    def expand() -> Iterator[Run]:
        lines = Lines.joined(parts)
        origin = Origin(frame.frame_id, frame.ingestion_ms, number, lines.count)
        yield _stored_block(key, lines, origin).lines(query)

    return Source(min(part.first_ms for part in parts), max(part.last_ms for part in parts), expand)


def _stored_block(key: StreamKey, lines: Lines, origin: Origin) -> StoredBlock:
    return StoredBlock(key, lines.text, 0, len(lines.text), lines.times, [origin])
