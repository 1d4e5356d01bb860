"""All lines of a stretch of time, in the order of the files: for a reader in another process.

What such a process needs to know is an extent: which files, and which lines of them. The log store
makes one when everything is on disk; from then on the files tell the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lambdad.observe.frames import Block, FrameHeader, StreamKey, parse_columns
from lambdad.observe.segment_index import SegmentIndex
from lambdad.observe.segments import Segment, StoredFrame


@dataclass(frozen=True, slots=True)
class Extent:
    """The lines of some streams, from `start_ms` on and before `end_ms`.

    `streams` gives for each stream the first frame whose lines are its own.
    """

    segments: tuple[Path, ...]
    streams: dict[StreamKey, int]
    start_ms: int
    end_ms: int

    def document(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "segments": [str(path) for path in self.segments],
            "streams": [[*key, frame] for key, frame in self.streams.items()],
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
        }

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Self:
        return cls(
            segments=tuple(map(Path, document["segments"])),
            streams={tuple(key): frame for *key, frame in document["streams"]},
            start_ms=document["start_ms"],
            end_ms=document["end_ms"],
        )


@dataclass(frozen=True, slots=True)
class ScannedBlock:
    """Lines of one stream that stand together; `numbers` are their places in the block, `size` is
    that of their texts in characters."""

    key: StreamKey
    ingestion_ms: int
    frame: int
    block: int
    numbers: range | list[int]
    times: list[int]
    messages: list[str]
    size: int


def scan(extent: Extent) -> Iterator[ScannedBlock]:
    """Read the lines of an extent; a file that its retention has removed holds none."""
    for path in extent.segments:
        try:
            for frame in Segment(path, SegmentIndex(), 0).headers():
                yield from _blocks(extent, path, frame)
        except FileNotFoundError:
            continue


def _blocks(extent: Extent, path: Path, frame: StoredFrame) -> Iterator[ScannedBlock]:
    header = frame.header
    wanted = [
        (number, block)
        for number, block in enumerate(header.blocks)
        if _overlaps(extent, header, block)
    ]
    body = Segment(path, SegmentIndex(), 0).body(frame) if wanted else None
    if body is None:
        return
    for number, block in wanted:
        times, messages = parse_columns(body, block)
        numbers: range | list[int] = range(len(times))
        if block.first_ms < extent.start_ms or block.last_ms >= extent.end_ms:
            numbers = [
                place for place, at in enumerate(times) if extent.start_ms <= at < extent.end_ms
            ]
            times = [times[place] for place in numbers]
            messages = [messages[place] for place in numbers]
        size = sum(map(len, messages))
        key, frame_id = block.key, header.frame_id
        yield ScannedBlock(
            key, header.ingestion_ms, frame_id, number, numbers, times, messages, size
        )


def _overlaps(extent: Extent, header: FrameHeader, block: Block) -> bool:
    first_frame = extent.streams.get(block.key)
    return (
        first_frame is not None
        and header.frame_id >= first_frame
        and block.first_ms < extent.end_ms
        and block.last_ms >= extent.start_ms
    )
