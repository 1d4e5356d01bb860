"""Segments: append-only files of frames, `00000001.segment`, until the archive has their lines.

Only the flushing thread appends. A frame counts when it is on disk and has been published; until
then a failed write can simply be made again at the same place. What a crash leaves behind the last
whole frame is cut at open. There are few segments: those of the last minutes, and what the archive
has not taken yet.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from lambdad.errors import SettingsError
from lambdad.observe.frames import (
    FIXED,
    MAGIC,
    MAGICS,
    FrameHeader,
    parse_header,
    read_body,
    table_size,
)
from lambdad.observe.open_file import OpenFile
from lambdad.observe.segment_index import SegmentIndex
from lambdad.store.disk import force_directory_to_disk, force_to_disk

SEGMENT_SIZE = 16 * 1024 * 1024
MAX_FRAMES = 600  # frames of a few lines: five minutes, which are searched frame by frame

_SUFFIX = ".segment"
_ANY_VERSION = MAGIC[:3]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame's header, and where in its segment it begins."""

    offset: int
    header: FrameHeader


class Segment:
    """One file. A sealed one takes no more frames."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.index = SegmentIndex()
        self.size = 0
        self.frames: list[StoredFrame] = []
        self.is_sealed = False

    @classmethod
    def recover(cls, path: Path) -> Self:
        """Open the segment that was being written, and cut what is torn from its end."""
        segment = cls(path)
        frames = list(_scan(path))
        if frames and segment.body(frames[-1]) is None:
            frames.pop()
        for frame in frames:
            segment.publish(frame)
        if segment.size < path.stat().st_size:
            _log.warning("The log segment %s was torn; its end has been cut.", path.name)
            os.truncate(path, segment.size)
        return segment

    @classmethod
    def open_full(cls, path: Path) -> Self:
        """Open a segment that is not written any more."""
        segment = cls(path)
        for frame in _scan(path):
            segment.publish(frame)
        if segment.size < path.stat().st_size:
            _log.warning("The log segment %s is damaged; its end cannot be read.", path)
        segment.is_sealed = True
        return segment

    def publish(self, frame: StoredFrame) -> None:
        """From now on the frame, which is on disk, belongs to the segment."""
        self.frames.append(frame)
        self.index.add(frame.header)
        self.size = frame.offset + frame.header.size

    def body(self, frame: StoredFrame) -> bytes | None:
        """The frame's decompressed body; None, with a warning, if it is damaged."""
        header = frame.header
        stored = self._file.read(header.body_size, frame.offset + header.header_size)
        body = read_body(header, stored)
        if body is None:
            _log.warning("Frame %d of the log segment %s is damaged.", header.frame_id, self.path)
        return body

    @cached_property
    def _file(self) -> OpenFile:
        return OpenFile(self.path)


class Segments:
    """All segments of a directory, the oldest first; the last one is being written."""

    def __init__(self, directory: Path, segments: list[Segment], segment_size: int) -> None:
        self._directory = directory
        self._segments = segments
        self._segment_size = segment_size
        self._last_number = int(segments[-1].path.stem) if segments else 0
        self.last_frame = max((segment.index.last_frame for segment in segments), default=0)

    @classmethod
    def open(cls, directory: Path, *, segment_size: int = SEGMENT_SIZE) -> Self:
        directory.mkdir(parents=True, exist_ok=True)
        force_directory_to_disk(directory.parent)
        for index in directory.glob("*.index"):  # of the former format
            index.unlink()
        paths = sorted(directory.glob(f"*{_SUFFIX}"))
        for path in paths:
            _refuse_newer(path)
        segments = [Segment.open_full(path) for path in paths[:-1]]
        segments += [Segment.recover(path) for path in paths[-1:]]
        return cls(directory, segments, segment_size)

    def __iter__(self) -> Iterator[Segment]:
        return iter(tuple(self._segments))

    def current(self) -> Segment:
        """The segment that takes the next frame; starts a new one when the last is full."""
        if self._segments:
            last = self._segments[-1]
            if len(last.frames) >= MAX_FRAMES or last.size >= self._segment_size:
                last.is_sealed = True
            if not last.is_sealed:
                return last
        return self._start()

    @property
    def began_ms(self) -> int:
        """When the oldest frame of the segment that is being written came; 2**63 without one."""
        last = self._segments[-1] if self._segments else None
        if last is None or last.is_sealed or not last.frames:
            return 2**63
        return last.frames[0].header.ingestion_ms

    def remove_up_to(self, frame_id: int) -> None:
        """The archive has these frames: only their files were not removed yet."""
        for segment in self:
            if segment.frames and segment.index.last_frame <= frame_id:
                self.remove(segment)
                segment.path.unlink()

    def seal(self) -> None:
        """The segment that is being written takes no more frames; an empty one stays."""
        if self._segments and self._segments[-1].frames:
            self._segments[-1].is_sealed = True

    def remove(self, segment: Segment) -> None:
        """The archive has what was in it."""
        self._segments.remove(segment)

    def _start(self) -> Segment:
        path = self._directory / f"{self._last_number + 1:08d}{_SUFFIX}"
        path.touch(mode=0o600)
        force_directory_to_disk(self._directory)
        self._last_number += 1
        segment = Segment(path)
        self._segments.append(segment)
        return segment


def write_frame(segment: Segment, content: bytes) -> StoredFrame:
    """Put the frame on disk behind the segment's last one; an OSError leaves no part of it."""
    append_to_file(segment.path, content, segment.size)
    size = table_size(content[: FIXED.size])
    assert size is not None
    header = parse_header(content[: FIXED.size + size])
    assert header is not None
    return StoredFrame(segment.size, header)


def append_to_file(path: Path, content: bytes, size: int) -> None:
    """Put something on disk behind the first `size` bytes of a file; an OSError leaves no part of
    it there."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        _write_at(descriptor, content, size)
        force_to_disk(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    finally:
        os.close(descriptor)


def _write_at(descriptor: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest = rest[written:]
        offset += written


def _scan(path: Path) -> Iterator[StoredFrame]:
    """The frames of a file by their headers, up to the first that is not whole."""
    offset = 0
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while offset < end:
            file.seek(offset)
            fixed = file.read(FIXED.size)
            size = table_size(fixed)
            header = None if size is None else parse_header(fixed + file.read(size))
            if header is None or offset + header.size > end:
                return
            yield StoredFrame(offset, header)
            offset += header.size


def _refuse_newer(path: Path) -> None:
    """Another format is no damage: it must not be cut, nor packed as if nothing was in it."""
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
    if magic.startswith(_ANY_VERSION) and len(magic) == len(MAGIC) and magic not in MAGICS:
        raise SettingsError(
            f"The log segment {path} was written by a newer lambdad. Start that one, or use "
            "another data directory."
        )
