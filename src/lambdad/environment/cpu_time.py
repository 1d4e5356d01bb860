"""What the processes of a sandbox take of the processor, as their cgroup counts it."""

from __future__ import annotations

import os

_NANOSECONDS = 1_000_000  # in a millisecond
_STAT = b"usage_usec "  # how version 2 begins; version 1 says nanoseconds and no more


class CpuTime:
    """Reads the gauge, which somebody else owns, at a cost of some microseconds; None for none."""

    def __init__(self, gauge: int | None = None) -> None:
        self._gauge = gauge
        self._last = 0
        self._unsaid = 0  # nanoseconds, read at the end

    def taken_ms(self) -> float:
        """Milliseconds since the last look, or since the beginning."""
        self._look()
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid / _NANOSECONDS

    def close(self) -> None:
        """Look one last time."""
        self._look()
        self._gauge = None

    def _look(self) -> None:
        if self._gauge is None:
            return
        try:
            now = _nanoseconds(os.pread(self._gauge, 64, 0))
        except OSError:
            return  # the sandbox is gone
        self._unsaid += max(0, now - self._last)
        self._last = now


def _nanoseconds(text: bytes) -> int:
    if text.startswith(_STAT):
        return int(text[len(_STAT) :].split(maxsplit=1)[0]) * 1000
    return int(text)
