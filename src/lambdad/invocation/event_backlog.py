"""The events of one function, as its dispatcher sees them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from lambdad.invocation.choose_workers import Load, choose_ahead
from lambdad.invocation.scaling import average
from lambdad.model.event import Claim
from lambdad.model.resource import Key

NEVER = float("inf")


@dataclass(slots=True, eq=False)
class EventBacklog:
    """`waiting` are claimed and no worker has begun them. `next_due` is when the queue has more
    (seconds since the epoch); `alarms` are the times at which its dispatcher looks, the next one
    last. `is_parked` says that more are due than it has room for. `held_until` is set when the
    function has no concurrency left."""

    key: Key
    waiting: deque[Claim] = field(default_factory=deque)
    workers: int = 0
    starting: int = 0  # of the workers; they have no event yet, and no concurrency
    coming: int = 0  # on their way to the disk or from it, with a claim
    next_due: float = NEVER
    alarms: list[float] = field(default_factory=list)
    is_parked: bool = False
    held_until: float = 0.0  # monotonic
    mean_seconds: float | None = None
    held_bytes: int = 0  # of events in memory
    mean_bytes: float = 4096.0  # of an event

    @property
    def is_over(self) -> bool:
        """Whether nothing is known of any event."""
        idle = not (self.waiting or self.workers or self.coming or self.alarms)
        return idle and self.next_due == NEVER

    @property
    def room(self) -> int:
        """How many more events should be claimed."""
        ahead = choose_ahead(self.workers, self.mean_seconds)
        there = len(self.waiting) + self.coming
        return 0 if 2 * there > ahead else ahead - there

    def load(self, free: int) -> Load:
        """For the policy of workers. `free` is what those that are starting will take, too."""
        return Load(self.workers, len(self.waiting), free - self.starting)

    def holds(self, size: int) -> None:
        """Another event of so many bytes is in memory."""
        self.held_bytes += size
        self.mean_bytes = average(self.mean_bytes, size)

    def took(self, seconds: float) -> None:
        """An event has run for so long."""
        self.mean_seconds = average(self.mean_seconds, seconds)
