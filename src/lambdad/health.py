"""The node's own health: what it measures of itself, and tells operators of. A part of the
composition root, since it looks into every room."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from lambdad import __version__
from lambdad.environment.launcher_client import LauncherClient
from lambdad.errors import PlatformError
from lambdad.invocation.dispatcher import Dispatcher
from lambdad.invocation.lease import Leases
from lambdad.invocation.pool import Pool
from lambdad.model.emit import Emit
from lambdad.observe.exposition import Gauge
from lambdad.observe.function_totals import FunctionTotals
from lambdad.observe.log_store import LogStore
from lambdad.observe.otlp import metrics_document
from lambdad.observe.overview import Environments
from lambdad.store.database import Database

MEASURE_SECONDS = 1.0
EXPORT_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """The parts that are looked at."""

    pool: Pool
    leases: Leases
    dispatcher: Dispatcher
    log_store: LogStore
    database: Database
    launcher: LauncherClient

    async def gauges(self) -> list[Gauge]:
        """Figures of the node, for Prometheus and collectors."""
        waiting = await self.launcher.count_waiting()
        logs, commits = self.log_store, self.database.commits
        return [
            Gauge("environments", "Execution environments that there are.", len(self.pool)),
            Gauge("idle_environments", "Those that wait for an event.", self.pool.idle_count),
            Gauge("waiting_sandboxes", "Sandboxes that wait for an environment.", waiting),
            Gauge("concurrent_executions", "Leases: invocations that run.", self.leases.running),
            Gauge("events_held", "Events that run or are about to.", self.dispatcher.held),
            Gauge("log_pending_bytes", "Log lines that are not on disk yet.", logs.pending_bytes),
            Gauge(
                "log_dropped_lines_total",
                "Log lines that a disk has refused for too long.",
                logs.dropped_lines,
                is_counter=True,
            ),
            Gauge("commits_total", "Transactions of the database.", commits.count, is_counter=True),
            Gauge(
                "commit_seconds_total",
                "Time that transactions took, until they were on disk.",
                commits.seconds,
                is_counter=True,
            ),
            Gauge("commit_waiting_changes", "Changes that wait for a commit.", commits.waiting),
        ]

    def environments(self) -> dict[tuple[str, str, str], Environments]:
        """Every function's environments."""
        found: dict[tuple[str, str, str], Environments] = {}
        for environment in self.pool:
            figures = found.setdefault(environment.version.function_key, Environments())
            if self.pool.is_idle(environment):
                figures.idle += 1
            else:
                figures.busy += 1
            figures.memory += environment.memory_held
        return found

    async def measure_forever(self, emit: Emit) -> None:
        """Tell once a second how much has run at once."""
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            for name, function, value, resource in self.leases.measure():
                emit(name, function, value, resource)

    async def export_forever(self, url: str, totals: FunctionTotals) -> None:
        """Send all that was counted to a collector, now and then. What it misses it gets with the
        next: counts are told since the start."""
        # Only here: its botocore would cost every start some 30 ms.
        from lambdad.client.collector import Collector

        collector, started = Collector(url), time.time()
        try:
            while True:
                await asyncio.sleep(EXPORT_SECONDS)
                gauges = await self.gauges()
                times = {"started": started, "now": time.time()}
                document = metrics_document(totals, gauges, version=__version__, **times)
                try:
                    await collector.send(document)
                except PlatformError as error:
                    _log.warning("%s", error)
        finally:
            collector.close()
