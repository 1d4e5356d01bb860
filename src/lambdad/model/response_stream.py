"""A response on its way from a function to who reads it, while the function still writes it.

    the function's connection ── begin, feed, feed … ──▶ ┌────────┐ ──▶ read, read … b""
                              ◀── on_room when it has    │ bounded│
                                  been full              └────────┘ ◀── end, when the invocation is

What lies here is bounded: a writer looks at `is_full` and waits, so a slow reader slows the
function, and costs no memory. A reader that is gone slows nobody: what comes is dropped.

It stands among the nouns because an invocation carries it through four rooms, from who asks to the
function's connection and back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdad.model.pieces import add_piece

HIGH_WATER = 64 * 1024  # bytes that may lie here before the writer has to wait


def _nothing() -> None:
    pass


class ResponseStream:
    """One response; `limit` is how many bytes it may have in all.

    One writer and one reader, both on the same event loop.
    """

    def __init__(self, limit: int) -> None:
        self.content_type = ""
        self.has_begun = False
        self.is_full = False
        self._room = limit
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_over = False
        self._is_abandoned = False
        self._on_overflow = _nothing
        self._on_room = _nothing
        self._reader: asyncio.Future[None] | None = None

    # The writer

    def begin(self, content_type: str, on_overflow: Callable[[], None] = _nothing) -> None:
        """The first that is known of the response. `on_overflow` is called when it gets too
        large; no more of it reaches the reader then."""
        self.content_type = content_type
        self.has_begun = True
        self._on_overflow = on_overflow
        self._wake()

    def feed(self, chunk: bytes) -> None:
        """Some more of it."""
        if self._is_over or self._room < 0:
            return
        self._room -= len(chunk)
        if self._room < 0:
            self._on_overflow()
        elif not self._is_abandoned:
            add_piece(self._chunks, chunk)
            self._size += len(chunk)
            self.is_full = self._size >= HIGH_WATER
            self._wake()

    def when_room(self, on_room: Callable[[], None]) -> None:
        """Call `on_room`, once, when it is full no more."""
        self._on_room = on_room

    def end(self) -> None:
        """The invocation is over; nothing follows what is here."""
        self._is_over = True
        self._make_room()
        self._wake()

    # The reader

    async def wait_begun(self) -> None:
        """Return when the response has begun, or is over without one."""
        while not self.has_begun and not self._is_over:
            await self._more()

    async def read(self) -> bytes:
        """What has come since the last time, as soon as there is something; b"" at the end."""
        while not self._chunks:
            if self._is_over:
                return b""
            await self._more()
        chunks, self._chunks, self._size = self._chunks, [], 0
        self._make_room()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def abandon(self) -> None:
        """Nobody will read it any more."""
        self._is_abandoned = True
        self._chunks.clear()
        self._size = 0
        self._make_room()

    async def _more(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _make_room(self) -> None:
        self.is_full = False
        on_room, self._on_room = self._on_room, _nothing
        on_room()
