"""Requests that wait for an environment which is about to be free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from played import PlayedEnvironment, Ward, make_version

from lambdad.environment.lifecycle import State
from lambdad.errors import ClientError, PlatformError
from lambdad.invocation.lease import throttled
from lambdad.model.function import Code, FunctionVersion

F, G = make_version("f"), make_version("g")
KEY = F.function_key
LONG = 1.0
LIVE = make_version("live", code=Code("ab" * 32, 0, directory="/srv/code"))


class Event:
    """One request, from asking for an environment to the end of its event."""

    def __init__(self, ward: Ward, version: FunctionVersion = F, tenant: str | None = None) -> None:
        self.environment: Any = None
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._run(ward.pool.reserve(version, tenant)))

    async def _run(self, reserving: AbstractAsyncContextManager[Any]) -> None:
        async with reserving as self.environment:
            self.environment.begin()
            await self.end.wait()

    async def has_begun(self) -> PlayedEnvironment:
        """Its environment, when it has one."""
        await until(lambda: self.environment is not None or self.task.done())
        if self.task.done():
            await self.task
        found: PlayedEnvironment = self.environment
        return found

    async def finish(self) -> None:
        self.end.set()
        await self.task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what it waits for is no event
            await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits does so until something happens, however slow the machine is."""
    wait_for(monkeypatch, 60)


