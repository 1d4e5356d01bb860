"""The archive: chunks of lines one behind the other in files, `00000001.archive`, and their index.

One thread adds and removes, the packer; any may read. What is written counts when the index says
so. A chunk whose lines are all gone is dropped from the index; a file of which most is dropped is
given back to the disk, after what is left of it was copied to the youngest file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

from lambdad.observe.archive_index import END_OF_TIME_MS, ArchiveIndex, ChunkPlace
from lambdad.observe.block import StoredBlock
from lambdad.observe.catalog import LogGroup, LogStream
from lambdad.observe.chunks import Chunk, read_chunk
from lambdad.observe.frames import GroupKey
from lambdad.observe.open_file import OpenFile, link_in
from lambdad.observe.segment_index import SegmentIndex
from lambdad.observe.token_index import may_contain
from lambdad.store.disk import force_directory_to_disk, force_to_disk

FILE_SIZE = 64 * 1024 * 1024

_SUFFIX = ".archive"
_INDEX = "archive.sqlite"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk that can be read, even if it is dropped meanwhile."""

    group: GroupKey
    place: ChunkPlace
    file: OpenFile

    def blocks(self, terms: Sequence[bytes]) -> Sequence[StoredBlock]:
        """Its blocks; none if the terms cannot all be in it, or, with a warning, it is damaged."""
        place = self.place
        if terms and place.index_size:
            index = self.file.read(place.index_size, place.offset)
            if not may_contain(index, terms):
                return ()
        body = self.file.read(place.body_size, place.offset + place.index_size)
        try:
            return list(read_chunk(self.group, body, terms))
        except ValueError as error:
            _log.warning("A part of the log of %s is damaged: %s", self.group[2], error)
            return ()


@dataclass(frozen=True, slots=True)
class LinkedChunk:
    """A chunk for another process: the file is a link, which nobody else removes."""

    group: GroupKey
    path: Path
    place: ChunkPlace


class Archive:
    """The archive in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._index = ArchiveIndex(directory / _INDEX)
        self._lock = threading.Lock()  # no file goes between being found in the index and opened
        # Those that somebody reads: large searches at once must not open them once each.
        self._open_files: WeakValueDictionary[int, OpenFile] = WeakValueDictionary()
        self._number = max(self._numbers(), default=0)
        self._end = max(
            (place.offset + place.size for place in self._index.chunks_of(self._number)), default=0
        )

    def close(self) -> None:
        self._index.close()

    def packed_frame(self) -> int:
        """All frames up to this one are here."""
        return self._index.packed_frame()

    def groups(self) -> dict[GroupKey, LogGroup]:
        """Groups as they were with that frame."""
        return self._index.groups()

    def sizes(self, account_id: str, region: str) -> tuple[int, dict[str, int]]:
        """How many bytes the streams of each group have, by its name, up to the frame that is told
        first."""
        return self._index.sizes(account_id, region)

    def streams(
        self, group: GroupKey, prefix: str = "", first_ms: int = 0, last_ms: int = END_OF_TIME_MS
    ) -> list[LogStream]:
        """Streams of a group as they were then: those whose names start so, and that have no lines
        or may have some between two times."""
        return self._index.streams(group, prefix, first_ms, last_ms)

    def find_streams(self, group: GroupKey, names: Iterable[str]) -> list[LogStream]:
        """Those of the streams with these names that there were."""
        return self._index.find_streams(group, names)

    def find(
        self, group: GroupKey, first_ms: int, last_ms: int, last_frame: int
    ) -> list[StoredChunk]:
        """The chunks of a group with lines between two times, of frames up to that one."""
        with self._lock:
            places = self._index.find(group, first_ms, last_ms, last_frame)
            files = {number: self._open(number) for number in {place.file for place in places}}
        return [StoredChunk(group, place, files[place.file]) for place in places]

    def link(
        self, group: GroupKey, first_ms: int, last_ms: int, last_frame: int, links: Path
    ) -> list[LinkedChunk]:
        """What `find` gives, for another process: the files are linked in a directory."""
        with self._lock:
            places = self._index.find(group, first_ms, last_ms, last_frame)
            paths = {number: self._path(number) for number in {place.file for place in places}}
            for path in paths.values():
                link_in(links, path)
        return [LinkedChunk(group, links / paths[place.file].name, place) for place in places]

    def add(self, packed: SegmentIndex, chunks: Iterable[Chunk]) -> None:
        """Keep the chunks that were made of a segment. OSError or sqlite3.Error when the disk
        refuses, after which it can simply be done again."""
        rows = []
        with _Writer(self._file_to_write(), self._number, self._end) as writer:
            for chunk in chunks:
                place = writer.write(chunk.token_index, chunk.body)
                place = replace(place, first_ms=chunk.first_ms, last_ms=chunk.last_ms)
                rows.append((chunk.group, place, chunk.last_frame))
        self._index.add(packed, rows)
        self._end = writer.end

    def forget(self, cutoffs: Mapping[GroupKey, int]) -> None:
        """Of these groups, chunks and streams are dropped that have older lines only."""
        self._index.forget(cutoffs)

    def reclaim(self) -> None:
        """Give back to the disk what is not used."""
        used = self._index.used()
        for number in self._numbers():
            path, in_use = self._path(number), used.get(number, 0)
            if number == self._number and in_use:
                continue
            if in_use and in_use * 2 < path.stat().st_size:
                self._empty(number)
            elif in_use:
                continue
            with self._lock:
                path.unlink()

    def _open(self, number: int) -> OpenFile:
        file = self._open_files.get(number)
        if file is None:
            file = self._open_files[number] = OpenFile(self._path(number))
        return file

    def _empty(self, number: int) -> None:
        """Copy what is still wanted of a file to the youngest one."""
        moved = []
        file = OpenFile(self._path(number))
        with _Writer(self._file_to_write(), self._number, self._end) as writer:
            for old in self._index.chunks_of(number):
                content = file.read(old.size, old.offset)
                new = writer.write(content[: old.index_size], content[old.index_size :])
                moved.append((old, new))
        with self._lock:
            self._index.move(moved)
        self._end = writer.end

    def _file_to_write(self) -> Path:
        """The youngest file, or a new one if there is none or it is large."""
        path = self._path(self._number)
        if self._end >= FILE_SIZE or not path.exists():
            self._number, self._end = self._number + 1, 0
            path = self._path(self._number)
            path.touch(mode=0o600)
            force_directory_to_disk(self._directory)
        return path

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in self._directory.glob(f"*{_SUFFIX}"))

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:08d}{_SUFFIX}"


class _Writer:
    """Puts chunks behind the end of a file; on disk when it is left without an error."""

    def __init__(self, path: Path, number: int, end: int) -> None:
        self._path = path
        self._number = number
        self.end = end

    def __enter__(self) -> _Writer:
        self._file = self._path.open("r+b")
        self._file.truncate(self.end)  # what was written and never counted
        self._file.seek(self.end)
        return self

    def __exit__(self, *failure: object) -> None:
        with self._file:
            if failure[0] is None:
                self._file.flush()
                force_to_disk(self._file.fileno())

    def write(self, token_index: bytes, body: bytes) -> ChunkPlace:
        place = ChunkPlace(self._number, self.end, len(token_index), len(body), 0, 0)
        self._file.write(token_index + body)
        self.end += place.size
        return place
