"""The X-Ray daemon of one environment: what the function's SDK sends in datagrams is kept.

    {"format": "json", "version": 1}\\n{"name": …, "id": …, "trace_id": …}

Nothing is answered, and nobody waits: what comes faster than it can be kept is lost, as it is on
AWS. What a function sends may be anything; it is looked at when a trace is read.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

_LARGEST = 65_536  # bytes of a datagram
_AT_ONCE = 64  # datagrams
_BYTES_AT_ONCE = 256 * 1024
_PAUSE_SECONDS = 0.05
_PARTS_AT_END = 8  # more than the kernel keeps, should somebody send on meanwhile


class XRayDaemon:
    """Reads the datagrams until it is closed; `take` gets the documents in them. While
    `is_congested` says so they are dropped."""

    def __init__(
        self,
        datagrams: socket.socket,
        take: Callable[[list[str]], None],
        is_congested: Callable[[], bool],
    ) -> None:
        datagrams.setblocking(False)
        self._datagrams = datagrams
        self._take = take
        self._is_congested = is_congested
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(datagrams.fileno(), self._drain)

    def close(self) -> None:
        """Take what has come, and stop."""
        if self._datagrams.fileno() >= 0:
            for _ in range(_PARTS_AT_END):
                if not self._read():
                    break
            self._loop.remove_reader(self._datagrams.fileno())
            self._datagrams.close()

    def _drain(self) -> None:
        """Who sends more than a little waits in the kernel, which drops what is too much."""
        if self._read():
            self._loop.remove_reader(self._datagrams.fileno())
            self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._datagrams.fileno() >= 0:
            self._loop.add_reader(self._datagrams.fileno(), self._drain)

    def _read(self) -> bool:
        """Take what is there; True when it was a lot, and there may be more."""
        documents: list[str] = []
        size = 0
        while (is_much := len(documents) >= _AT_ONCE or size >= _BYTES_AT_ONCE) is False:
            try:
                datagram = self._datagrams.recv(_LARGEST)
            except OSError:  # there is none
                break
            size += len(datagram) + 1
            documents.append(_document(datagram))
        found = [document for document in documents if document]
        if found and not self._is_congested():
            self._take(found)
        return is_much


def _document(datagram: bytes) -> str:
    """What follows the header of a datagram; empty without one."""
    header, _, document = datagram.partition(b"\n")
    if b'"json"' not in header:
        return ""
    return document.decode("utf-8", "replace")