def wait_for(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    def choose(*, busy: int, duration: float | None, **_: Any) -> float:
        return seconds if busy and duration is not None and duration < LONG else 0

    monkeypatch.setattr("lambdad.invocation.waiters.choose_wait", choose)


async def be_known(ward: Ward, version: FunctionVersion = F, **how: Any) -> None:
    """Two events, so that it is known how long they take; an idle environment is left."""
    for _ in range(2):
        event = Event(ward, version, **how)
        await event.has_begun()
        await event.finish()


async def busy_one(ward: Ward, version: FunctionVersion = F, **how: Any) -> Event:
    """An event of a version of which it is known that others are short."""
    await be_known(ward, version, **how)
    event = Event(ward, version, **how)
    await event.has_begun()
    return event


async def waiting_one(ward: Ward, version: FunctionVersion = F, **how: Any) -> Event:
    event = Event(ward, version, **how)
    await settle()
    assert event.environment is None
    return event


async def test_what_becomes_free_goes_to_who_has_waited_longest(ward: Ward) -> None:
    # Given
    busy = await busy_one(ward)
    first, second = await waiting_one(ward), await waiting_one(ward)
    # When, Then
    await busy.finish()
    assert await first.has_begun() is busy.environment
    await settle()
    assert second.environment is None
    await first.finish()
    assert await second.has_begun() is busy.environment
    await second.finish()
    assert len(ward.made) == 1
    assert await ward.use(F) is busy.environment


async def test_nobody_waits_before_it_is_known_how_long_events_take(ward: Ward) -> None:
    first, second = Event(ward), Event(ward)
    assert await first.has_begun() is not await second.has_begun()
    for each in (first, second):
        await each.finish()


async def test_nobody_waits_for_one_whose_events_are_long(ward: Ward) -> None:
    # Given
    await be_known(ward)
    long = Event(ward)
    await long.has_begun()
    ward.clock.advance(10 * LONG)
    await long.finish()
    # When
    busy, other = Event(ward), Event(ward)
    # Then
    assert await busy.has_begun() is not await other.has_begun()
    for each in (busy, other):
        await each.finish()


async def test_nobody_waits_for_one_that_is_starting(ward: Ward) -> None:
    busy = await busy_one(ward, G)
    first, second = Event(ward), Event(ward)
    assert await first.has_begun() is not await second.has_begun()
    for each in (busy, first, second):
        await each.finish()


async def test_who_waits_in_vain_has_one_made(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for(monkeypatch, 0.001)
    busy = await busy_one(ward)
    other = Event(ward)
    assert await other.has_begun() is not busy.environment
    for each in (busy, other):
        await each.finish()
    assert len(ward.pool) == 2


async def test_one_that_is_idle_is_never_passed_over(ward: Ward) -> None:
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    await busy.finish()
    await waiting.has_begun()
    await waiting.finish()
    assert (await ward.use(F)).number == 0


@pytest.mark.parametrize(
    ("version", "tenant"), [(G, None), (make_version("f", "2"), None), (F, "green")]
)
async def test_neither_versions_nor_tenants_wait_for_each_other(
    ward: Ward, version: FunctionVersion, tenant: str | None
) -> None:
    # Given both have an environment that is busy, and somebody who waits for it
    busy = await busy_one(ward, tenant="blue")
    other = await busy_one(ward, version, tenant=tenant)
    waiting = await waiting_one(ward, tenant="blue")
    # When
    await other.finish()
    await settle()
    # Then
    assert waiting.environment is None
    await busy.finish()
    assert await waiting.has_begun() is busy.environment
    await waiting.finish()


# Going away


async def test_who_has_gone_is_passed_over(ward: Ward) -> None:
    # Given
    busy = await busy_one(ward)
    first, second = await waiting_one(ward), await waiting_one(ward)
    # When
    first.task.cancel()
    await busy.finish()
    # Then
    assert await second.has_begun() is busy.environment
    await second.finish()
    assert first.task.cancelled()


async def test_what_was_handed_to_who_goes_at_that_moment_is_handed_on(ward: Ward) -> None:
    # Given
    busy = await busy_one(ward)
    first, second = await waiting_one(ward), await waiting_one(ward)
    # When it is free, and before anybody takes it
    busy.end.set()
    await until(lambda: busy.environment.state is State.READY)
    first.task.cancel()
    # Then
    assert await second.has_begun() is busy.environment
    await second.finish()
    assert (first.environment, len(ward.made)) == (None, 1)
    assert await ward.use(F) is busy.environment


async def test_what_nobody_takes_any_more_is_idle(ward: Ward) -> None:
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    busy.end.set()
    await until(lambda: busy.environment.state is State.READY)
    waiting.task.cancel()
    await settle()
    assert await ward.use(F) is busy.environment


@pytest.mark.parametrize("is_retired", [False, True])
async def test_one_that_ends_when_it_has_been_handed_over_is_not_used(
    ward: Ward, is_retired: bool
) -> None:
    # Given
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    busy.end.set()
    await until(lambda: busy.environment.state is State.READY)
    # When
    if is_retired:
        ward.pool.dismiss([busy.environment])
    else:
        busy.environment.end()
    # Then
    assert await waiting.has_begun() is not busy.environment
    assert busy.environment.state is State.STOPPED
    await waiting.finish()
    assert len(ward.pool) == 1


# What may happen to whom they wait for


async def test_one_that_failed_serves_who_waits(ward: Ward) -> None:
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    busy.environment.fail()
    await busy.finish()
    assert await waiting.has_begun() is busy.environment
    await waiting.finish()


async def test_when_the_last_one_ends_nobody_waits_on(ward: Ward) -> None:
    busy = await busy_one(ward)
    first, second = await waiting_one(ward), await waiting_one(ward)
    busy.task.cancel()
    assert await first.has_begun() is not await second.has_begun()
    for each in (first, second):
        await each.finish()
    assert len(ward.pool) == 2


async def test_nobody_waits_for_the_last_one_to_have_ended(ward: Ward) -> None:
    # Given one whose processes take a while to be gone
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    busy.environment.dies_slowly = True
    # When
    busy.task.cancel()
    # Then
    assert await waiting.has_begun() is not busy.environment
    assert busy.environment.state is State.STOPPING
    busy.environment.end()
    await waiting.finish()


async def test_who_waits_when_the_function_changes_has_one_event_of_what_it_was(
    ward: Ward,
) -> None:
    # Given
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    # When
    ward.pool.retire(KEY)
    # Then
    environment = await waiting.has_begun()
    assert environment is not busy.environment
    for each in (busy, waiting):
        await each.finish()
    assert (environment.state, len(ward.pool)) == (State.STOPPED, 0)


async def test_a_change_concerns_nobody_else_who_waits(ward: Ward) -> None:
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    ward.pool.retire(KEY, "1")
    ward.pool.retire(G.function_key)
    await settle()
    assert waiting.environment is None
    await busy.finish()
    assert await waiting.has_begun() is busy.environment
    await waiting.finish()


async def test_nobody_waits_for_one_that_ends_after_its_event(ward: Ward) -> None:
    busy = await busy_one(ward)
    ward.pool.dismiss([busy.environment])
    other = Event(ward)
    assert await other.has_begun() is not busy.environment
    for each in (busy, other):
        await each.finish()


async def test_who_waits_is_told_when_the_server_stops(ward: Ward) -> None:
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    await ward.pool.close()
    with pytest.raises(PlatformError, match="stopping"):
        await waiting.has_begun()
    busy.task.cancel()
    assert len(ward.made) == 1


async def test_one_that_was_initialized_ahead_serves_who_waits(ward: Ward) -> None:
    # Given
    usage = ward.pool.provisioned.promise(F.revision_id)
    busy = await busy_one(ward)
    waiting = await waiting_one(ward)
    # When
    made = await ward.pool.provision(F, lambda environment: None)
    # Then
    assert await waiting.has_begun() is made
    assert (usage.invocations, usage.spillovers) == (1, 3)
    for each in (busy, waiting):
        await each.finish()


async def test_who_waits_for_live_code_gets_none_that_is_older_than_its_look(ward: Ward) -> None:
    # Given
    ward.stamps["/srv/code"] = "one"
    busy = await busy_one(ward, LIVE)
    waiting = await waiting_one(ward, LIVE)
    # When another one sees a change
    ward.stamps["/srv/code"] = "two"
    other = Event(ward, LIVE)
    await other.has_begun()
    await busy.finish()
    await other.finish()
    # Then
    assert await waiting.has_begun() is other.environment
    assert busy.environment.state is State.STOPPED
    await waiting.finish()


# Too many


async def test_who_may_have_none_made_is_refused_and_leaves_nothing(ward: Ward) -> None:
    def refuse(version: FunctionVersion) -> None:
        raise throttled("ConcurrentInvocationLimitExceeded")

    first = await ward.use(F)
    ward.admit = refuse
    assert await ward.use(F) is first
    with pytest.raises(ClientError):
        await ward.use(G)
    assert (len(ward.made), len(ward.pool)) == (1, 1)


async def test_what_is_provisioned_needs_nobodys_permission(ward: Ward) -> None:
    asked: list[FunctionVersion] = []
    ward.admit = asked.append
    await ward.pool.provision(F, lambda environment: None)
    assert asked == []
    await ward.use(G)
    assert asked == [G]


async def test_of_what_is_gone_nothing_is_remembered(ward: Ward) -> None:
    busy = await busy_one(ward)
    await busy.finish()
    busy.environment.stop()
    assert ward.pool._waiters._crews == ward.pool._waiters._crew_of == {}
