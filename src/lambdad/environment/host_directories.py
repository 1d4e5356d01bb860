"""What a function has of the host's directories, as the node knows it: names, and never a path that
it opens itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from lambdad.errors import ClientError, PlatformError
from lambdad.launcher.contract import Look

_LOOK_SECONDS = 15.0
_LOOKS_AT_ONCE = 4


def not_to_be_had(wanted: str, problem: str) -> ClientError:
    """AWS's error for an access point that cannot be mounted; ours for a directory of code."""
    if ":elasticfilesystem:" in wanted:
        code = "EFSMountFailureException"
    elif ":s3files:" in wanted:
        code = "S3FilesMountFailureException"
    else:
        code = "InvalidParameterValueException"
    return ClientError(code, f"{problem}.")


class LiveCode:
    """Looks at directories with live code.

    Whoever asks hears of a look that began after he asked, so that no change before that is missed.
    Many who ask at once share one: a look costs the launcher a process.
    """

    def __init__(self, look: Callable[[str], Awaitable[Look]]) -> None:
        self._look = look
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._turns = asyncio.Semaphore(_LOOKS_AT_ONCE)
        self._ahead: dict[str, asyncio.Task[Look]] = {}  # looks that have not begun

    async def find(self, path: str) -> str:
        """Where `path` really leads; ClientError when no code may be, or can be, mounted there."""
        look = await self._look_at(path)
        if not look.stamp:
            raise not_to_be_had(path, f"{path} holds more files than can be watched for changes")
        return look.directory

    async def stamp(self, directory: str) -> str:
        """Differs whenever a file in `directory` does; "" is like no other, itself included."""
        return (await self._look_at(directory)).stamp

    async def _look_at(self, path: str) -> Look:
        task = self._ahead.get(path)
        if task is None:
            task = self._ahead[path] = asyncio.create_task(self._look_in_turn(path))
            task.add_done_callback(_see)
        look = await asyncio.shield(task)
        if look.problem is not None:
            raise not_to_be_had(path, look.problem)
        return look

    async def _look_in_turn(self, path: str) -> Look:
        lock = self._locks.get(path)
        if lock is None:
            lock = self._locks[path] = asyncio.Lock()
        async with lock, self._turns:
            del self._ahead[path]
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    return await self._look(path)
            except TimeoutError:
                raise PlatformError(f"{path} could not be looked at in time") from None


def _see(task: asyncio.Task[Look]) -> None:
    """A failure has been seen, also when everybody who waited for it has gone."""
    if not task.cancelled():
        task.exception()
