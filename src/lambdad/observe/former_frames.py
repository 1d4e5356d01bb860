"""What differs in frames of the former format: bodies of zlib, and lines one by one."""

from __future__ import annotations

import struct

from lambdad.model.lines import Lines
from lambdad.model.log_line import LogLine

MAGIC = b"LLF1"

_LINE = struct.Struct("<qI")
_EVENT_OVERHEAD = 26


def stored_size(size: int, lines: int) -> int:
    """The size as CloudWatch counts of a block with so many bytes and lines."""
    return size + (_EVENT_OVERHEAD - _LINE.size) * lines


def read_lines(body: bytes, offset: int, count: int) -> Lines:
    """The lines of a block that begins at `offset` of a decompressed body."""
    lines = []
    for _ in range(count):
        timestamp_ms, size = _LINE.unpack_from(body, offset)
        offset += _LINE.size
        message = body[offset : offset + size].decode(errors="surrogatepass")
        lines.append(LogLine(timestamp_ms, message))
        offset += size
    return Lines.of(lines)
