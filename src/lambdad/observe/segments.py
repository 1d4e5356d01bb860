"""Segments: append-only files of frames, `00000001.segment`, each with a saved index when full.

Only the flushing thread appends. A frame counts when it is on disk and has been published; until
then a failed write can simply be made again at the same place. What a crash leaves behind the last
whole frame is cut at open.
"""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lambdad.errors import SettingsError
from lambdad.observe.frames import FIXED, MAGIC, FrameHeader, parse_header, table_size
from lambdad.observe.segment_index import SegmentIndex
from lambdad.store.disk import force_directory_to_disk, force_to_disk

SEGMENT_SIZE = 64 * 1024 * 1024
MAX_FRAMES = 10_000  # frames of a few lines: so that their headers are read in a third of a second

_SUFFIX = ".segment"
_INDEX_SUFFIX = ".index"
_ANY_VERSION = MAGIC[:3]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame's header, and where in its segment it begins."""

    offset: int
    header: FrameHeader


class Segment:
    """One file. `frames` is None once it is full: its headers are then read when wanted."""

    def __init__(self, path: Path, index: SegmentIndex, size: int) -> None:
        self.path = path
        self.index = index
        self.size = size
        self.frames: list[StoredFrame] | None = None

    @classmethod
    def recover(cls, path: Path) -> Self:
        """Open the segment that was being written, and cut what is torn from its end."""
        _refuse_newer(path)
        frames = list(_scan(path))
        segment = cls(path, SegmentIndex(), 0)
        if frames and segment.body(frames[-1]) is None:
            frames.pop()
        segment.frames = []
        for frame in frames:
            segment.publish(frame)
        if segment.size < path.stat().st_size:
            _log.warning("The log segment %s was torn; its end has been cut.", path.name)
            os.truncate(path, segment.size)
        return segment

    @classmethod
    def open_full(cls, path: Path) -> Self:
        """Open a segment that is not written any more, by its saved index if that is good."""
        size = path.stat().st_size
        index = _load_index(path, size)
        if index is None:
            index = SegmentIndex()
            for frame in _scan(path):
                index.add(frame.header)
            _save_index(path, index, size)
        return cls(path, index, size)

    def publish(self, frame: StoredFrame) -> None:
        """From now on the frame, which is on disk, belongs to the segment."""
        assert self.frames is not None, "A full segment takes no more frames."
        self.frames.append(frame)
        self.index.add(frame.header)
        self.size = frame.offset + frame.header.size

    def takes_frames(self, segment_size: int) -> bool:
        """Whether the segment is neither sealed nor full."""
        return (
            self.frames is not None and len(self.frames) < MAX_FRAMES and self.size < segment_size
        )

    def seal(self) -> None:
        """No more frames: save the index and forget the headers."""
        _save_index(self.path, self.index, self.size)
        self.frames = None

    def headers(self) -> Iterator[StoredFrame]:
        """The frames that there are now, the oldest first; the disk is read on iteration only."""
        frames = self.frames  # looked at once, since the flushing thread may seal the segment
        return _scan(self.path) if frames is None else iter(tuple(frames))

    def body(self, frame: StoredFrame) -> bytes | None:
        """The frame's decompressed body; None, with a warning, if it is damaged."""
        header = frame.header
        with self.path.open("rb") as file:
            body = os.pread(file.fileno(), header.body_size, frame.offset + header.header_size)
        if len(body) != header.body_size or zlib.crc32(body) != header.body_crc:
            _log.warning("Frame %d of the log segment %s is damaged.", header.frame_id, self.path)
            return None
        return zlib.decompress(body)


class Segments:
    """All segments of a directory; the last one is being written."""

    def __init__(self, directory: Path, segments: list[Segment], segment_size: int) -> None:
        self._directory = directory
        self._segments = segments
        self._segment_size = segment_size

    @classmethod
    def open(cls, directory: Path, *, segment_size: int = SEGMENT_SIZE) -> Self:
        directory.mkdir(parents=True, exist_ok=True)
        force_directory_to_disk(directory.parent)
        paths = sorted(directory.glob(f"*{_SUFFIX}"))
        segments = [Segment.open_full(path) for path in paths[:-1]]
        segments += [Segment.recover(path) for path in paths[-1:]]
        return cls(directory, segments, segment_size)

    @property
    def last_frame(self) -> int:
        return max((segment.index.last_frame for segment in self._segments), default=0)

    def __iter__(self) -> Iterator[Segment]:
        return iter(tuple(self._segments))

    def current(self) -> Segment:
        """The segment that takes the next frame; starts a new one when the last is full."""
        if self._segments:
            last = self._segments[-1]
            if last.takes_frames(self._segment_size):
                return last
            last.seal()
        return self._start()

    def _start(self) -> Segment:
        number = int(self._segments[-1].path.stem) + 1 if self._segments else 1
        path = self._directory / f"{number:08d}{_SUFFIX}"
        path.touch(mode=0o600)
        force_directory_to_disk(self._directory)
        segment = Segment(path, SegmentIndex(), 0)
        segment.frames = []
        self._segments.append(segment)
        return segment


def write_frame(segment: Segment, content: bytes) -> StoredFrame:
    """Put the frame on disk behind the segment's last one; an OSError leaves no part of it."""
    descriptor = os.open(segment.path, os.O_WRONLY)
    try:
        _write_at(descriptor, content, segment.size)
        force_to_disk(descriptor)
    except OSError:
        os.ftruncate(descriptor, segment.size)
        raise
    finally:
        os.close(descriptor)
    size = table_size(content[: FIXED.size])
    assert size is not None
    header = parse_header(content[: FIXED.size + size])
    assert header is not None
    return StoredFrame(segment.size, header)


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
    """Another format is not a torn end: it must not be cut."""
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
    if magic.startswith(_ANY_VERSION) and len(magic) == len(MAGIC) and magic != MAGIC:
        raise SettingsError(
            f"The log segment {path} was written by a newer lambdad. Start that one, or use "
            "another data directory."
        )


def _load_index(path: Path, size: int) -> SegmentIndex | None:
    try:
        content = path.with_suffix(_INDEX_SUFFIX).read_bytes()
    except FileNotFoundError:
        return None
    return SegmentIndex.parse(content, size)


def _save_index(path: Path, index: SegmentIndex, size: int) -> None:
    temporary = path.with_suffix(".incoming")
    try:
        temporary.write_bytes(index.serialize(size))
        temporary.replace(path.with_suffix(_INDEX_SUFFIX))
    except OSError as error:
        _log.warning("The index of the log segment %s could not be saved: %s", path, error)
