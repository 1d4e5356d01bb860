"""Clocks: what moves them, and what does not."""

from __future__ import annotations

import time

import pytest

from lambdad.clock import FakeClock, SteadyClock, SystemClock


def test_a_steady_clock_begins_with_the_machines_time() -> None:
    assert SteadyClock().now() == pytest.approx(time.time(), abs=5)


def test_setting_the_machines_clock_moves_a_system_clock_and_no_steady_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steady, system = SteadyClock(), SystemClock()
    before = steady.now()
    future = time.time() + 86_400

    monkeypatch.setattr(time, "time", lambda: future)

    assert before <= steady.now() < before + 60
    assert system.now() == future


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux tells of sleep")
def test_time_that_the_machine_sleeps_has_passed_for_a_steady_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steady = SteadyClock()
    before, clock_gettime = steady.now(), time.clock_gettime
    slept = {time.CLOCK_BOOTTIME: 3_600.0}
    monkeypatch.setattr(time, "clock_gettime", lambda id: clock_gettime(id) + slept.get(id, 0.0))
    assert before + 3_600 <= steady.now() < before + 3_660


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(100.0)
    assert (clock.now(), clock.monotonic()) == (100.0, 0.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 2.5)
