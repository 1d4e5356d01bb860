"""The queries of the last seven days and their results, as files.

    QUERY_ID.json   the query, written when it is started and when it has ended
    QUERY_ID.rows   its results, one JSON list of values a line, written by the worker

Nothing is read before the first query of a server's life. What had not ended when a server did has
failed.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from lambdad.observe.insights.query import Query, Status
from lambdad.store.disk import force_directory_to_disk, force_to_disk

KEPT_MS = 7 * 86_400_000
MAX_QUERIES = 10_000
MAX_SIZE = 1 << 30  # bytes of results; beyond it the oldest go first
# What one answer may have: it is built in the server's memory, and while it is written as JSON
# nothing else is.
PAGE_VALUES = 100_000
PAGE_SIZE = 32 << 20  # bytes

_log = logging.getLogger(__name__)


class History:
    """Queries by id, the oldest first. Every method reads or writes files: call it on a thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._queries: dict[str, Query] | None = None
        self._sizes: dict[str, int] = {}  # of the results of each query that has some
        self._lock = threading.Lock()

    def find(self, query_id: str) -> Query | None:
        """That query, if it is still kept."""
        with self._lock:
            return self._load().get(query_id)

    def all(self, account_id: str, region: str) -> list[Query]:
        """The queries of an account and region, the newest first."""
        with self._lock:
            queries = reversed(self._load().values())
            return [
                each for each in queries if (each.account_id, each.region) == (account_id, region)
            ]

    def add(self, query: Query) -> None:
        """Keep a new query, and let go of what is too old or too much; on disk when it returns."""
        with self._lock:
            queries = self._load()
            self._make_room(queries, query.created_ms)
            self._save(query)
            queries[query.id] = query
            force_directory_to_disk(self._directory)

    def end(self, query: Query, status: Status) -> bool:
        """Remove what only the run of a query had need of, and write down how it has ended; False
        if it had ended before."""
        with self._lock:
            if query.status.is_final:
                return False
            shutil.rmtree(self.spill(query), ignore_errors=True)
            if status is not Status.COMPLETE:
                self.results(query).unlink(missing_ok=True)
            try:
                self._save(replace(query, status=status))
            except OSError as error:  # a full disk, say: it has ended all the same
                _log.warning("The end of the query %s cannot be written: %s", query.id, error)
            query.status = status
            self._measure(query)
            self._make_room(self._load(), query.created_ms, but=query)
            return True

    def results(self, query: Query) -> Path:
        """The file of its results."""
        return self._directory / f"{query.id}.rows"

    def spill(self, query: Query) -> Path:
        """A directory for what its run cannot hold in memory."""
        return self._directory / f"{query.id}.spill"

    def rows(self, query: Query, start: int, count: int) -> list[list[str | None]]:
        """Its results from `start` on, as many as make a page; none if there are none yet, or no
        more."""
        count = min(count, max(1, PAGE_VALUES // len(query.fields)))
        try:
            with self.results(query).open("rb") as file:
                return list(_page(islice(file, start, start + count)))
        except FileNotFoundError:
            return []

    def _load(self) -> dict[str, Query]:
        if self._queries is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            for left in self._directory.glob("*.spill"):
                shutil.rmtree(left, ignore_errors=True)
            found = sorted(self._read(), key=lambda query: query.created_ms)
            self._queries = {query.id: query for query in found}
            for query in found:
                self._measure(query)
        return self._queries

    def _read(self) -> Iterator[Query]:
        for path in self._directory.glob("*.json"):
            try:
                query = _parse(path.read_text())
            except (ValueError, TypeError, KeyError) as error:
                _log.warning("The query %s cannot be read: %s", path, error)
                continue
            if not query.status.is_final:
                query.status = Status.FAILED
            yield query

    def _save(self, query: Query) -> None:
        path = self._directory / f"{query.id}.json"
        incoming = path.with_suffix(".incoming")
        document = {**asdict(query), "status": query.status.value}
        with incoming.open("w") as file:
            file.write(json.dumps(document))
            file.flush()
            force_to_disk(file.fileno())
        incoming.replace(path)

    def _make_room(
        self, queries: dict[str, Query], now_ms: int, *, but: Query | None = None
    ) -> None:
        """Let go of what is too old or too much, the oldest first."""
        size = sum(self._sizes.values())
        for query in list(queries.values()):
            is_old = query.created_ms < now_ms - KEPT_MS
            if not (is_old or len(queries) >= MAX_QUERIES or size > MAX_SIZE):
                return
            if query.status.is_final and query is not but:
                size -= self._sizes.pop(query.id, 0)
                del queries[query.id]
                self.results(query).unlink(missing_ok=True)
                (self._directory / f"{query.id}.json").unlink(missing_ok=True)

    def _measure(self, query: Query) -> None:
        try:
            self._sizes[query.id] = self.results(query).stat().st_size
        except FileNotFoundError:
            pass  # it has none


def _page(lines: Iterable[bytes]) -> Iterator[list[str | None]]:
    size = 0
    for line in lines:
        size += len(line)
        if size > PAGE_SIZE and size > len(line):
            return
        yield json.loads(line)


def _parse(text: str) -> Query:
    document = json.loads(text)
    return Query(
        **{
            **document,
            "log_groups": tuple(document["log_groups"]),
            "fields": tuple(document["fields"]),
            "status": Status(document["status"]),
        }
    )
