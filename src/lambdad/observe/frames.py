"""The bytes of a frame: the unit in which log lines reach the disk.

    fixed header   magic, crc of the header, lengths, crc of the body, frame id, time of arrival
    table          JSON: each block's stream, time range and place in the body; or marks
    body           zstd: the blocks' texts and times, one after another, and the journal's records

A block is the lines of one stream. The header says all that an index needs, so that a body is
read only for its lines. A frame with marks has no lines: marks create and delete groups and
streams, and a deletion concerns every frame with a smaller id.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from lambdad.model.lines import Lines, stored_size
from lambdad.observe import former_frames
from lambdad.observe.columns import read_times, write_times
from lambdad.observe.compression import compress, decompress

GroupKey = tuple[str, str, str]  # account id, region, log group
StreamKey = tuple[str, str, str, str]  # account id, region, log group, log stream

MAGIC = b"LLF2"
MAGICS = (former_frames.MAGIC, MAGIC)
FIXED = struct.Struct("<4sIIIIQq")

_CHECKED_FROM = 8  # the header's crc covers what follows it


class MarkKind(Enum):
    CREATE_GROUP = "create-group"
    CREATE_STREAM = "create-stream"
    DELETE_GROUP = "delete-group"
    DELETE_STREAM = "delete-stream"


@dataclass(frozen=True, slots=True)
class Mark:
    """A change to the set of groups and streams."""

    kind: MarkKind
    group: GroupKey
    stream: str | None = None

    def deletes(self, key: StreamKey) -> bool:
        """Whether the lines that stream `key` has so far are gone."""
        if key[:3] != self.group:
            return False
        if self.kind is MarkKind.DELETE_GROUP:
            return True
        return self.kind is MarkKind.DELETE_STREAM and key[3] == self.stream


@dataclass(frozen=True, slots=True)
class Block:
    """Where the lines of one stream are in the body, and what times they span.

    `times` is the number of the runs of lines that have one time; None in the former format.
    """

    key: StreamKey
    first_ms: int
    last_ms: int
    lines: int
    offset: int
    size: int
    times: int | None = None

    @property
    def stored_size(self) -> int:
        """Its size as CloudWatch counts."""
        if self.times is None:
            return former_frames.stored_size(self.size, self.lines)
        return stored_size(self.size, self.lines)


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Everything about a frame but its lines."""

    magic: bytes
    frame_id: int
    ingestion_ms: int
    blocks: tuple[Block, ...]
    records: tuple[int, int]  # place and size in the body
    marks: tuple[Mark, ...]
    header_size: int
    body_size: int
    body_crc: int

    @property
    def size(self) -> int:
        return self.header_size + self.body_size


def serialize_frame(
    frame_id: int,
    ingestion_ms: int,
    lines_by_stream: Mapping[StreamKey, Lines],
    marks: Iterable[Mark] = (),
    records: bytes = b"",
) -> bytes:
    """The bytes of one frame."""
    rows: list[list[str | int]] = []
    parts: list[bytes] = []
    offset = 0
    for key, lines in lines_by_stream.items():
        place: list[str | int] = [offset, len(lines.text), len(lines.times)]
        rows.append([*key, lines.first_ms, lines.last_ms, lines.count, *place])
        part = lines.text + write_times(lines.times)
        parts.append(part)
        offset += len(part)
    marked = [[mark.kind.value, *mark.group, mark.stream] for mark in marks]
    content = {"blocks": rows, "marks": marked, "records": [offset, len(records)]}
    table = json.dumps(content, separators=(",", ":")).encode()
    return _with_header(frame_id, ingestion_ms, table, compress(b"".join([*parts, records])))


def table_size(fixed: bytes) -> int | None:
    """How long the table behind a fixed header is; None if this is no fixed header."""
    if len(fixed) < FIXED.size or not fixed.startswith(MAGICS):
        return None
    size: int = FIXED.unpack(fixed)[2]
    return size


def parse_header(header: bytes) -> FrameHeader | None:
    """Read a fixed header with its table; None if it is torn or damaged."""
    magic, crc, size, body_size, body_crc, frame_id, ingestion_ms = FIXED.unpack_from(header)
    header_size = FIXED.size + size
    if len(header) != header_size or zlib.crc32(header[_CHECKED_FROM:]) != crc:
        return None
    table = json.loads(header[FIXED.size :])
    return FrameHeader(
        magic=magic,
        frame_id=frame_id,
        ingestion_ms=ingestion_ms,
        blocks=tuple(Block(tuple(row[:4]), *row[4:]) for row in table["blocks"]),
        records=tuple(table.get("records", (0, 0))),
        marks=tuple(
            Mark(MarkKind(kind), (account_id, region, group), stream)
            for kind, account_id, region, group, stream in table["marks"]
        ),
        header_size=header_size,
        body_size=body_size,
        body_crc=body_crc,
    )


def read_body(header: FrameHeader, body: bytes) -> bytes | None:
    """The body of a frame, decompressed; None if it is damaged."""
    if len(body) != header.body_size or zlib.crc32(body) != header.body_crc:
        return None
    if header.magic == former_frames.MAGIC:
        return zlib.decompress(body)
    return decompress(body)


def read_block(body: bytes, block: Block) -> Lines:
    """The lines of `block`, in the order of their arrival, from the decompressed body."""
    if block.times is None:
        return former_frames.read_lines(body, block.offset, block.lines)
    end = block.offset + block.size
    times, _ = read_times(body, end, block.times)
    return Lines(body[block.offset : end], times, block.lines)


def _with_header(frame_id: int, ingestion_ms: int, table: bytes, body: bytes) -> bytes:
    rest = (len(table), len(body), zlib.crc32(body), frame_id, ingestion_ms)
    unchecked = FIXED.pack(MAGIC, 0, *rest)
    crc = zlib.crc32(unchecked[_CHECKED_FROM:] + table)
    return FIXED.pack(MAGIC, crc, *rest) + table + body
