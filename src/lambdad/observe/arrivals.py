"""Lines in the order in which they came, which is that of the frames: for those who follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from lambdad.model.lines import Lines
from lambdad.model.log_line import Position, StoredLine
from lambdad.observe.frames import FrameHeader, GroupKey, StreamKey, read_block
from lambdad.observe.segments import Segment, StoredFrame


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came with one frame: the lines of each stream that is followed, to be read once. They
    are made as they are read, as a frame may have millions."""

    frame: int
    lines: dict[StreamKey, Iterator[StoredLine]]


def arrivals(
    segments: Iterable[Segment], groups: Collection[GroupKey], after_frame: int
) -> Iterator[Arrival]:
    """The frames on disk behind this one that have lines of these groups, the oldest first."""
    for segment in segments:
        for stored in tuple(segment.frames):
            if stored.header.frame_id > after_frame:
                lines = _lines(segment, stored, groups)
                if lines:
                    yield Arrival(stored.header.frame_id, lines)


def _lines(
    segment: Segment, stored: StoredFrame, groups: Collection[GroupKey]
) -> dict[StreamKey, Iterator[StoredLine]]:
    header = stored.header
    wanted = [each for each in enumerate(header.blocks) if each[1].key[:3] in groups]
    body = segment.body(stored) if wanted else None
    if body is None:
        return {}
    return {
        block.key: _lines_of(header, number, read_block(body, block)) for number, block in wanted
    }


def _lines_of(header: FrameHeader, number: int, lines: Lines) -> Iterator[StoredLine]:
    stream = header.blocks[number].key[3]
    for place, line in enumerate(lines):
        position = Position(line.timestamp_ms, header.frame_id, number, place)
        yield StoredLine(stream, line, header.ingestion_ms, position)
