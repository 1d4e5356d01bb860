"""A loop and a clock that stand still until a test lets time pass."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from lambdad.launcher.pool import PoolKey


class PlayedLoop:
    """Has the one method of the launcher's loop that a pool uses."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self.time

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.time + seconds, next(self._numbers), callback))

    def pass_time(self, seconds: float) -> None:
        """A call that is due comes a moment late, as any does."""
        until = self.time + seconds
        while self._due and self._due[0][0] <= until:
            due, _, callback = heapq.heappop(self._due)
            self.time = max(self.time, due) + 1e-6
            callback()
        self.time = max(self.time, until)


class PlayedWaiting:
    """One that waits."""

    is_waiting = True

    def __init__(self, key: PoolKey) -> None:
        self.key = key
        self.is_discarded = False

    def discard(self) -> None:
        assert not self.is_discarded
        self.is_discarded = True
