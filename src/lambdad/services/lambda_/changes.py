"""The changes of resources that are on their way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from weakref import WeakValueDictionary

from lambdad.model.resource import Key

SAVE_AGAIN_AFTER = 5.0  # seconds

_log = logging.getLogger(__name__)


class Changes:
    """The changes on their way: one lock for each resource, and the tasks that go on behind it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, Key], asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def lock(self, key: Key, kind: str = "function") -> asyncio.Lock:
        """Held by whoever decides upon a resource, or what belongs to a function, and saves it."""
        lock = self._locks.get((kind, key))
        if lock is None:
            lock = self._locks[kind, key] = asyncio.Lock()
        return lock

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Let `work` go on after its request has been answered."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start_step(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        """Let the next step of a resource's life follow."""
        self.start(until_saved(what, step))

    async def settle(self) -> None:
        """Wait until no change is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Give up what is on its way; `resume` takes it up after the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await self.settle()


async def until_saved(what: str, step: Callable[[], Awaitable[Any]]) -> None:
    """Take a step that saves, on a full disk again until there is room: nobody else would end this
    change."""
    while True:
        try:
            await step()
            return
        except Exception:
            _log.exception("%s could not be saved; trying again.", what)
            await asyncio.sleep(SAVE_AGAIN_AFTER)
