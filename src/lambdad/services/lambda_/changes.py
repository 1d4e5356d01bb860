"""The changes of functions that are on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from weakref import WeakValueDictionary

from lambdad.model.resource import Key


class Changes:
    """The changes on their way: one lock for each function, and the tasks that prepare."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def lock(self, key: Key) -> asyncio.Lock:
        """Held by whoever decides upon a function and saves it."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Let `work` go on after its request has been answered."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until no change is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Give up what is on its way; `resume` takes it up after the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await self.settle()
