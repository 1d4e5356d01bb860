"""A deadline that is nearly always met, and set anew with every event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls `ring` with the seconds that it was set to when they are over.

    To set and clear it leaves the event loop alone: a timer that runs is left running, and looks
    when its time has come whether that is too early by now.
    """

    def __init__(self, ring: Callable[[float], None]) -> None:
        self._ring = ring
        self._seconds = 0.0
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0  # a timer of uvloop's does not always know

    def set(self, seconds: float) -> None:
        """Ring in so many `seconds`, and at no other time."""
        loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._due = due = loop.time() + seconds
        if self._timer is None or self._timer_due > due:
            self.cancel_timer()
            self._look_at(due)

    def clear(self) -> None:
        """Do not ring."""
        self._due = None

    def cancel_timer(self) -> None:
        """Leave nothing behind in the event loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, due: float) -> None:
        self._timer_due = due
        self._timer = asyncio.get_running_loop().call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._due:
            self._look_at(self._due)
        else:
            self._due = None
            self._ring(self._seconds)
