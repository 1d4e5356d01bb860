"""POLICY: which idle environments end to make room. Never one that has an event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Idle(Protocol):
    """What is known of an idle environment: since when it is idle, and the bytes that it holds."""

    @property
    def idle_since(self) -> float: ...

    @property
    def memory_held(self) -> int: ...


I = TypeVar("I", bound=Idle)  # noqa: E741


def choose_eviction(idle: Iterable[I]) -> I | None:
    """The one that has been idle for longest; None when none is idle."""
    return min(idle, key=lambda each: each.idle_since, default=None)


def choose_evictions(idle: Iterable[I], surplus: int) -> list[I]:
    """Those that have been idle for longest, as few as hold `surplus` bytes together."""
    chosen: list[I] = []
    for each in sorted(idle, key=lambda each: each.idle_since):
        if surplus <= 0:
            break
        chosen.append(each)
        surplus -= each.memory_held
    return chosen
