"""When an idle environment is frozen, and by how many timers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from stage import happens

from lambdad.clock import FakeClock
from lambdad.environment.freezing import FreezeTimer

SECONDS = 1.0


class Freezer:
    """A timer, and how often it froze; `timers` counts those that the loop was asked for."""

    def __init__(self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frozen = 0
        self.timers = 0
        self.timer = FreezeTimer(SECONDS, self._freeze)
        self._clock = clock
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def count(delay: float, callback: Any, *arguments: Any) -> asyncio.TimerHandle:
            self.timers += 1
            return call_later(delay, callback, *arguments)

        monkeypatch.setattr(loop, "call_later", count)

    def _freeze(self) -> None:
        self.frozen += 1

    async def pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds)
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def freezer(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Freezer:
    return Freezer(clock, monkeypatch)


async def test_what_is_idle_for_long_enough_is_frozen_once(freezer: Freezer) -> None:
    freezer.timer.idle()
    await freezer.pass_time(SECONDS - 0.25)
    assert freezer.frozen == 0
    await freezer.pass_time(0.25)
    assert freezer.frozen == 1
    await freezer.pass_time(10 * SECONDS)
    assert freezer.frozen == 1


async def test_what_was_never_idle_is_not_frozen(freezer: Freezer) -> None:
    freezer.timer.busy()
    await freezer.pass_time(10 * SECONDS)
    assert (freezer.frozen, freezer.timers) == (0, 0)


async def test_what_is_busy_when_the_time_has_come_is_not_frozen(freezer: Freezer) -> None:
    freezer.timer.idle()
    freezer.timer.busy()
    await freezer.pass_time(10 * SECONDS)
    assert freezer.frozen == 0


async def test_an_event_meanwhile_begins_the_time_anew(freezer: Freezer) -> None:
    freezer.timer.idle()
    await freezer.pass_time(0.75)
    freezer.timer.busy()
    freezer.timer.idle()
    await freezer.pass_time(0.25)  # the timer is due, but its environment was idle for less
    assert freezer.frozen == 0
    await freezer.pass_time(0.5)
    assert freezer.frozen == 0
    await freezer.pass_time(0.25)
    assert freezer.frozen == 1


async def test_a_thousand_events_need_one_timer(freezer: Freezer) -> None:
    for _ in range(1000):
        freezer.timer.idle()
        freezer.timer.busy()
    freezer.timer.idle()
    assert freezer.timers == 1
    await freezer.pass_time(SECONDS)
    assert (freezer.frozen, freezer.timers) == (1, 1)


async def test_it_freezes_again_after_an_event(freezer: Freezer) -> None:
    for count in (1, 2, 3):
        freezer.timer.idle()
        await freezer.pass_time(SECONDS)
        assert freezer.frozen == count
        freezer.timer.busy()


async def test_a_timer_that_finds_an_event_is_the_last_until_there_is_another_end(
    freezer: Freezer,
) -> None:
    freezer.timer.idle()
    freezer.timer.busy()
    await freezer.pass_time(SECONDS)
    assert freezer.timers == 1
    freezer.timer.idle()
    assert freezer.timers == 2


async def test_no_time_at_all_freezes_with_the_loops_next_turn(clock: FakeClock) -> None:
    frozen: list[bool] = []
    timer = FreezeTimer(0, lambda: frozen.append(True))
    timer.idle()
    assert not frozen
    await happens(lambda: frozen)
