"""All lines of a stretch of time, in the order of the files: for a reader in another process.

What such a process needs to know is an extent: which files, and which lines of them. The log store
makes one when everything is on disk; from then on the files tell the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from lambdad.model.lines import END, each_time, to_message
from lambdad.observe.archive import LinkedChunk, StoredChunk
from lambdad.observe.archive_index import ChunkPlace
from lambdad.observe.block import Origin, StoredBlock
from lambdad.observe.frames import GroupKey, StreamKey, read_block
from lambdad.observe.open_file import OpenFile
from lambdad.observe.segments import Segment


@dataclass(frozen=True, slots=True)
class Extent:
    """The lines of some streams, from the time in `starts` of their group on and before `end_ms`.

    `streams` gives for each stream the first frame whose lines are its own.
    """

    segments: tuple[Path, ...]
    chunks: tuple[LinkedChunk, ...]
    streams: dict[StreamKey, int]
    starts: dict[GroupKey, int]
    end_ms: int

    def document(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "segments": [str(path) for path in self.segments],
            "chunks": [
                [*chunk.group, str(chunk.path), *astuple(chunk.place)] for chunk in self.chunks
            ],
            "streams": [[*key, frame] for key, frame in self.streams.items()],
            "starts": [[*key, start_ms] for key, start_ms in self.starts.items()],
            "end_ms": self.end_ms,
        }

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Self:
        return cls(
            segments=tuple(map(Path, document["segments"])),
            chunks=tuple(
                LinkedChunk((account_id, region, group), Path(path), ChunkPlace(*place))
                for account_id, region, group, path, *place in document["chunks"]
            ),
            streams={tuple(key): frame for *key, frame in document["streams"]},
            starts={tuple(key): start_ms for *key, start_ms in document["starts"]},
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
    """Read the lines of an extent."""
    open_file = lru_cache(maxsize=1)(OpenFile)
    for chunk in extent.chunks:
        stored = StoredChunk(chunk.group, chunk.place, open_file(chunk.path))
        for block in stored.blocks(()):
            yield from _lines_of(extent, block)
    for path in extent.segments:
        for block in _segment_blocks(extent, Segment.open_full(path)):
            yield from _lines_of(extent, block)


def _segment_blocks(extent: Extent, segment: Segment) -> Iterator[StoredBlock]:
    for frame in segment.frames:
        header = frame.header
        wanted = [
            (number, block)
            for number, block in enumerate(header.blocks)
            if block.key in extent.streams
            and block.first_ms < extent.end_ms
            and block.last_ms >= extent.starts[block.key[:3]]
        ]
        body = segment.body(frame) if wanted else None
        for number, block in wanted if body is not None else ():
            lines = read_block(body or b"", block)
            origin = Origin(header.frame_id, header.ingestion_ms, number, lines.count)
            yield StoredBlock(block.key, lines.text, 0, len(lines.text), lines.times, [origin])


def _lines_of(extent: Extent, block: StoredBlock) -> Iterator[ScannedBlock]:
    """The lines of a block, by how they arrived."""
    first_frame = extent.streams.get(block.key)
    if first_frame is None:
        return
    start_ms, end_ms = extent.starts[block.key[:3]], extent.end_ms
    all_times = list(each_time(block.times))
    all_messages = block.text[block.begin : block.end - 1].split(END)
    begin = 0
    for origin in block.origins:
        times = all_times[begin : begin + origin.lines]
        messages = all_messages[begin : begin + origin.lines]
        begin += origin.lines
        if origin.frame_id < first_frame:
            continue
        numbers: range | list[int] = range(len(times))
        if min(times) < start_ms or max(times) >= end_ms:
            numbers = [place for place, at in enumerate(times) if start_ms <= at < end_ms]
            times = [times[place] for place in numbers]
            messages = [messages[place] for place in numbers]
        texts = list(map(to_message, messages))
        arrived = (origin.ingestion_ms, origin.frame_id, origin.block)
        yield ScannedBlock(block.key, *arrived, numbers, times, texts, sum(map(len, texts)))
