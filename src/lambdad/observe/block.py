"""Lines of one stream where they lie, and how those that are asked for are found among them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from lambdad.model.lines import END, Times, each_time, find_messages, to_message
from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.observe.frames import StreamKey
from lambdad.observe.query import Query


class Origin(NamedTuple):
    """How lines arrived: in which frame, when, as which of its blocks, and how many."""

    frame_id: int
    ingestion_ms: int
    block: int
    lines: int


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """The messages between two places of a text, in the order of their arrival."""

    key: StreamKey
    text: bytes
    begin: int
    end: int
    times: Times
    origins: Sequence[Origin]

    def lines(self, query: Query) -> Iterator[StoredLine]:
        """Those of its lines that the query wants, in order of their positions, or backwards."""
        times = list(each_time(self.times))
        found = self._in_time(query, times)
        firsts = list(accumulate((origin.lines for origin in self.origins), initial=0))
        wanted = [query.wants(self.key, origin.frame_id) for origin in self.origins]
        stream, since, until = self.key[3], query.since, query.until
        for number, message in reversed(found) if query.newest_first else found:
            place = bisect_right(firsts, number) - 1
            frame, ingestion_ms, block, _ = self.origins[place]
            time = times[number]
            position = Position(time, frame, block, number - firsts[place])
            if since <= position < until and wanted[place]:
                yield StoredLine(stream, LogLine(time, to_message(message)), ingestion_ms, position)

    def _in_time(self, query: Query, times: list[int]) -> Sequence[tuple[int, bytes]]:
        """The numbers and messages of lines from about the time that is asked for."""
        first_ms, last_ms = query.since.timestamp_ms, query.until.timestamp_ms
        runs = [time for time, _ in self.times]
        if runs != sorted(runs):  # a client may bring older lines later
            found = [each for each in self._matching(query.terms) if times[each[0]] <= last_ms]
            return sorted(found, key=lambda each: times[each[0]])
        begin, end = bisect_left(times, first_ms), bisect_right(times, last_ms)
        if query.terms:
            return [each for each in self._matching(query.terms) if begin <= each[0] < end]
        return list(self._matching(()))[begin:end]

    def _matching(self, terms: Sequence[bytes]) -> Iterable[tuple[int, bytes]]:
        if not terms:
            return enumerate(self.text[self.begin : self.end - 1].split(END))
        return find_messages(self.text, self.begin, self.end, terms)
