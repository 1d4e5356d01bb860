"""When an idle environment is frozen: once it has been idle for a while, not between two events
that follow each other.

A timer for each event would cost as much as some events do. So there is at most one, which looks,
when it is due, whether there has been an event meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class FreezeTimer:
    """Calls `freeze` when `idle` was called so many `seconds` ago, and `busy` not since."""

    def __init__(self, seconds: float, freeze: Callable[[], None]) -> None:
        self._seconds = seconds
        self._freeze = freeze
        self._idle_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def idle(self) -> None:
        """An event is over."""
        loop = asyncio.get_running_loop()
        self._idle_since = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)

    def busy(self) -> None:
        """There is an event, or an end."""
        self._idle_since = None

    def _look(self) -> None:
        self._timer = None
        if self._idle_since is None:
            return
        loop = asyncio.get_running_loop()
        left = self._idle_since + self._seconds - loop.time()
        if left > 0.0005:  # a timer may be due a moment early
            self._timer = loop.call_later(left, self._look)
        else:
            self._idle_since = None
            self._freeze()
