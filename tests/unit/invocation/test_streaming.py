"""A streamed invocation that its reader leaves."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from lambdad.clock import FakeClock
from lambdad.errors import PlatformError
from lambdad.invocation.streaming import StreamedInvocation
from lambdad.model.invocation import Result
from lambdad.model.response_stream import HIGH_WATER, ResponseStream


async def test_one_that_is_left_runs_to_its_end_and_fails_unheard() -> None:
    # Given
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, each: complaints.append(each))
    may_end, has_ended = asyncio.Event(), asyncio.Event()

    async def invoke(stream: ResponseStream) -> Result:
        stream.begin("text/plain")
        stream.feed(bytes(HIGH_WATER))
        await may_end.wait()
        assert not stream.is_full
        has_ended.set()
        raise PlatformError("the machine has failed")

    streamed = StreamedInvocation(invoke, FakeClock(), 0)
    await streamed.begin()
    # When
    streamed.abandon()
    may_end.set()
    await has_ended.wait()
    del streamed, invoke
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    # Then
    assert complaints == []
