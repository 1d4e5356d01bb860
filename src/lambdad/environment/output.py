"""What a function prints: from its pipe to lines, each with the moment at which it came."""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from collections.abc import Callable

from lambdad.model.lines import END, Lines

MAX_LINE = 262_144  # bytes; a longer line becomes several
_READ_SIZE = 65_536
_READS_PER_TURN = 16  # 1 MB, then somebody else's turn
_LINES_PER_TURN = 20_000  # some 5 ms, if all have to be looked at one by one
_LINES_AT_ONCE = 65_536  # what a pipe can hold
_RETRY_SECONDS = 0.05


class Output:
    """The reading end of one environment's standard output and error.

    `emit` gets the lines. While `is_congested` says so nothing is read, and a function that prints
    more than the log can take waits in its `print`.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        now: Callable[[], float],
        emit: Callable[[Lines], None],
        is_congested: Callable[[], bool],
    ) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._now = now
        self._emit = emit
        self._is_congested = is_congested
        self._partial = bytearray()  # a line whose end has not come
        self._lines = 0  # so many so far
        self._readable = bytearray(4)  # an int, as the kernel tells how much there is
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self.drain)

    def drain(self) -> None:
        """Read what is there, without waiting, and not so much that others wait."""
        if self._is_open and not self._pause():
            self._read_up_to(_LINES_PER_TURN)

    def drain_to_the_last(self) -> None:
        """Read what is there; a last line without an end is a line as well."""
        if self._has_more() and not self._pause():
            self._read_up_to(_LINES_AT_ONCE)
        if self._partial:
            self._take(b"\n")

    def close(self) -> None:
        """Read what is left, however busy the log is, and stop; a last line without an end still
        counts. Of a pipe that the function has made larger, what is too much is lost."""
        if self._is_open:
            self._read_up_to(_LINES_AT_ONCE)
            self._is_open = False
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            if self._partial:
                self._take(b"\n")

    def _has_more(self) -> bool:
        """Whether something can be read: cheaper to ask than to try, and mostly nothing can."""
        if not self._is_open:
            return False
        fcntl.ioctl(self._descriptor, termios.FIONREAD, self._readable)
        return any(self._readable)

    def _read_up_to(self, lines: int) -> None:
        """Take pieces until there is none, or it was a lot: a megabyte, or about so many lines."""
        end = self._lines + lines
        for _ in range(_READS_PER_TURN):
            if self._lines >= end or not self._read():
                return

    def _read(self) -> bool:
        """Take one piece; False when there is none now, or will never be one again."""
        try:
            chunk = os.read(self._descriptor, _READ_SIZE)
        except OSError:
            return False
        if not chunk:  # every process that could write is gone
            self._loop.remove_reader(self._descriptor)
            return False
        self._take(chunk)
        return True

    def _take(self, chunk: bytes) -> None:
        whole, end, rest = chunk.rpartition(b"\n")
        printed = bytes(self._partial) + whole + end if end else b""
        if end:
            self._partial.clear()
        self._partial += rest
        if len(printed) > MAX_LINE:
            printed = b"".join([piece + b"\n" for piece in _pieces(printed)])
        while len(self._partial) > MAX_LINE:
            printed += self._partial[:MAX_LINE] + b"\n"
            del self._partial[:MAX_LINE]
        if printed:
            lines = Lines.at(int(self._now() * 1000), _text(printed))
            self._lines += lines.count
            self._emit(lines)

    def _pause(self) -> bool:
        if not self._is_congested():
            return False
        self._loop.remove_reader(self._descriptor)
        self._loop.call_later(_RETRY_SECONDS, self._resume)
        return True

    def _resume(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._descriptor, self.drain)


def _pieces(printed: bytes) -> list[bytes]:
    """Whole lines, of which some may be too long, cut."""
    return [
        line[at : at + MAX_LINE]
        for line in printed[:-1].split(b"\n")
        for at in range(0, max(1, len(line)), MAX_LINE)
    ]


def _text(printed: bytes) -> bytes:
    """Whole lines as the log keeps them. The runtime joins lines that belong together by a carriage
    return, as AWS's does; in the log they are one event with line feeds, and none at its end."""
    if not printed.isascii():
        printed = printed.decode("utf-8", "replace").encode()
    if b"\r" in printed:
        printed = printed.replace(b"\r\n", b"\n")
        if b"\r\n" in printed:
            printed = b"".join([line.rstrip(b"\r") + b"\n" for line in printed[:-1].split(b"\n")])
        return printed.replace(b"\n", END).replace(b"\r", b"\n")
    return printed.replace(b"\n", END)
