"""A deadline that is nearly always met, and set anew with every event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdad.clock import Clock

_LEAST_SECONDS = 0.001  # uvloop takes less for none
_EXACT_SECONDS = 1e-6  # more than what is lost in adding up


class Alarm:
    """Calls `ring` with the seconds that it was set to when they are over.

    To set and clear it leaves the event loop alone: a timer that runs is left running, and looks
    when its time has come whether that is too early by now.

    It goes by `clock`: the event loop's own stands still while the loop works, and a deadline
    counted from that comes too early.
    """

    def __init__(self, ring: Callable[[float], None], clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._seconds = 0.0
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0  # a timer of uvloop's does not always know

    def set(self, seconds: float) -> None:
        """Ring in so many `seconds`, and at no other time."""
        self._seconds = seconds
        self._due = due = self._clock.monotonic() + seconds
        if self._timer is None or self._timer_due > due:
            self.cancel_timer()
            self._look_after(seconds)

    def clear(self) -> None:
        """Do not ring."""
        self._due = None

    def cancel_timer(self) -> None:
        """Leave nothing behind in the event loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_after(self, seconds: float) -> None:
        self._timer_due = self._clock.monotonic() + seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        early = self._due - self._clock.monotonic()
        if early > _EXACT_SECONDS:
            self._look_after(max(early, _LEAST_SECONDS))
        else:
            self._due = None
            self._ring(self._seconds)
