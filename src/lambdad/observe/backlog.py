"""Lines that are not on disk yet, as the frames that they will be written in.

Lines join the youngest frame until the flushing thread takes it. What cannot be written stays, up
to a bound; beyond it the oldest lines are dropped and counted. Not safe for threads by itself; the
log store holds a lock around it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lambdad.model.lines import Lines
from lambdad.observe.frames import Mark, StreamKey

LIMIT = 64 * 1024 * 1024
FRAMES_AT_LIMIT = 16  # so that 4 MB are written, or dropped, at a time
PART_OVERHEAD = 300  # what lines that come together cost in memory besides their text
TIME_OVERHEAD = 150  # and each time that they have


# Makes the records of a frame; called once, by the flushing thread.
MakeRecords = Callable[["PendingFrame"], bytes]


@dataclass(slots=True, eq=False)
class PendingBlock:
    """Lines of one stream, in the parts in which they came."""

    parts: list[Lines]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def stored_size(self) -> int:
        """In bytes, as CloudWatch counts them."""
        return sum(part.stored_size for part in self.parts)


@dataclass(slots=True, eq=False)
class PendingFrame:
    """A frame in the making: lines by stream in the order of arrival, or marks. Once nothing joins
    it any more it has what the journal had gathered until then, and when it is written its records.
    """

    frame_id: int
    ingestion_ms: int
    lines: dict[StreamKey, PendingBlock] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    size: int = 0
    make_records: MakeRecords | None = None
    records: bytes | None = None

    def joined(self) -> dict[StreamKey, Lines]:
        """The lines of each stream in one piece, once no more can join them."""
        for block in self.lines.values():
            block.parts = [Lines.joined(block.parts)]
        return {key: block.parts[0] for key, block in self.lines.items()}


class Backlog:
    """The frame being written, and those that wait behind it, the oldest first. `collect` takes
    what the journal has gathered: it goes with the lines that came at the same time."""

    def __init__(
        self,
        next_frame: int,
        *,
        limit: int = LIMIT,
        collect: Callable[[], MakeRecords] | None = None,
    ) -> None:
        self.dropped_lines = 0
        self.size = 0
        self.frame_size = limit // FRAMES_AT_LIMIT
        self._limit = limit
        self._collect = collect
        self._next_frame = next_frame
        self._writing: PendingFrame | None = None
        self._waiting: deque[PendingFrame] = deque()

    def __iter__(self) -> Iterator[PendingFrame]:
        if self._writing is not None:
            yield self._writing
        yield from self._waiting

    def __bool__(self) -> bool:
        return self._writing is not None or bool(self._waiting)

    @property
    def last_frame(self) -> int:
        """The youngest frame that was ever begun."""
        return self._next_frame - 1

    def append(self, key: StreamKey, lines: Lines, now_ms: int) -> PendingFrame:
        """Keep the lines; returns the frame that they are now in."""
        frame = self._open_frame(now_ms)
        there = frame.lines.get(key)
        if there is None:
            frame.lines[key] = PendingBlock([lines])
        else:
            there.parts.append(lines)
        size = len(lines.text) + PART_OVERHEAD + TIME_OVERHEAD * len(lines.times)
        frame.size += size
        self.size += size
        if self.size > self._limit:
            self._drop_beyond_limit()
        return frame

    def note(self, now_ms: int) -> None:
        """There is something for the journal's records: a frame is to be written."""
        if not self._waiting:
            self._begin(now_ms)

    def begin_after(self, frame_id: int) -> None:
        """Every frame from now on has a higher id than this one."""
        self._next_frame = max(self._next_frame, frame_id + 1)

    def mark(self, mark: Mark, now_ms: int) -> PendingFrame:
        """Keep a mark, in a frame of its own so that its place among the lines is exact."""
        frame = self._begin(now_ms)
        frame.marks.append(mark)
        return frame

    def take(self) -> PendingFrame | None:
        """The oldest frame, to be written; no line joins it any more."""
        assert self._writing is None, "The frame before this one is still being written."
        if self._waiting:
            self._close(self._waiting[0])
            self._writing = self._waiting.popleft()
        return self._writing

    def settle(self) -> None:
        """The frame that was taken is on disk."""
        assert self._writing is not None
        self.size -= self._writing.size
        self._writing = None

    def give_back(self) -> None:
        """The frame that was taken could not be written."""
        assert self._writing is not None
        self._waiting.appendleft(self._writing)
        self._writing = None
        self._drop_beyond_limit()

    def is_past(self, frame_id: int) -> bool:
        """Whether every frame up to this one has left."""
        return next((frame.frame_id > frame_id for frame in self), True)

    def _open_frame(self, now_ms: int) -> PendingFrame:
        if self._waiting:
            youngest = self._waiting[-1]
            if youngest.size < self.frame_size and not youngest.marks:
                return youngest
        return self._begin(now_ms)

    def _begin(self, now_ms: int) -> PendingFrame:
        if self._waiting:
            self._close(self._waiting[-1])
        frame = PendingFrame(self._next_frame, now_ms)
        self._next_frame += 1
        self._waiting.append(frame)
        return frame

    def _close(self, frame: PendingFrame) -> None:
        if self._collect is not None and frame.make_records is None:
            frame.make_records = self._collect()

    def _drop_beyond_limit(self) -> None:
        """Marks and records stay: they are few, and what they say cannot be guessed."""
        while self.size > self._limit:
            oldest = next((frame for frame in self._waiting if frame.lines), None)
            if oldest is None or oldest is self._waiting[-1]:
                return
            self.size -= oldest.size
            self.dropped_lines += sum(map(len, oldest.lines.values()))
            oldest.lines, oldest.size = {}, 0
            if oldest.make_records is None:
                self._waiting.remove(oldest)
