"""All that is observed on a node, built in its order: journal, books, log store, recorder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lambdad.clock import Clock
from lambdad.model.subscription_filter import SubscriptionFilter
from lambdad.observe.function_recorder import FunctionRecorder
from lambdad.observe.journal import Journal
from lambdad.observe.log_store import LogStore
from lambdad.observe.metric_store import Filters, MetricStore
from lambdad.observe.traces import TraceStore
from lambdad.observe.usage_ledger import UsageLedger
from lambdad.store.database import Database
from lambdad.store.log_cursors import first_followed_frame, read_cursors

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observation:
    """The parts that observe, by what they keep."""

    journal: Journal
    logs: LogStore
    metrics: MetricStore
    ledger: UsageLedger
    traces: TraceStore
    recorder: FunctionRecorder

    @classmethod
    async def open(
        cls,
        database: Database,
        directory: Path,
        clock: Clock,
        architecture: str,
        *,
        filters: Filters = tuple,
        subscriptions: Callable[[], Iterable[SubscriptionFilter]] = tuple,
        is_on: bool,
    ) -> Self:
        """Open the log store of `directory` and replay what a killed node had not settled.
        `filters` tells the metric filters that there are, `subscriptions` those who follow lines:
        what they have yet to read stays where it is from the beginning. Without `is_on` lines are
        kept, and nothing else of what functions do."""
        journal = Journal(database)
        metrics = MetricStore(journal, database, clock, filters)
        ledger = UsageLedger(journal)
        cursors = await database.read(read_cursors)
        followed_frame = first_followed_frame(subscriptions(), cursors)
        logs = LogStore.open(directory, collect=journal.collect, followed_frame=followed_frame)
        await journal.open(logs)
        traces = TraceStore(logs, clock)
        recorder = FunctionRecorder(logs, metrics, ledger, traces, clock, architecture, is_on=is_on)
        return cls(journal, logs, metrics, ledger, traces, recorder)

    async def close(self) -> None:
        """Settle, so that the next start has nothing to replay, and bring all to disk."""
        try:
            await self.journal.settle(self.logs)
        except Exception as error:  # whatever the database says: the journal has them
            _log.error("Metrics and usage are settled by the next start: %s", error)
        finally:
            self.logs.close()
