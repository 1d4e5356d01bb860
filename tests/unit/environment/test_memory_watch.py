"""Somebody looks after the memory of what runs, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lambdad.clock import FakeClock
from lambdad.environment.memory_watch import INTERVAL_SECONDS, MemoryWatch


class Measured:
    def __init__(self) -> None:
        self.checks = 0

    def check_memory(self) -> None:
        self.checks += 1


@pytest.fixture
async def watch(clock: FakeClock) -> AsyncIterator[MemoryWatch]:
    watch = MemoryWatch()
    watching = asyncio.create_task(watch.watch_forever())
    await asyncio.sleep(0)
    yield watch
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def look(clock: FakeClock) -> None:
    clock.advance(INTERVAL_SECONDS)
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_runs_is_looked_at_again_and_again(clock: FakeClock, watch: MemoryWatch) -> None:
    first, second = Measured(), Measured()
    watch.begin(first)
    await look(clock)
    watch.begin(second)
    await look(clock)
    await look(clock)
    assert (first.checks, second.checks) == (3, 2)


async def test_what_runs_no_more_is_left_alone(clock: FakeClock, watch: MemoryWatch) -> None:
    measured = Measured()
    watch.begin(measured)
    await look(clock)
    watch.end(measured)
    await look(clock)
    assert measured.checks == 1


async def test_one_that_cannot_be_checked_ends_the_watch_of_nobody(
    clock: FakeClock, watch: MemoryWatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    class Unreadable(Measured):
        def check_memory(self) -> None:
            super().check_memory()
            raise OSError("no such process")

    unreadable, others = Unreadable(), [Measured(), Measured()]
    for measured in (others[0], unreadable, others[1]):
        watch.begin(measured)
    # When
    await look(clock)
    await look(clock)
    # Then
    assert [measured.checks for measured in (*others, unreadable)] == [2, 2, 2]
    assert "no such process" in caplog.text


async def test_it_looks_no_more_often_than_that(clock: FakeClock, watch: MemoryWatch) -> None:
    measured = Measured()
    watch.begin(measured)
    clock.advance(INTERVAL_SECONDS / 2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert measured.checks == 0


async def test_ends_and_beginnings_are_legal_in_any_number(watch: MemoryWatch) -> None:
    measured = Measured()
    watch.end(measured)
    watch.begin(measured)
    watch.begin(measured)
    watch.end(measured)
    watch.end(measured)
