"""Looks at live code: none is older than the question, and many who ask share one."""

from __future__ import annotations

import asyncio

import pytest

from lambdad.environment.host_directories import LiveCode
from lambdad.errors import ClientError, PlatformError
from lambdad.launcher.contract import Look


class Disk:
    """Directories that are looked at when the test says so."""

    def __init__(self) -> None:
        self.looks = 0
        self.stamp = "one"
        self.problem: str | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def look(self, directory: str) -> Look:
        self.looks += 1
        stamp = self.stamp  # as it is when the look begins
        await self.gate.wait()
        if self.problem:
            return Look(directory, problem=self.problem)
        return Look(f"/real{directory}", stamp)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def live_code(disk: Disk) -> LiveCode:
    return LiveCode(disk.look)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_directory_is_found_where_it_is(live_code: LiveCode) -> None:
    assert await live_code.find("/code") == "/real/code"
    assert await live_code.stamp("/code") == "one"


async def test_what_cannot_be_had_is_the_callers_mistake(live_code: LiveCode, disk: Disk) -> None:
    disk.problem = "/code cannot be had"
    for ask in (live_code.find, live_code.stamp):
        with pytest.raises(ClientError, match="/code cannot be had") as caught:
            await ask("/code")
        assert caught.value.code == "InvalidParameterValueException"


async def test_what_holds_too_much_is_refused_when_it_is_deployed(
    live_code: LiveCode, disk: Disk
) -> None:
    disk.stamp = ""
    with pytest.raises(ClientError, match="more files"):
        await live_code.find("/code")
    assert await live_code.stamp("/code") == ""  # it has grown since


async def test_who_asks_during_a_look_hears_of_a_later_one(live_code: LiveCode, disk: Disk) -> None:
    # Given a look that has begun
    disk.gate.clear()
    first = asyncio.ensure_future(live_code.stamp("/code"))
    await settle()
    # When
    disk.stamp = "two"
    others = [asyncio.ensure_future(live_code.stamp("/code")) for _ in range(5)]
    await settle()
    disk.gate.set()
    # Then
    assert await first == "one"
    assert await asyncio.gather(*others) == ["two"] * 5
    assert disk.looks == 2


async def test_directories_do_not_wait_for_each_other(live_code: LiveCode, disk: Disk) -> None:
    disk.gate.clear()
    asks = [asyncio.ensure_future(live_code.stamp(path)) for path in ("/a", "/b")]
    await settle()
    assert disk.looks == 2
    disk.gate.set()
    await asyncio.gather(*asks)


async def test_one_who_gives_up_gives_up_for_himself(live_code: LiveCode, disk: Disk) -> None:
    disk.gate.clear()
    first, second = (asyncio.ensure_future(live_code.stamp("/code")) for _ in range(2))
    await settle()
    first.cancel()
    disk.gate.set()
    assert await second == "one"


async def test_a_look_that_never_ends_is_our_failure_and_keeps_nobody_waiting(
    live_code: LiveCode, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdad.environment.host_directories._LOOK_SECONDS", 0.01)
    disk.gate.clear()
    with pytest.raises(PlatformError, match="in time"):
        await live_code.stamp("/code")
    disk.gate.set()
    assert await live_code.stamp("/code") == "one"
