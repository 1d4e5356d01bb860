"""What IAM's operations work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lambdad.clock import Clock
from lambdad.store.resources import Resources


@dataclass(frozen=True, slots=True)
class Iam:
    """The parts that IAM's operations work with.

    Whoever decides upon anything of IAM and saves it holds `lock`: changes are rare, and many
    concern several entities at once.
    """

    resources: Resources
    clock: Clock
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> int:
        """The time as IAM tells it: in whole seconds."""
        return int(self.clock.now())
