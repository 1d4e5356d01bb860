"""POLICY: how fast a streamed response may go.

The first 6 MiB go as fast as they can, as at AWS; what follows at so many bytes per second.
"""

from __future__ import annotations

from lambdad.model.limits import STREAMED_AT_ONCE


class Bandwidth:
    """Of one response; `rate` is in bytes per second, 0 for as fast as it can."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sent = 0
        self._due = 0.0

    def send(self, size: int, now: float) -> float:
        """Count `size` bytes; how many seconds to wait before the next. What a function has not
        used while it wrote nothing is not saved up."""
        self._sent += size
        surplus = min(size, self._sent - STREAMED_AT_ONCE)
        if not self._rate or surplus <= 0:
            return 0.0
        self._due = max(self._due, now) + surplus / self._rate
        return self._due - now
