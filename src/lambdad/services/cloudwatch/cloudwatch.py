"""What CloudWatch's operations work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lambdad.clock import Clock
from lambdad.observe.log_store import LogStore
from lambdad.observe.metric_store import MetricStore
from lambdad.store.alarm_history import AlarmHistory
from lambdad.store.resources import Resources


@dataclass(frozen=True, slots=True)
class CloudWatch:
    """The parts that CloudWatch's operations work with.

    `logs` is the journal that metrics reach the disk in. Whoever decides upon an alarm and saves
    it holds `lock`, and sets `alarms_changed` to have it evaluated soon, `actions_pending` to have
    its actions done.
    """

    resources: Resources
    metrics: MetricStore
    logs: LogStore
    history: AlarmHistory
    clock: Clock
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    alarms_changed: asyncio.Event = field(default_factory=asyncio.Event)
    actions_pending: asyncio.Event = field(default_factory=asyncio.Event)
