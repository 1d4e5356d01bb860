"""Lines in the order in which they came, which is that of the frames: for those who follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from lambdad.model.log_line import Position, StoredLine
from lambdad.observe.frames import GroupKey, StreamKey, read_block
from lambdad.observe.segments import Segment, StoredFrame


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came with one frame: the lines of each stream that is followed."""

    frame: int
    lines: dict[StreamKey, list[StoredLine]]


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
) -> dict[StreamKey, list[StoredLine]]:
    header = stored.header
    wanted = [each for each in enumerate(header.blocks) if each[1].key[:3] in groups]
    body = segment.body(stored) if wanted else None
    if body is None:
        return {}
    return {
        block.key: [
            StoredLine(
                block.key[3],
                line,
                header.ingestion_ms,
                Position(line.timestamp_ms, header.frame_id, number, place),
            )
            for place, line in enumerate(read_block(body, block))
        ]
        for number, block in wanted
    }
