"""A request's body while it comes in: the connection feeds it, an operation reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdad.model.pieces import add_piece

HIGH_WATER = 64 * 1024  # bytes that may lie here while nobody reads


class ClientDisconnected(Exception):
    """The caller hung up before the request was complete; there is nobody to answer."""


class BodyTooLargeError(Exception):
    """The body is longer than the operation allows; no more of it has been read."""


def _nothing() -> None:
    pass


class Body:
    """One body; `ask` is called when somebody begins to wait for more of it."""

    __slots__ = ("_ask", "_chunks", "_is_dropped", "_is_lost", "_size", "_waiter", "is_whole")

    def __init__(self, ask: Callable[[], None] = _nothing) -> None:
        self.is_whole = False
        self._ask = ask
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_dropped = False
        self._is_lost = False
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    def of(cls, content: bytes) -> Body:
        """A body that is there already."""
        body = cls()
        body.feed(content)
        body.finish()
        return body

    # For the connection

    @property
    def is_piling_up(self) -> bool:
        """Whether the connection should wait with reading until somebody asks."""
        return self._size > HIGH_WATER and self._waiter is None

    def feed(self, chunk: bytes) -> None:
        """More has come in."""
        if not self._is_dropped:
            add_piece(self._chunks, chunk)
            self._size += len(chunk)
            self._wake()

    def finish(self) -> None:
        """All of it is here."""
        self.is_whole = True
        self._wake()

    def drop(self) -> None:
        """Nobody wants it any more: keep nothing, now and later."""
        self._is_dropped = True
        self._chunks.clear()
        self._size = 0

    def lose(self) -> None:
        """The rest will never come."""
        self._is_lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # For the operation

    async def read(self, limit: int) -> bytes:
        """Wait for all of it; more than `limit` bytes are an error and are not waited for."""
        while not self.is_whole and self._size <= limit:
            await self._more()
        if self._size > limit:
            raise BodyTooLargeError
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    async def _more(self) -> None:
        if self._is_lost:
            raise ClientDisconnected
        self._waiter = asyncio.get_running_loop().create_future()
        self._ask()
        try:
            await self._waiter
        finally:
            self._waiter = None
