"""Chunks: how the archive keeps lines. A chunk has lines of one log group, up to about a megabyte.

    token index    whether a term can be in the chunk; none for a small one
    body           zstd: the length of a table, the table in JSON (stream, lengths), the texts of
                   all streams, and the columns of all: times of lines, and how lines arrived

A line keeps the place that it was given when it arrived: its frame, and its number there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lambdad.model.lines import END, Lines
from lambdad.observe.block import Origin, StoredBlock
from lambdad.observe.columns import (
    read_column,
    read_steps,
    read_times,
    write_column,
    write_steps,
    write_times,
)
from lambdad.observe.compression import compress, decompress
from lambdad.observe.frames import GroupKey
from lambdad.observe.token_index import make_index

_LENGTH = struct.Struct("<I")
_WITHOUT_INDEX = 64 * 1024  # a text that is searched as quickly as an index is read


@dataclass(slots=True)
class _Part:
    """The lines of one stream."""

    lines: list[Lines] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)


@dataclass(slots=True)
class ChunkContent:
    """A chunk in the making."""

    group: GroupKey
    parts: dict[str, _Part] = field(default_factory=dict)
    size: int = 0

    def add(self, stream: str, lines: Lines, origin: Origin) -> None:
        """Take in lines that came after those that are there."""
        part = self.parts.setdefault(stream, _Part())
        part.lines.append(lines)
        part.origins.append(origin)
        self.size += len(lines.text)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk's bytes, and what is known of it without them."""

    group: GroupKey
    first_ms: int
    last_ms: int
    last_frame: int
    token_index: bytes
    body: bytes


def make_chunk(content: ChunkContent, *, thoroughly: bool) -> Chunk:
    """Compress it; `thoroughly` takes ten times as long."""
    parts = content.parts.values()
    rows, texts, columns = [], [], []
    for stream, part in content.parts.items():
        lines = Lines.joined(part.lines)
        texts.append(lines.text)
        columns += [write_times(lines.times), _origin_columns(part.origins)]
        rows.append([stream, len(lines.text), len(lines.times), len(part.origins)])
    text = b"".join(texts)
    table = json.dumps(rows, separators=(",", ":")).encode()
    body = b"".join([_LENGTH.pack(len(table)), table, text, *columns])
    return Chunk(
        content.group,
        first_ms=min(lines.first_ms for part in parts for lines in part.lines),
        last_ms=max(lines.last_ms for part in parts for lines in part.lines),
        last_frame=max(part.origins[-1].frame_id for part in parts),
        token_index=make_index(text, END) if len(text) > _WITHOUT_INDEX else b"",
        body=compress(body, thoroughly=thoroughly),
    )


def read_chunk(group: GroupKey, compressed: bytes, terms: Iterable[bytes]) -> Iterator[StoredBlock]:
    """The blocks of a chunk, one for each stream; none if one of the terms is in none of them."""
    body = decompress(compressed)
    if not all(term in body for term in terms):
        return
    (size,) = _LENGTH.unpack_from(body)
    rows = json.loads(body[_LENGTH.size : _LENGTH.size + size])
    begin = _LENGTH.size + size
    offset = begin + sum(row[1] for row in rows)
    for stream, text_size, time_count, origin_count in rows:
        times, offset = read_times(body, offset, time_count)
        origins, offset = _read_origins(body, offset, origin_count)
        end = begin + text_size
        yield StoredBlock((*group, stream), body, begin, end, times, origins)
        begin = end


def _origin_columns(origins: list[Origin]) -> bytes:
    frames, arrivals, blocks, counts = zip(*origins, strict=True)
    return b"".join(
        [write_steps(frames), write_steps(arrivals), write_column(blocks), write_column(counts)]
    )


def _read_origins(body: bytes, offset: int, count: int) -> tuple[list[Origin], int]:
    frames, offset = read_steps(body, offset, count)
    arrivals, offset = read_steps(body, offset, count)
    blocks, offset = read_column(body, offset, count)
    counts, offset = read_column(body, offset, count)
    return list(map(Origin, frames, arrivals, blocks, counts)), offset
