"""An alarm rings once, when it was set to last, and not when it was cleared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from lambdad.clock import SystemClock
from lambdad.environment.alarm import Alarm


class Bell:
    def __init__(self) -> None:
        self.rung: list[float] = []
        self.alarm = Alarm(self.rung.append, SystemClock())

    async def rings(self) -> list[float]:
        async with asyncio.timeout(5):
            while not self.rung:  # noqa: ASYNC110 - it has no event of its own
                await asyncio.sleep(0.001)
        return self.rung


async def test_it_rings_when_its_time_is_over() -> None:
    bell = Bell()
    began = time.monotonic()
    bell.alarm.set(0.01)
    assert await bell.rings() == [0.01]
    assert time.monotonic() - began >= 0.01


def test_it_does_not_ring_early_when_it_was_set_at_the_end_of_work() -> None:
    """uvloop's own clock still shows when that work began."""

    async def work_and_wait() -> float:
        bell = Bell()
        time.sleep(0.03)  # noqa: ASYNC251 - the work
        began = time.monotonic()
        bell.alarm.set(0.04)
        await bell.rings()
        return time.monotonic() - began

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(work_and_wait()) >= 0.04


async def test_it_does_not_ring_at_a_time_that_was_given_up() -> None:
    bell = Bell()
    bell.alarm.set(0.005)
    bell.alarm.clear()
    bell.alarm.set(0.03)
    await asyncio.sleep(0.015)
    assert bell.rung == []
    assert await bell.rings() == [0.03]


async def test_an_earlier_time_counts_at_once() -> None:
    bell = Bell()
    bell.alarm.set(60)
    bell.alarm.set(0.005)
    assert await bell.rings() == [0.005]


async def test_nothing_rings_after_it_was_cleared() -> None:
    bell = Bell()
    bell.alarm.set(0.001)
    bell.alarm.clear()
    await asyncio.sleep(0.01)
    assert bell.rung == []


async def test_it_can_be_set_again_after_its_timer_is_cancelled() -> None:
    bell = Bell()
    bell.alarm.set(60)
    bell.alarm.cancel_timer()
    bell.alarm.set(0.001)
    assert await bell.rings() == [0.001]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_it_can_be_set_again_when_it_was_to_ring_at_once(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """What uvloop returns for no time at all is a handle that knows none."""

    async def set_twice() -> list[float]:
        bell = Bell()
        bell.alarm.set(0.0)
        bell.alarm.set(5)
        for _ in range(3):
            await asyncio.sleep(0)
        bell.alarm.cancel_timer()
        return bell.rung

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(set_twice()) == []
