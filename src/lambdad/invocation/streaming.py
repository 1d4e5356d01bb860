"""Invocations whose response is read while the function writes it.

begin ─▶ the response has begun: there are chunks ─▶ the result, which says how it ended
      └▶ it is over without one: the result is all there is
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from lambdad.clock import Clock
from lambdad.invocation.bandwidth import Bandwidth
from lambdad.model import limits
from lambdad.model.invocation import Result
from lambdad.model.response_stream import ResponseStream


class StreamedInvocation:
    """One such invocation. It runs to its end whether or not somebody reads what it writes, as at
    AWS; who reads slowly slows the function."""

    def __init__(
        self, invoke: Callable[[ResponseStream], Awaitable[Result]], clock: Clock, rate: int
    ) -> None:
        self._stream = ResponseStream(limits.STREAMED_RESPONSE)
        self._clock = clock
        self._bandwidth = Bandwidth(rate)
        self._task = asyncio.create_task(self._run(invoke))

    async def begin(self) -> None:
        """Wait for the first that is known of the response, or for the end of the invocation;
        raises what invoking raises."""
        await self._stream.wait_begun()
        if not self.is_streamed:
            await self._task

    @property
    def is_streamed(self) -> bool:
        """Whether the function streams; otherwise the result has its answer."""
        return self._stream.has_begun

    @property
    def content_type(self) -> str:
        """What the runtime says of the response."""
        return self._stream.content_type

    async def chunks(self) -> AsyncIterator[bytes]:
        """The response, as it is written and no faster than the bandwidth allows."""
        while chunk := await self._stream.read():
            yield chunk
            seconds = self._bandwidth.send(len(chunk), self._clock.monotonic())
            if seconds > 0:
                await asyncio.sleep(seconds)

    def abandon(self) -> None:
        """Nobody reads the rest, nor asks how it ended; the function writes it to its end all the
        same."""
        self._stream.abandon()
        self._task.add_done_callback(_take_notice)

    async def result(self) -> Result:
        """How it ended."""
        return await self._task

    async def _run(self, invoke: Callable[[ResponseStream], Awaitable[Result]]) -> Result:
        try:
            return await invoke(self._stream)
        finally:
            self._stream.end()


def _take_notice(task: asyncio.Task[Result]) -> None:
    """Its exception is nobody's any more; asyncio would log it as one that was overlooked."""
    if not task.cancelled():
        task.exception()
