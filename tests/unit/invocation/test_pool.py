"""The pool: the latest idle environment first, and none that has ended."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from played import IDLE_TIMEOUT, PlayedEnvironment, Ward, make_version

from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError

F, G = make_version("f"), make_version("g")
F_KEY = (F.account_id, F.region, F.name)


async def use_at_once(ward: Ward, count: int) -> list[PlayedEnvironment]:
    """Serve so many events at the same time; all are idle afterwards, the first the longest."""
    stack = [ward.pool.reserve(F) for _ in range(count)]
    reserved: list[PlayedEnvironment] = [await each.__aenter__() for each in stack]  # type: ignore[misc]
    for environment in reserved:
        environment.begin()
    for each in stack:
        ward.clock.advance(1)
        await each.__aexit__(None, None, None)
    return reserved


async def test_an_idle_environment_is_used_again(ward: Ward) -> None:
    first = await ward.use(F)
    assert first.state is State.READY
    assert await ward.use(F) is first
    assert len(ward.pool) == len(ward.made) == 1


async def test_the_latest_is_used_first(ward: Ward) -> None:
    first, second, third = await use_at_once(ward, 3)
    async with ward.pool.reserve(F) as one, ward.pool.reserve(F) as two:
        assert (one, two) == (third, second)  # type: ignore[comparison-overlap]
        for environment in (one, two):
            environment.begin()  # type: ignore[attr-defined]
    assert first.state is State.READY


async def test_a_busy_environment_is_not_shared(ward: Ward) -> None:
    reserved = await use_at_once(ward, 2)
    assert len({environment.number for environment in reserved}) == 2


async def test_versions_do_not_share_environments(ward: Ward) -> None:
    first = await ward.use(F)
    assert await ward.use(G) is not first
    assert await ward.use(make_version("f", "2")) is not first
    assert await ward.use(F) is first


async def test_an_environment_that_died_while_idle_is_not_handed_out(ward: Ward) -> None:
    first = await ward.use(F)
    first.end()
    assert len(ward.pool) == 0
    assert await ward.use(F) is not first


async def test_an_environment_that_is_being_stopped_is_not_handed_out(ward: Ward) -> None:
    ward.prepare = lambda environment: setattr(environment, "dies_slowly", True)
    first = await ward.use(F)
    first.stop()
    assert first.state is State.STOPPING
    assert await ward.use(F) is not first
    first.end()


async def test_an_environment_that_ended_during_its_event_is_let_go(ward: Ward) -> None:
    async with ward.pool.reserve(F) as reserved:
        reserved.begin()  # type: ignore[attr-defined]
        reserved.stop()
    assert len(ward.pool) == 0
    assert reserved.state is State.STOPPED


@pytest.mark.parametrize("failure", [RuntimeError, asyncio.CancelledError])
async def test_a_failed_start_leaves_nothing_in_the_pool(
    ward: Ward, failure: type[BaseException]
) -> None:
    with pytest.raises(failure):
        async with ward.pool.reserve(F):
            raise failure
    assert len(ward.pool) == 0
    assert ward.made[0].state is State.STOPPED


@pytest.mark.parametrize("failure", [RuntimeError, asyncio.CancelledError])
async def test_an_event_that_is_given_up_ends_its_environment(
    ward: Ward, failure: type[BaseException]
) -> None:
    """What it had still runs, and the next event would get its answer."""

    def give_up(environment: PlayedEnvironment) -> None:
        environment.begin()
        raise failure

    with pytest.raises(failure):
        async with ward.pool.reserve(F) as reserved:
            give_up(reserved)  # type: ignore[arg-type]
    assert (ward.made[0].state, len(ward.pool)) == (State.STOPPED, 0)
    assert await ward.use(F) is not ward.made[0]


# Retiring


async def test_retiring_ends_the_idle_ones_of_that_function_only(ward: Ward) -> None:
    first, other = await ward.use(F), await ward.use(G)
    ward.pool.retire(F_KEY)
    assert (first.state, other.state) == (State.STOPPED, State.READY)
    assert await ward.use(F) is not first


async def test_retiring_lets_a_running_event_finish(ward: Ward) -> None:
    async with ward.pool.reserve(F) as reserved:
        reserved.begin()  # type: ignore[attr-defined]
        ward.pool.retire(F_KEY)
        assert reserved.state is State.INVOKING
    assert (reserved.state, len(ward.pool)) == (State.STOPPED, 0)


async def test_retiring_spares_the_functions_namesake_elsewhere(ward: Ward) -> None:
    namesake = await ward.use(make_version("f", "x", account_id="210987654321"))
    ward.pool.retire(F_KEY)
    assert namesake.state is State.READY


async def test_what_is_made_after_retiring_is_kept(ward: Ward) -> None:
    await ward.use(F)
    ward.pool.retire(F_KEY)
    assert (await ward.use(make_version("f", "2"))).state is State.READY


# Made ahead


async def test_one_that_is_retired_during_its_init_ends(ward: Ward) -> None:
    gate = asyncio.Event()
    ward.prepare = lambda environment: setattr(environment, "gate", gate)
    making = asyncio.create_task(ward.pool.provision(F, lambda environment: None))
    await asyncio.sleep(0)
    ward.made[0].dies_slowly = True
    ward.pool.retire(F_KEY)
    gate.set()
    with pytest.raises(PlatformError):
        await making
    ward.made[0].end()
    assert len(ward.pool) == 0


async def test_none_is_made_ahead_after_close(ward: Ward) -> None:
    await ward.pool.close()
    with pytest.raises(PlatformError):
        await ward.pool.provision(F, lambda environment: None)


async def test_who_asked_for_it_hears_of_its_end(ward: Ward) -> None:
    ended: list[object] = []
    made = await ward.pool.provision(F, ended.append)
    assert ended == []
    ward.pool.retire(F_KEY)
    assert ended == [made]
    assert len(ward.pool) == 0


# Time and room


async def test_what_is_idle_for_too_long_ends(ward: Ward) -> None:
    first, second = await use_at_once(ward, 2)
    ward.clock.advance(IDLE_TIMEOUT - 1)
    ward.pool.expire()
    assert (first.state, second.state) == (State.STOPPED, State.READY)
    ward.clock.advance(1)
    ward.pool.expire()
    assert second.state is State.STOPPED
    assert len(ward.pool) == 0


async def test_use_makes_it_young_again(ward: Ward) -> None:
    first = await ward.use(F)
    ward.clock.advance(IDLE_TIMEOUT - 1)
    await ward.use(F)
    ward.clock.advance(IDLE_TIMEOUT - 1)
    ward.pool.expire()
    assert first.state is State.READY


async def test_what_runs_does_not_expire(ward: Ward) -> None:
    async with ward.pool.reserve(F) as reserved:
        reserved.begin()  # type: ignore[attr-defined]
        ward.clock.advance(10 * IDLE_TIMEOUT)
        ward.pool.expire()
        assert reserved.state is State.INVOKING


async def test_sweeping_goes_on_until_it_is_cancelled(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdad.invocation.pool._SWEEPS_PER_IDLE_TIMEOUT", 1e9)
    first = await ward.use(F)
    ward.clock.advance(IDLE_TIMEOUT)
    sweeping = asyncio.create_task(ward.pool.expire_forever())
    async with asyncio.timeout(5):
        await first.ended()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_the_longest_idle_one_makes_place(ward: Ward) -> None:
    ward.pool = ward.make_pool(room=2)
    first, second = await use_at_once(ward, 2)
    third = await ward.use(G)
    assert [e.state for e in (first, second, third)] == [
        State.STOPPED, State.READY, State.READY,
    ]  # fmt: skip
    assert len(ward.pool) == 2


async def test_nobody_who_runs_makes_place(ward: Ward) -> None:
    ward.pool = ward.make_pool(room=1)
    async with ward.pool.reserve(F) as busy:
        busy.begin()  # type: ignore[attr-defined]
        await ward.use(G)
        assert busy.state is State.INVOKING


# Failures


async def test_a_failed_environment_is_kept_and_used_again(ward: Ward) -> None:
    first = await ward.use(F, fails=True)
    assert first.state is State.FAILED
    assert len(ward.pool) == 1
    assert await ward.use(F) is first
    assert first.state is State.READY
    assert len(ward.made) == 1


@pytest.mark.parametrize("failing", [0, 1, 2])
async def test_a_failed_environment_is_taken_last(ward: Ward, failing: int) -> None:
    # Given
    stack = [ward.pool.reserve(F) for _ in range(3)]
    reserved = [await each.__aenter__() for each in stack]
    for environment in reserved:
        environment.begin()  # type: ignore[attr-defined]
    reserved[failing].fail()  # type: ignore[attr-defined]
    for each in stack:
        ward.clock.advance(1)
        await each.__aexit__(None, None, None)
    # When
    taken = []
    async with AsyncExitStack() as held:
        for _ in range(3):
            taken.append(await held.enter_async_context(ward.pool.reserve(F)))
            taken[-1].begin()  # type: ignore[attr-defined]
    # Then
    ready = [e for e in reserved if e is not reserved[failing]]
    assert taken == [*reversed(ready), reserved[failing]]


async def test_a_failed_environment_is_taken_before_a_new_one_is_made(ward: Ward) -> None:
    failed = await ward.use(F, fails=True)
    async with ward.pool.reserve(F) as one, ward.pool.reserve(F) as two:
        assert one is failed  # type: ignore[comparison-overlap]
        for environment in (one, two):
            environment.begin()  # type: ignore[attr-defined]
    assert len(ward.made) == 2


async def test_a_failed_environment_expires_as_any(ward: Ward) -> None:
    failed = await ward.use(F, fails=True)
    ward.clock.advance(IDLE_TIMEOUT - 1)
    ward.pool.expire()
    assert failed.state is State.FAILED
    ward.clock.advance(1)
    ward.pool.expire()
    assert failed.state is State.STOPPED
    assert len(ward.pool) == 0


async def test_a_failed_environment_is_retired_as_any(ward: Ward) -> None:
    failed = await ward.use(F, fails=True)
    ward.pool.retire(F_KEY)
    assert failed.state is State.STOPPED


async def test_one_that_fails_after_its_function_has_changed_ends(ward: Ward) -> None:
    async with ward.pool.reserve(F) as reserved:
        reserved.begin()  # type: ignore[attr-defined]
        ward.pool.retire(F_KEY)
        reserved.fail()  # type: ignore[attr-defined]
    assert (reserved.state, len(ward.pool)) == (State.STOPPED, 0)


async def test_a_failed_environment_makes_place_as_any(ward: Ward) -> None:
    ward.pool = ward.make_pool(room=1)
    failed = await ward.use(F, fails=True)
    await ward.use(G)
    assert failed.state is State.STOPPED


async def test_one_that_could_not_start_again_ends(ward: Ward) -> None:
    failed = await ward.use(F, fails=True)

    async def be_refused() -> None:
        async with ward.pool.reserve(F) as reserved:
            reserved.state = State.STARTING  # its Init begins
            raise PlatformError("no more processes")

    with pytest.raises(PlatformError):
        await be_refused()
    assert failed.state is State.STOPPED
    assert len(ward.pool) == 0


# Memory


async def test_idle_ones_hold_no_more_memory_than_they_may(ward: Ward) -> None:
    # Given
    ward.pool = ward.make_pool(idle_memory=100)
    first = await ward.use(F, holds=60)
    ward.clock.advance(1)
    # When
    second = await ward.use(G, holds=40)
    assert (first.state, second.state) == (State.READY, State.READY)
    ward.clock.advance(1)
    third = await ward.use(make_version("h"), holds=10)
    # Then
    assert [e.state for e in (first, second, third)] == [
        State.STOPPED, State.READY, State.READY,
    ]  # fmt: skip


async def test_what_has_an_event_does_not_count(ward: Ward) -> None:
    ward.pool = ward.make_pool(idle_memory=100)
    first = await ward.use(F, holds=60)
    async with ward.pool.reserve(F) as reserved:
        reserved.begin()  # type: ignore[attr-defined]
        second = await ward.use(G, holds=100)
        assert second.state is State.READY
    assert (first.state, second.state) == (State.READY, State.STOPPED)


async def test_one_that_holds_more_than_all_may_ends_with_its_event(ward: Ward) -> None:
    ward.pool = ward.make_pool(idle_memory=100)
    first = await ward.use(F, holds=101)
    assert first.state is State.STOPPED
    assert len(ward.pool) == 0


async def test_those_that_end_by_themselves_hold_nothing_any_more(ward: Ward) -> None:
    ward.pool = ward.make_pool(idle_memory=100)
    (await ward.use(F, holds=90)).end()
    assert (await ward.use(G, holds=90)).state is State.READY


# The end


async def test_close_ends_everything_and_waits_for_it(ward: Ward) -> None:
    # Given
    ward.prepare = lambda environment: setattr(environment, "dies_slowly", True)
    idle = await ward.use(F)
    async with ward.pool.reserve(G) as busy:
        busy.begin()  # type: ignore[attr-defined]
        # When
        closing = asyncio.create_task(ward.pool.close())
        await asyncio.sleep(0)
        # Then
        assert (idle.state, busy.state) == (State.STOPPING, State.STOPPING)
        assert not closing.done()
        idle.end()
        await asyncio.sleep(0)
        assert not closing.done()
        busy.end()  # type: ignore[attr-defined]
        await asyncio.wait_for(closing, 5)
    assert len(ward.pool) == 0


async def test_an_empty_pool_closes_at_once(ward: Ward) -> None:
    await ward.pool.close()


async def test_nothing_is_made_after_close(ward: Ward) -> None:
    """Nobody would wait for its end."""
    await ward.pool.close()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever says that the server stops
        async with ward.pool.reserve(F) as late:
            late.begin()  # type: ignore[attr-defined]
    assert ward.made == []


async def test_an_environment_never_serves_two_tenants(ward: Ward) -> None:
    served: dict[str | None, set[int]] = {}
    for tenant in ("blue", "green", None, "blue", "green", None):
        async with ward.pool.reserve(F, tenant) as reserved:
            environment: Any = reserved
            environment.begin()
            assert environment.tenant_id == tenant
        served.setdefault(tenant, set()).add(environment.number)
    assert [len(numbers) for numbers in served.values()] == [1, 1, 1]
    assert len(ward.made) == 3


async def test_a_package_is_used_as_long_as_an_environment_has_it(ward: Ward) -> None:
    assert F.code.sha256 not in ward.pool.digests()
    environment = await ward.use(F)
    assert F.code.sha256 in ward.pool.digests()
    environment.dies_slowly = True
    ward.pool.retire(F_KEY)
    assert F.code.sha256 in ward.pool.digests()
    environment.end()
    assert F.code.sha256 not in ward.pool.digests()
