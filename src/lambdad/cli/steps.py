"""What people see of long work: which step it is at, and how much of that is done."""

from __future__ import annotations

from typing import Protocol


class OnStep(Protocol):
    """Hears of every step, and of a long one again and again, as a share from 0 to 1."""

    def __call__(self, step: str, share: float = 0.0) -> None: ...


def ignore(step: str, share: float = 0.0) -> None:
    """Nobody looks."""
