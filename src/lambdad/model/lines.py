"""Lines in one piece: what a function has printed stays one text until somebody reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Self

from lambdad.model.log_line import LogLine

END = b"\xff"  # behind each message: UTF-8 has no such byte

_EVENT_OVERHEAD = 26  # bytes that CloudWatch counts for a line besides its text

Times = Sequence[tuple[int, int]]  # milliseconds, each with the number of lines of that time


class Lines:
    """Lines of one stream in the order in which they came. Nobody changes them.

    `text` is all messages in UTF-8, each with END behind it; `times` says when they were written.
    """

    __slots__ = ("count", "text", "times")

    def __init__(self, text: bytes, times: Times, count: int) -> None:
        self.text = text
        self.times = times
        self.count = count

    @classmethod
    def of(cls, lines: Iterable[LogLine]) -> Self:
        """The same lines in one piece."""
        lines = list(lines)
        text = b"".join([line.message.encode(errors="surrogatepass") + END for line in lines])
        return cls(text, [(line.timestamp_ms, 1) for line in lines], len(lines))

    @classmethod
    def at(cls, timestamp_ms: int, text: bytes) -> Self:
        """The lines of a text, all of one time."""
        count = text.count(END)
        return cls(text, ((timestamp_ms, count),), count)

    @classmethod
    def joined(cls, parts: Sequence[Lines]) -> Lines:
        """All lines of the parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            b"".join([part.text for part in parts]),
            merged([part.times for part in parts]),
            sum([part.count for part in parts]),
        )

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[LogLine]:
        messages = self.text.split(END)
        return map(LogLine, each_time(self.times), map(to_message, messages))

    def containing(self, text: str) -> Iterator[LogLine]:
        """Those that have this text, which is not empty; others cost next to nothing."""
        term = text.encode(errors="surrogatepass")
        if term not in self.text:
            return
        times = list(each_time(self.times))
        for number, message in find_messages(self.text, 0, len(self.text), [term]):
            yield LogLine(times[number], to_message(message))

    @property
    def first_ms(self) -> int:
        return min([time for time, _ in self.times])

    @property
    def last_ms(self) -> int:
        return max([time for time, _ in self.times])

    @property
    def stored_size(self) -> int:
        """Their size as CloudWatch counts: the text in UTF-8, and 26 bytes each."""
        return stored_size(len(self.text), self.count)


def stored_size(text_size: int, count: int) -> int:
    """The size as CloudWatch counts of so many lines, whose text with ENDs is that long."""
    return text_size + (_EVENT_OVERHEAD - len(END)) * count


def to_message(message: bytes) -> str:
    """A message as people read it."""
    return message.decode(errors="surrogatepass")


def each_time(times: Times) -> Iterator[int]:
    """The time of each line."""
    return chain.from_iterable([repeat(time, count) for time, count in times])


def merged(parts: Iterable[Times]) -> Times:
    """The times of all parts, one after the other, in as few runs as possible."""
    runs: list[tuple[int, int]] = []
    for time, count in chain.from_iterable(parts):
        if runs and runs[-1][0] == time:
            runs[-1] = (time, runs[-1][1] + count)
        else:
            runs.append((time, count))
    return runs


def find_messages(
    text: bytes, begin: int, end: int, terms: Sequence[bytes]
) -> Iterator[tuple[int, bytes]]:
    """The messages between two places of a text that have all terms, and their numbers there."""
    rarest = max(terms, key=len)
    number = 0
    while (at := text.find(rarest, begin, end)) >= 0:
        number += text.count(END, begin, at)
        first = max(begin, text.rfind(END, begin, at) + 1)
        begin = text.find(END, at, end) + 1
        message = text[first : begin - 1]
        if all(term in message for term in terms):
            yield number, message
        number += 1
