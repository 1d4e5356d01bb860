"""Log lines: as they are written, and as they are read back."""

from __future__ import annotations

from typing import NamedTuple

DIGITS = 14  # of each of a place's four numbers: 56 in all, as many as CloudWatch's


class LogLine(NamedTuple):
    """One line of a log stream; CloudWatch calls it a log event."""

    timestamp_ms: int
    message: str


class Position(NamedTuple):
    """A line's place in the order of all lines: by time, then by arrival.

    It never changes once the line was appended, so it makes identifiers and pagination tokens.
    """

    timestamp_ms: int
    frame: int = 0
    block: int = 0
    line: int = 0

    @property
    def digits(self) -> str:
        """A number of 56 digits, which orders as places do: the line's identifier."""
        return "".join(f"{number:0{DIGITS}d}" for number in self)

    def next(self) -> Position:
        """The first place behind this one."""
        return self._replace(line=self.line + 1)


class StoredLine(NamedTuple):
    """A line with the stream that it is in, the time of its arrival and its place."""

    stream: str
    line: LogLine
    ingestion_ms: int
    position: Position
