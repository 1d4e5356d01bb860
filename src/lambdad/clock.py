"""Time comes from a clock that is given, so that tests can own it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where every part that needs the time gets it."""

    def now(self) -> float:
        """Seconds since the epoch; may jump when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class SteadyClock:
    """Tells the time by the machine's clock as it was at the beginning, and by what has passed
    since: setting that clock moves nothing. Time that the machine sleeps has passed too."""

    def __init__(self) -> None:
        self._beginning = time.time() - _since_boot()

    def now(self) -> float:
        return self._beginning + _since_boot()

    def monotonic(self) -> float:
        return time.monotonic()


def _since_boot() -> float:
    which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # only Linux has the first
    return time.clock_gettime(which)


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now += seconds
        self._monotonic += seconds


def to_datetime(epoch: float) -> datetime:
    """The moment `epoch` (seconds) as an aware UTC datetime, for timestamp members."""
    return datetime.fromtimestamp(epoch, UTC)
