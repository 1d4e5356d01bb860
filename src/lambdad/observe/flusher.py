"""The thread that brings the backlog to disk: at most every `every` seconds, sooner when asked.

It survives a disk that refuses: what could not be written stays in the backlog and is tried again
after the same time. When nothing is pending it sleeps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lambdad.errors import PlatformError
from lambdad.observe.backlog import Backlog, PendingFrame
from lambdad.observe.frames import serialize_frame
from lambdad.observe.segments import Segments, write_frame

_log = logging.getLogger(__name__)


class Flusher:
    """`lock` guards the backlog and the segments' lists; no input or output happens under it."""

    def __init__(
        self,
        backlog: Backlog,
        segments: Segments,
        lock: threading.Condition,
        *,
        every: float,
    ) -> None:
        self._backlog = backlog
        self._segments = segments
        self._lock = lock
        self._every = every
        self.prepare: Callable[[], None] | None = None
        self._hurry = threading.Event()
        self._closing = False
        self._sealing = False
        self._failure: OSError | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="lambdad-logs", daemon=True)

    @property
    def is_failing(self) -> bool:
        """Whether the disk refused the last attempt."""
        return self._failure is not None

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        """Flush now rather than when the time has come."""
        self._hurry.set()

    def seal(self, *, wait: bool = False) -> None:
        """Begin a new segment, after what is pending now if the disk takes that."""
        with self._lock:
            self._sealing = True
            self._hurry.set()
            self._lock.notify_all()
            self._lock.wait_for(lambda: not (wait and self._sealing and self._thread.is_alive()))

    def flush(self) -> None:
        """Return when all that is pending now is on disk; raises OSError if the disk refuses."""
        with self._lock:
            target, failures = self._backlog.last_frame, self._failures
            self._hurry.set()
            self._lock.wait_for(
                lambda: (
                    self._backlog.is_past(target)
                    or self._failures > failures
                    or not self._thread.is_alive()
                )
            )
            if not self._backlog.is_past(target):
                raise self._failure or PlatformError("The log store is closed.")

    def stop(self) -> None:
        """Flush a last time and end the thread; what the disk refuses now is lost, and said so."""
        with self._lock:
            self._closing = True
            self._hurry.set()
            self._lock.notify_all()
        self._thread.join()
        if self._backlog:
            _log.error("Log lines are lost: the disk refused them. %s", self._failure)

    def _run(self) -> None:
        while self._wait():
            self._flush_pending()
            self._seal_if_asked()
            if self._closing and self._failure is not None:
                return

    def _wait(self) -> bool:
        """Wait until a flush is due; False when there is nothing more to flush, ever."""
        with self._lock:
            self._lock.wait_for(lambda: bool(self._backlog) or self._closing or self._sealing)
            if not self._backlog and not self._sealing:
                return False
        self._hurry.wait(self._every)
        self._hurry.clear()
        return True

    def _flush_pending(self) -> None:
        if self.prepare is not None:
            self.prepare()
        while True:
            with self._lock:
                frame = self._backlog.take()
            if frame is None:
                return
            try:
                self._write(frame)
            except OSError as error:
                self._fail(error)
                return
            except Exception:  # a fault of ours: this frame must not hold up all others for ever
                _log.exception("Frame %d of log lines cannot be written.", frame.frame_id)
                with self._lock:
                    self._settle()
            if self._failure is not None:
                self._recover()

    def _seal_if_asked(self) -> None:
        with self._lock:
            if self._sealing:
                self._segments.seal()
                self._sealing = False
                self._lock.notify_all()

    def _write(self, frame: PendingFrame) -> None:
        if frame.records is None:
            frame.records = _records(frame)
        if not (frame.lines or frame.marks or frame.records):
            with self._lock:
                self._settle()
            return
        content = serialize_frame(
            frame.frame_id, frame.ingestion_ms, frame.joined(), frame.marks, frame.records
        )
        segment = self._segments.current()
        stored = write_frame(segment, content)
        with self._lock:
            segment.publish(stored)
            self._settle()

    def _settle(self) -> None:
        self._backlog.settle()
        self._lock.notify_all()

    def _fail(self, error: OSError) -> None:
        if self._failure is None:
            _log.error("Log lines cannot be written and are kept in memory: %s", error)
        with self._lock:
            self._failure = error
            self._failures += 1
            self._backlog.give_back()
            self._lock.notify_all()

    def _recover(self) -> None:
        with self._lock:
            self._failure = None
            dropped = self._backlog.dropped_lines
        _log.warning("Log lines can be written again. Dropped since the start: %d lines.", dropped)


def _records(frame: PendingFrame) -> bytes:
    """What the journal writes of the frame. A fault of ours there costs no lines."""
    try:
        return frame.make_records(frame) if frame.make_records else b""
    except Exception:
        _log.exception("Metrics and usage of frame %d are lost.", frame.frame_id)
        return b""
