"""A plan, run on DuckDB: lines in, batch by batch, rows out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lambdad.observe.insights.plan import Plan
from lambdad.observe.insights.sql import PRELUDE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SETTINGS = {
    "threads": "1",
    "memory_limit": "'512MiB'",
    "max_temp_directory_size": "'4GiB'",  # of what does not fit there
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}

_TYPES = {"message": "VARCHAR", "stream": "VARCHAR", "log": "VARCHAR", "ingested": "BIGINT"}
_TRIM_ABOVE = 50_000  # rows more than are asked for


class Engine:
    """One query. Nothing that it runs can reach files, the network or other settings."""

    def __init__(self, plan: Plan, connection: DuckDBPyConnection) -> None:
        self.matched = 0  # lines that were kept
        self._plan = plan
        self._connection = connection
        self._next = 0
        self._trim_at = _TRIM_ABOVE
        self._batch = self._batch_sql()
        self._execute(f"CREATE TABLE kept AS {self._batch}", self._parameters([], {}))

    @classmethod
    def open(cls, plan: Plan, spill: Path) -> Self:
        """Start DuckDB, which may use the directory `spill` for what memory does not hold."""
        import duckdb  # only in the process of a query: 30 MB and 100 ms

        connection = duckdb.connect(":memory:")
        for setting, value in _SETTINGS.items():
            connection.execute(f"SET {setting} = {value}")
        quoted = str(spill).replace("'", "''")
        connection.execute(f"SET temp_directory = '{quoted}'")
        for statement in (*PRELUDE, "SET enable_external_access = false"):
            connection.execute(statement)
        connection.execute("SET lock_configuration = true")
        return cls(plan, connection)

    def add(self, times: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
        """Take in a batch of lines: their times, and those columns that the plan needs."""
        parameters = self._parameters(times, columns)
        self._next += len(times)
        inserted = self._execute(f"INSERT INTO kept {self._batch}", parameters).fetchone()
        assert inserted is not None
        self.matched += inserted[0]
        if self._plan.top is not None and self.matched >= self._trim_at:
            self._trim()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The results, after all lines were taken in."""
        finish = self._plan.finish
        with closing(self._execute(finish.sql, dict(finish.parameters))) as cursor:
            while rows := cursor.fetchmany(1000):
                yield from rows

    def _trim(self) -> None:
        """Keep what matters. Rarely: it costs as much as is kept."""
        self._execute(f"CREATE TABLE top AS SELECT * FROM kept {self._plan.top}", {})
        self._execute("DROP TABLE kept", {})
        self._execute("ALTER TABLE top RENAME TO kept", {})
        self._trim_at = self.matched + _TRIM_ABOVE

    def _batch_sql(self) -> str:
        columns = ["unnest($lines_ts::BIGINT[]) AS ts", "unnest(range($first, $behind)) AS n"]
        columns += [
            f"unnest($lines_{name}::{_TYPES[name]}[]) AS {name}" for name in self._plan.columns
        ]
        return f"WITH lines AS (SELECT {', '.join(columns)}) {self._plan.select.sql}"

    def _parameters(
        self, times: Sequence[int], columns: Mapping[str, Sequence[Any]]
    ) -> dict[str, Any]:
        lines = {f"lines_{name}": columns.get(name, []) for name in self._plan.columns}
        place = {"lines_ts": times, "first": self._next, "behind": self._next + len(times)}
        return {**self._plan.select.parameters, **lines, **place}

    def _execute(self, sql: str, parameters: dict[str, Any]) -> DuckDBPyConnection:
        return self._connection.execute(sql, parameters)
