"""The fields of a log event: CloudWatch's own, those of Lambda's lines, and those of JSON.

Only fields that a query names are looked for. Those of JSON are found by their path, `a.b` and
`list.0`, in the message or in the JSON fragment that it contains; a name that begins with `@` has
one more in a query (`@@message`).
"""

from __future__ import annotations

from collections.abc import Callable

from lambdad.observe.insights.sql import Kind, Sql

# Columns of what is read from the log: each line's number, time, text, and where it comes from.
NUMBER, TIME, MESSAGE = "n", "ts", "message"
OWN = {
    "@timestamp": Sql(TIME, Kind.TIME),
    "@message": Sql(MESSAGE, Kind.TEXT),
    "@ptr": Sql(f"[{NUMBER}, {TIME}]", Kind.POINTER),
    "@ingestionTime": Sql("ingested", Kind.TIME),
    "@logStream": Sql("stream", Kind.TEXT),
    "@log": Sql("log", Kind.TEXT),
}

# What decides between events of one time: the later arrival comes first.
ARRIVAL = Sql(NUMBER, Kind.NUMBER)

_ID = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_ID_OF_PLATFORM = "^(?:START|END|REPORT) RequestId: " + _ID
_ID_OF_LOGGER = r"^(?:[^\t\n]*\t){1,2}" + _ID + r"\t"


def _found(pattern: str) -> str:
    return f"nullif(regexp_extract(message, '{pattern}', 1), '')"


def _reported(label: str, unit: str, factor: str = "") -> Sql:
    figure = f"TRY_CAST(regexp_extract(message, '\\t{label}: ([0-9.]+) {unit}', 1) AS DOUBLE)"
    is_report = "starts_with(message, 'REPORT RequestId: ')"
    return Sql(f"CASE WHEN {is_report} THEN {figure}{factor} END", Kind.MEASURE)


# The lines that Lambda writes, and those of its runtimes' loggers, which have the id in a column.
_LAMBDA = {
    "@type": Sql(
        f"coalesce({_found('^(START|END|REPORT) RequestId: ')}, {_found('^(INIT_START) ')})",
        Kind.TEXT,
    ),
    "@requestId": Sql(
        f"coalesce({_found(_ID_OF_PLATFORM)}, {_found(_ID_OF_LOGGER)})",
        Kind.TEXT,
    ),
    "@duration": _reported("Duration", "ms"),
    "@billedDuration": _reported("Billed Duration", "ms"),
    "@initDuration": _reported("Init Duration", "ms"),
    "@memorySize": _reported("Memory Size", "MB", " * 1e6"),
    "@maxMemoryUsed": _reported("Max Memory Used", "MB", " * 1e6"),
    "@xrayTraceId": Sql(_found(r"\bXRAY TraceId: ([0-9a-fA-F-]+)"), Kind.TEXT),
    "@xraySegmentId": Sql(_found(r"\tSegmentId: ([0-9a-fA-F]+)"), Kind.TEXT),
}

# The message if it is JSON, else what stands between its braces if that is.
_DOCUMENT = r"""CASE WHEN json_valid(message) THEN message
    WHEN contains(message, '{') THEN json_document(regexp_extract(message, '(?s)\{.*\}')) END"""


class Discovered:
    """The fields that one query has asked for, as columns of a select over the log's lines."""

    def __init__(self, parameter: Callable[[str], str]) -> None:
        self._parameter = parameter
        self._columns: dict[str, tuple[str, Sql]] = {}  # by name: SQL, and the column of it
        self._needs_document = False
        self._own: set[str] = set()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the log that are needed besides number and time."""
        named = {OWN[name].text for name in self._own - {"@timestamp", "@ptr"}}
        return tuple(sorted(named | ({MESSAGE} if self._columns else set())))

    def find(self, name: str) -> Sql:
        """The column of that field."""
        if name in OWN:
            self._own.add(name)
            return OWN[name]
        if name not in self._columns:
            found = self._look_up(name)
            column = f"f{len(self._columns)}"
            self._columns[name] = (found.text, Sql(column, found.kind))
        return self._columns[name][1]

    def _look_up(self, name: str) -> Sql:
        if name in _LAMBDA:
            return _LAMBDA[name]
        if name.startswith("@") and not name.startswith("@@"):
            return Sql("CAST(NULL AS VARCHAR)", Kind.TEXT)
        self._needs_document = True
        return in_document("document", name.removeprefix("@"), self._parameter)

    def select(self, lines: str) -> str:
        """SQL that gives what was asked for, of every line of `lines`."""
        if self._needs_document:
            lines = f"SELECT *, {_DOCUMENT} AS document FROM ({lines})"
        columns = [f"{sql} AS {column.text}" for sql, column in self._columns.values()]
        return f"SELECT {', '.join(['*', *columns])} FROM ({lines})"


def in_document(document: str, path: str, parameter: Callable[[str], str]) -> Sql:
    """The value at a path of JSON. A key with dots in it is found if no path leads on."""
    values = [f"json_extract_string({document}, {parameter(_pointer(path.split('.')))})"]
    if "." in path:
        values.append(f"json_extract_string({document}, {parameter(_pointer([path]))})")
        return Sql(f"coalesce({', '.join(values)})", Kind.TEXT)
    return Sql(values[0], Kind.TEXT)


def _pointer(keys: list[str]) -> str:
    """A JSON pointer, whose numbers are indexes where there is a list."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
