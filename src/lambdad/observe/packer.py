"""The thread that puts full segments into the archive, and forgets what is too old.

It works a fifth of the time, so that those who invoke functions do not feel it. What the disk
refuses is tried again later; until then the segments stay.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping

from lambdad.observe.archive import Archive
from lambdad.observe.block import Origin
from lambdad.observe.catalog import Catalog
from lambdad.observe.chunks import Chunk, ChunkContent, make_chunk
from lambdad.observe.frames import GroupKey, StreamKey, read_block
from lambdad.observe.segments import Segment, Segments

CHUNK_SIZE = 1024 * 1024

_PAUSE = 4  # times as long as a chunk took
_HASTE = 3  # more segments than these wait: compress quickly

_log = logging.getLogger(__name__)


class _Closed(Exception):
    """The store is being closed: what is half packed is packed by the next start."""


class Packer:
    """`lock` guards the segments' list and the catalog; no input or output happens under it. It is
    a condition of the packer's own on the store's mutex: what the flusher is told wakes nobody."""

    def __init__(
        self, archive: Archive, segments: Segments, catalog: Catalog, lock: threading.Condition
    ) -> None:
        self.packed_frame = archive.packed_frame()
        self.settled_frame = 0
        self.followed_frame: int | None = None  # the first that somebody has yet to read
        self.cutoffs: Mapping[GroupKey, int] = {}
        self.removal = (
            threading.Lock()
        )  # who holds it finds all files of the segments that are listed
        self._archive = archive
        self._segments = segments
        self._catalog = catalog
        self._lock = lock
        self._is_wanted = True
        self._is_working = False
        self._in_haste = 0  # so many wait for it
        self._closing = threading.Event()
        self._forgotten: Mapping[GroupKey, int] = {}  # the cutoffs that were last looked at
        self._is_untidy = True  # there may be something to give back to the disk
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="lambdad-log-packer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do. The lock is held."""
        self._is_wanted = True
        self._lock.notify_all()

    def pack(self) -> None:
        """Return when all that can be packed is packed; raises what the disk refuses."""
        with self._lock:
            self._in_haste += 1
            self._failure = None
            self.wake()
            self._lock.wait_for(
                lambda: not (self._is_wanted or self._is_working) or not self._thread.is_alive()
            )
            self._in_haste -= 1
            failure = self._failure
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """End the thread."""
        self._closing.set()
        with self._lock:
            self._lock.notify_all()
        self._thread.join()
        with self._lock:  # who waits for it need not any more
            self._lock.notify_all()

    def _run(self) -> None:
        while self._wait():
            try:
                self._work()
            except _Closed:
                return
            except (OSError, sqlite3.Error) as error:
                _log.error("Log lines cannot be archived yet: %s", error)
                self._failure = error
            except Exception as error:  # a fault of ours: without the thread all would wait for it
                _log.exception("Log lines cannot be archived yet.")
                self._failure = error
            with self._lock:
                self._is_working = False
                self._lock.notify_all()

    def _wait(self) -> bool:
        with self._lock:
            self._lock.wait_for(lambda: self._is_wanted or self._closing.is_set())
            self._is_wanted, self._is_working = False, True
        return not self._closing.is_set()

    def _work(self) -> None:
        self._forget()
        while (segment := self._next_segment()) is not None:
            self._archive.add(segment.index, self._chunks(segment))
            self._is_untidy = True
            with self.removal:
                with self._lock:
                    self._segments.remove(segment)
                    self.packed_frame = max(self.packed_frame, segment.index.last_frame)
                    self._catalog.archived(segment.index)
                segment.path.unlink()
            self._forget()
        if self._is_untidy:
            self._archive.reclaim()
            self._is_untidy = False

    def _forget(self) -> None:
        """What is too old. Before a stream is added that was made since: or the archive would take
        it for the one that is too old."""
        cutoffs = self.cutoffs
        if cutoffs is not self._forgotten:
            self._archive.forget(cutoffs)
            self._forgotten, self._is_untidy = cutoffs, True

    def _next_segment(self) -> Segment | None:
        """The oldest one, if it is full and its records are settled."""
        segment = next(iter(self._segments), None)
        if segment is None or not segment.is_sealed:
            return None
        if self.followed_frame is not None and segment.index.last_frame >= self.followed_frame:
            return None
        if segment.index.has_records and segment.index.last_frame > self.settled_frame:
            return None
        return segment

    def _chunks(self, segment: Segment) -> Iterator[Chunk]:
        """The lines of a segment that are still wanted, as chunks of about a megabyte."""
        thoroughly = sum(each.is_sealed for each in self._segments) <= _HASTE
        with self._lock:
            first_frames = self._first_frames(segment)
        contents: dict[GroupKey, ChunkContent] = {}
        began = time.monotonic()
        for group in self._fill(contents, segment, first_frames):
            yield make_chunk(contents.pop(group), thoroughly=thoroughly)
            self._rest(time.monotonic() - began)
            began = time.monotonic()
        for content in contents.values():
            yield make_chunk(content, thoroughly=thoroughly)

    def _first_frames(self, segment: Segment) -> dict[StreamKey, int]:
        streams = {key: self._catalog.find_recent(key) for key in segment.index.spans}
        return {key: found.first_frame for key, found in streams.items() if found is not None}

    def _fill(
        self,
        contents: dict[GroupKey, ChunkContent],
        segment: Segment,
        first_frames: Mapping[StreamKey, int],
    ) -> Iterator[GroupKey]:
        """Fill the contents; yields each group that has enough for a chunk."""
        for frame in segment.frames:
            header = frame.header
            body = segment.body(frame) if header.blocks else None
            if body is None:
                continue
            for number, block in enumerate(header.blocks):
                group = block.key[:3]
                too_old = block.last_ms < self.cutoffs.get(group, block.last_ms)
                if too_old or header.frame_id < first_frames.get(block.key, header.frame_id + 1):
                    continue
                content = contents.setdefault(group, ChunkContent(group))
                origin = Origin(header.frame_id, header.ingestion_ms, number, block.lines)
                content.add(block.key[3], read_block(body, block), origin)
                if content.size >= CHUNK_SIZE:
                    yield group

    def _rest(self, worked: float) -> None:
        if self._closing.wait(0 if self._in_haste else worked * _PAUSE):
            raise _Closed
