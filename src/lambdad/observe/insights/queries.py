"""The queries of a node: each is a process, two run at a time, the others wait.

start ──▶ Scheduled ──▶ Running ──▶ Complete, Failed, Timeout; Cancelled by stop
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdad.clock import Clock
from lambdad.observe.insights.history import History
from lambdad.observe.insights.plan import Plan
from lambdad.observe.insights.query import Query, Status
from lambdad.observe.log_store import LogStore

AT_ONCE = 2
MAX_CONCURRENT = 100  # of an account in a region, those that wait included
TIMEOUT = 3600.0

_PROGRAM = "lambdad.observe.insights.worker"
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONSAFEPATH")
_log = logging.getLogger(__name__)


class EngineMissing(Exception):
    """What queries run on is not installed."""


class TooManyQueries(Exception):
    """The account has as many queries as it may have."""


class QueryFailed(Exception):
    """The process could not bring the query to its end; the message says why."""


@dataclass(eq=False)
class Queries:
    """Starts queries, and knows those that were started. Cheap until the first one."""

    log_store: LogStore
    directory: Path
    clock: Clock
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        self._history = History(self.directory)
        self._runs: dict[str, tuple[Query, asyncio.Task[None]]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    async def start(self, query: Query, plan: Plan) -> None:
        """Keep the query, and run it when its turn comes; on disk when this returns."""
        if importlib.util.find_spec("duckdb") is None:
            raise EngineMissing
        place = (query.account_id, query.region)
        concurrent = [
            run for run, _ in self._runs.values() if (run.account_id, run.region) == place
        ]
        if len(concurrent) >= MAX_CONCURRENT:
            raise TooManyQueries
        added = asyncio.ensure_future(asyncio.to_thread(self._history.add, query))
        self._runs[query.id] = (query, asyncio.create_task(self._run(query, plan, added)))
        await asyncio.shield(added)

    async def find(self, query_id: str) -> Query | None:
        """That query; None if it was never started, or too long ago."""
        return await asyncio.to_thread(self._history.find, query_id)

    async def all(self, account_id: str, region: str) -> list[Query]:
        """Those of an account and region, the newest first."""
        return await asyncio.to_thread(self._history.all, account_id, region)

    async def rows(self, query: Query, start: int, count: int) -> list[list[str | None]]:
        """Results from `start` on, once it is complete."""
        if query.status is not Status.COMPLETE:
            return []
        return await asyncio.to_thread(self._history.rows, query, start, count)

    async def stop(self, query: Query) -> bool:
        """Cancel it; False if it has ended already."""
        run = self._runs.get(query.id)
        if run is not None:
            run[1].cancel()
            await asyncio.wait([run[1]])
        return await self._end(query, Status.CANCELLED)

    async def close(self) -> None:
        """End all processes; a query that has not ended has failed, says the next start."""
        tasks = [task for _, task in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, query: Query, plan: Plan, added: asyncio.Future[None]) -> None:
        try:
            await asyncio.wait([added])
            if added.exception() is not None:
                return  # whoever starts the query is told
            async with self._room:
                query.status = Status.RUNNING
                started = self.clock.now()
                status = await self._execute(query, plan)
                query.duration_ms = int((self.clock.now() - started) * 1000)
            await self._end(query, status)
        finally:
            del self._runs[query.id]

    async def _end(self, query: Query, status: Status) -> bool:
        """It has ended so, if it had not already; known when it is on disk."""
        return await asyncio.shield(asyncio.to_thread(self._history.end, query, status))

    async def _execute(self, query: Query, plan: Plan) -> Status:
        try:
            async with asyncio.timeout(self.timeout):
                await self._work(query, plan)
        except TimeoutError:
            return Status.TIMEOUT
        except (QueryFailed, OSError, ValueError) as error:
            _log.warning("The Logs Insights query %s has failed: %s", query.id, error)
            return Status.FAILED
        except Exception:  # a mistake of ours must not let it seem to run for ever
            _log.exception("The Logs Insights query %s has failed.", query.id)
            return Status.FAILED
        return Status.COMPLETE

    async def _work(self, query: Query, plan: Plan) -> None:
        place = (query.account_id, query.region, query.log_groups)
        spill = self._history.spill(query)
        extent = await asyncio.to_thread(
            self.log_store.extent, *place, query.start_ms, query.end_ms, spill / "lines"
        )
        work = {
            "plan": plan.document(),
            "extent": extent.document(),
            "results": str(self._history.results(query)),
            "spill": str(spill),
            "cpu_seconds": int(self.timeout) + 1,
        }
        await _run_worker(query, work)


async def _run_worker(query: Query, work: dict[str, Any]) -> None:
    """Let a process do the work, and the query know how far it is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(work).encode() + b"\n")
        is_complete = False
        async for line in process.stdout:
            is_complete = _take_report(query, json.loads(line))
        status = await process.wait()
        if not is_complete:
            raise QueryFailed(f"its process ended with {status}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _take_report(query: Query, report: dict[str, Any]) -> bool:
    """Take in what the process tells; whether that was its last."""
    if "error" in report:
        raise QueryFailed(report["error"])
    for figure, value in report.items():
        setattr(query, figure, value)
    return "rows" in report
