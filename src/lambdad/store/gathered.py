"""Many small changes of one kind, made together: what comes while one commit is on its way waits
for the next, and is then a single change of the database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from sqlalchemy import Connection

from lambdad.store.database import Database

MOST_AT_ONCE = 1024

I = TypeVar("I")  # noqa: E741 - item
R = TypeVar("R")
_Batch: TypeAlias = list[tuple[I, asyncio.Future[R]]]


class Gathered(Generic[I, R]):
    """`change` makes the changes of many items, and tells the result of each, in their order.

    `before` is awaited when the items of one change are known, and before it is made. For
    `gather_seconds` more items are waited for, where nobody is in a hurry: a change has its price,
    whatever the number of its items.
    """

    def __init__(
        self,
        database: Database,
        change: Callable[[Connection, Sequence[I]], Sequence[R]],
        before: Callable[[], Awaitable[None]] | None = None,
        gather_seconds: float = 0.0,
    ) -> None:
        self._database = database
        self._change = change
        self._before = before
        self._gather_seconds = gather_seconds
        self._waiting: deque[tuple[I, asyncio.Future[R]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, item: I) -> R:
        """The result of this item, once it is on disk."""
        return await self.begin(item)

    def begin(self, item: I) -> asyncio.Future[R]:
        """The same for who goes on meanwhile. Who cancels the future does not hear of the result;
        the change is made."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return future

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                if self._gather_seconds and len(self._waiting) < MOST_AT_ONCE:
                    await asyncio.sleep(self._gather_seconds)
                count = min(len(self._waiting), MOST_AT_ONCE)
                batch = [self._waiting.popleft() for _ in range(count)]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: _Batch[I, R]) -> None:
        try:
            if self._before is not None:
                await self._before()
        except Exception as error:
            _fail(batch, error)
            return
        await self._change_batch(batch)

    async def _change_batch(self, batch: _Batch[I, R]) -> None:
        """What is refused together is tried once more one by one (in one commit nevertheless), so
        that an item with which something is wrong fails alone, and stops no others for ever."""
        items = [item for item, _ in batch]
        try:
            results = await self._database.write(lambda connection: self._change(connection, items))
        except Exception as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:
                await asyncio.gather(*(self._change_batch([each]) for each in batch))
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


def _fail(batch: _Batch[I, R], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
