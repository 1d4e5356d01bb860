"""A rate: tokens that come back continuously, up to as many as the bucket holds."""

from __future__ import annotations


class TokenBucket:
    """It is full at first. Who takes a token may go on; time is told by whoever asks."""

    __slots__ = ("_capacity", "_per_second", "_since", "_tokens")

    def __init__(self, per_second: float, capacity: float, now: float) -> None:
        self._per_second = per_second
        self._capacity = capacity
        self._tokens = capacity
        self._since = now  # when there were so many

    def take(self, now: float) -> bool:
        """Take one, if there is one."""
        tokens = self._now_holds(now)
        self._since = now
        if tokens < 1:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1
        return True

    def change(self, per_second: float, capacity: float, now: float) -> None:
        """From now on it is filled like this. What was taken before stays taken."""
        taken = self._capacity - self._now_holds(now)
        self._per_second, self._capacity = per_second, capacity
        self._tokens, self._since = max(0.0, capacity - taken), now

    def is_full(self, now: float) -> bool:
        """Whether it is as good as a new one."""
        return self._now_holds(now) >= self._capacity

    def _now_holds(self, now: float) -> float:
        return min(self._capacity, self._tokens + (now - self._since) * self._per_second)
