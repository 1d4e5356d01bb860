"""What CloudWatch Logs' operations work with."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from lambdad.clock import Clock
from lambdad.observe.log_store import LogStore
from lambdad.store.resources import Resources


@dataclass(frozen=True, slots=True)
class Logs:
    """The log store has the groups, streams and lines; `resources` what is set for them. Whoever
    reads settings, decides and saves them holds `lock`; who changes subscription filters sets
    `subscriptions_changed`, who changes a retention `retention_changed`. `live_tails` counts the
    sessions of each account and region."""

    store: LogStore
    resources: Resources
    clock: Clock
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    subscriptions_changed: asyncio.Event = field(default_factory=asyncio.Event)
    retention_changed: asyncio.Event = field(default_factory=asyncio.Event)
    live_tails: Counter[tuple[str, str]] = field(default_factory=Counter)

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.clock.now() * 1000)
