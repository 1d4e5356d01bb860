"""Sandboxes that wait, made ahead: the next start takes one and is not kept waiting.

One pool key is one runtime of one account, and for languages whose heaps have their size from the
start one size of memory: what waits was forked from that account's zygote, and no other account
ever gets it. POLICY: `choose_refill` says which key gets another one, from figures alone; the pool
counts, and does as it says, when nothing has been started for a moment.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from lambdad.launcher.loop import Loop

WAITING_MB = 5  # of the machine's memory: 4.4 that it shares with none, and what the kernel holds
LEAST = 2  # so many wait for a key that is in use
REMEMBERED_SECONDS = 10.0  # starts that long ago tell how many there will be
IN_USE_SECONDS = 600.0
_QUIET_SECONDS = 0.02  # after a start, until others are made: what was started has the machine


class PoolKey(NamedTuple):
    """What those that wait have in common; `memory_mb` is 0 where it does not matter."""

    runtime: str
    account_id: str
    memory_mb: int = 0


@dataclass(frozen=True)
class Demand:
    """How one key is used: how many wait, how many were started lately, how many seconds ago one
    was last asked for, whether the last one that was made ended before it was needed, and how many
    megabytes one of them takes."""

    waiting: int
    started: int
    idle_seconds: float
    is_failing: bool = False
    size_mb: int = WAITING_MB

    @property
    def wanted(self) -> int:
        """How many should wait."""
        if self.idle_seconds > IN_USE_SECONDS:
            return 0
        return max(LEAST, self.started)


def choose_refill(demands: Mapping[PoolKey, Demand], budget_mb: int) -> PoolKey | None:
    """POLICY: the key that lacks the largest share of what it wants, of those for another of which
    there is room, as all that wait may have `budget_mb`; None when nothing is to be made."""
    room = budget_mb - _megabytes_waiting(demands)
    fitting = {key: demand for key, demand in demands.items() if demand.size_mb <= room}
    return _neediest(fitting)


def choose_surplus(demands: Mapping[PoolKey, Demand], budget_mb: int) -> PoolKey | None:
    """POLICY: a key of which more wait than it wants, when nobody uses it any more, or when there
    is no room for another's; None when all may wait on."""
    room = budget_mb - _megabytes_waiting(demands)
    neediest = _neediest(demands)
    is_needed = neediest is not None and demands[neediest].size_mb > room
    surplus = {
        key: demand.waiting - demand.wanted
        for key, demand in demands.items()
        if demand.waiting > demand.wanted and (is_needed or not demand.wanted)
    }
    return max(surplus, key=lambda key: surplus[key], default=None)


def _megabytes_waiting(demands: Mapping[PoolKey, Demand]) -> int:
    return sum(demand.waiting * demand.size_mb for demand in demands.values())


def _neediest(demands: Mapping[PoolKey, Demand]) -> PoolKey | None:
    lacking = {
        key: demand.waiting / demand.wanted
        for key, demand in demands.items()
        if demand.waiting < demand.wanted and not demand.is_failing
    }
    return min(lacking, key=lambda key: lacking[key], default=None)


class Waiting(Protocol):
    """What waits in a pool, or is on its way there."""

    @property
    def is_waiting(self) -> bool: ...

    def discard(self) -> None:
        """It is not needed any more."""


W = TypeVar("W", bound=Waiting)


@dataclass
class _Shelf(Generic[W]):
    waiting: deque[W] = field(default_factory=deque)
    starts: deque[float] = field(default_factory=deque)
    asked: float = 0.0
    is_failing: bool = False


class Pool(Generic[W]):
    """The sandboxes that wait, by key. `make` makes one, or raises OSError."""

    def __init__(
        self,
        loop: Loop,
        make: Callable[[PoolKey], W],
        budget_mb: int,
        size_mb: Callable[[PoolKey], int] = lambda key: WAITING_MB,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._make = make
        self._budget = budget_mb
        self._size_mb = size_mb
        self._now = now
        self._shelves: dict[PoolKey, _Shelf[W]] = {}
        self._due = math.inf
        self._is_closed = False
        self._last_start = -math.inf

    def __len__(self) -> int:
        """How many wait, or are about to."""
        return sum(len(shelf.waiting) for shelf in self._shelves.values())

    def expect(self, key: PoolKey) -> None:
        """Somebody will start one of these."""
        self._ask(key)
        self._schedule()

    def take(self, key: PoolKey) -> W | None:
        """One that waits, when there is one; else one that is about to."""
        shelf = self._ask(key)
        self._last_start = shelf.asked
        shelf.starts.append(shelf.asked)
        self._schedule()
        taken = next((each for each in shelf.waiting if each.is_waiting), None)
        if taken is not None:
            shelf.waiting.remove(taken)
            return taken
        return shelf.waiting.popleft() if shelf.waiting else None

    def forget(self, key: PoolKey, gone: W) -> None:
        """It ended by itself, and so might the next: none is made before somebody asks again."""
        shelf = self._shelf(key)
        if gone in shelf.waiting:
            shelf.waiting.remove(gone)
            shelf.is_failing = True

    def close(self) -> None:
        """Discard all that wait; nothing is made any more."""
        self._is_closed = True
        for shelf in self._shelves.values():
            while shelf.waiting:
                shelf.waiting.popleft().discard()

    def _ask(self, key: PoolKey) -> _Shelf[W]:
        shelf = self._shelf(key)
        shelf.asked, shelf.is_failing = self._now(), False
        return shelf

    def _shelf(self, key: PoolKey) -> _Shelf[W]:
        return self._shelves.setdefault(key, _Shelf())

    def _schedule(self, seconds: float = _QUIET_SECONDS) -> None:
        due = self._now() + seconds
        if due < self._due and self._budget and not self._is_closed:
            self._due = due
            self._loop.call_later(seconds, self._tend)

    def _tend(self) -> None:
        """Make one, or end one, and come back while there is something to do."""
        if self._is_closed or self._now() < self._due:
            return  # it was done earlier
        self._due = math.inf
        quiet = self._now() - self._last_start
        if quiet < _QUIET_SECONDS:
            self._schedule(_QUIET_SECONDS - quiet)
            return
        demands = {key: self._demand(key, shelf) for key, shelf in self._shelves.items()}
        if key := choose_surplus(demands, self._budget):
            self._shelves[key].waiting.popleft().discard()
            self._schedule()
        elif key := choose_refill(demands, self._budget):
            self._refill(key)
        elif any(shelf.waiting for shelf in self._shelves.values()):
            self._schedule(IN_USE_SECONDS / 10)

    def _refill(self, key: PoolKey) -> None:
        try:
            self._shelves[key].waiting.append(self._make(key))
        except OSError:
            self._shelves[key].is_failing = True  # the next start will say what is wrong
        self._schedule()

    def _demand(self, key: PoolKey, shelf: _Shelf[W]) -> Demand:
        now = self._now()
        while shelf.starts and shelf.starts[0] < now - REMEMBERED_SECONDS:
            shelf.starts.popleft()
        idle_seconds = now - shelf.asked
        waiting, starts = len(shelf.waiting), len(shelf.starts)
        return Demand(waiting, starts, idle_seconds, shelf.is_failing, self._size_mb(key))
