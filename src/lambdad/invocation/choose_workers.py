"""How many events of one function run at once (POLICY), and how many are claimed ahead of that.

A function that waits for others (a database, the network) gains by every worker, one that
calculates gains by no more than there are processors. Which of the two it is, its backlog shows:
as long as it does not shrink by itself and processors are idle, there are more workers every time.
"""

from __future__ import annotations

from dataclasses import dataclass

AHEAD_SECONDS = 0.05  # of work that is claimed before it can begin
MOST_AHEAD = 256
_AHEAD_AT_FIRST = 16  # while nobody knows how long an event takes
_IDLE_ENOUGH = 0.1  # of all processors


@dataclass(frozen=True, slots=True)
class Load:
    """A function's events. `free` is how many more its concurrency permits now."""

    workers: int
    waiting: int
    free: int


def choose_workers(load: Load, at_once: int) -> int:
    """So many workers at once: some for whatever comes, as far as concurrency permits, but always
    one, which finds out when it does not."""
    wanted = min(load.workers + load.waiting, max(load.workers, at_once))
    return min(wanted, max(load.workers + load.free, 1))


def grow_workers(load: Load, idle_share: float) -> int:
    """So many after another while with a backlog: half as many again, if processors are idle."""
    if not load.waiting or idle_share < _IDLE_ENOUGH:
        return load.workers
    growth = min(max(1, load.workers // 2), load.waiting, max(0, load.free))
    return load.workers + growth


def choose_ahead(workers: int, mean_seconds: float | None) -> int:
    """How many events to hold that no worker has begun yet."""
    if mean_seconds is None:
        return _AHEAD_AT_FIRST
    served = AHEAD_SECONDS * max(1, workers) / max(mean_seconds, 1e-4)
    return max(1, min(MOST_AHEAD, int(served)))
