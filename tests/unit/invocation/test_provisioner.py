"""The provisioner: as many environments ahead as are wanted, whatever becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from played import IDLE_TIMEOUT, PlayedEnvironment, Ward, make_version

from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError
from lambdad.invocation import provisioner as provisioner_module
from lambdad.invocation.choose_provisioning import AT_ONCE
from lambdad.invocation.provisioner import INIT_FAILED, INTERNAL_ERROR, Provisioner
from lambdad.model.concurrency import Provisioned, ProvisionedVersion
from lambdad.model.function import FunctionVersion, Status
from lambdad.model.invocation import FunctionError

F, G = make_version("f", version="1"), make_version("g", version="1")
F2 = make_version("f", "2", version="2")


@pytest.fixture
async def provisioner(ward: Ward) -> AsyncIterator[Provisioner]:
    provisioner = Provisioner(ward.pool, ward.clock)
    yield provisioner
    await provisioner.close()


async def settle() -> None:
    """Let every Init that can end come to its end."""
    for _ in range(20):
        await asyncio.sleep(0)


def want(provisioner: Provisioner, *wanted: tuple[FunctionVersion, int]) -> None:
    """All that is wanted of the function `f`."""
    provisioner.want(F.function_key, [ProvisionedVersion(*each) for each in wanted])


def living(ward: Ward, version: FunctionVersion = F) -> list[PlayedEnvironment]:
    return [
        environment
        for environment in ward.made
        if environment.version is version
        and environment.state is not State.STOPPED
        and environment.initialization_type == "provisioned-concurrency"
    ]


def fail_with(failure: FunctionError | Exception | None) -> Callable[[PlayedEnvironment], None]:
    return lambda environment: setattr(environment, "init_failure", failure)


async def test_environments_are_made_ahead(ward: Ward, provisioner: Provisioner) -> None:
    want(provisioner, (F, 2))
    assert provisioner.provisioned(F) == Provisioned()
    await settle()
    assert provisioner.provisioned(F) == Provisioned(available=2)
    assert [each.state for each in living(ward)] == [State.READY, State.READY]


async def test_events_take_them_first_and_spill_over(ward: Ward, provisioner: Provisioner) -> None:
    # Given
    want(provisioner, (F, 1))
    await settle()
    (ahead,) = ward.made
    # When
    async with ward.pool.reserve(F) as one:
        one.begin()  # type: ignore[attr-defined]
        spilled = await ward.use(F)
    # Then
    assert one is ahead  # type: ignore[comparison-overlap]
    assert spilled.initialization_type == "on-demand"
    assert provisioner.provisioned(F) == Provisioned(1, None, invocations=1, spillovers=1)
    assert await ward.use(F) is ahead  # although the other one was used later
    assert await ward.use(F2) is not ahead


async def test_they_neither_expire_nor_make_place(ward: Ward) -> None:
    # Given
    ward.pool = ward.make_pool(room=1, idle_memory=100)
    provisioner = Provisioner(ward.pool, ward.clock)
    want(provisioner, (F, 2))
    await settle()
    for environment in ward.made:
        environment.memory_held = 40
    # When
    ward.clock.advance(2 * IDLE_TIMEOUT)
    ward.pool.expire()
    await ward.use(F)
    other = await ward.use(G, holds=30)
    # Then
    assert len(living(ward)) == 2
    assert other.state is State.READY
    await provisioner.close()


async def test_what_they_hold_counts_before_what_others_may(ward: Ward) -> None:
    ward.pool = ward.make_pool(idle_memory=100)
    ward.prepare = lambda environment: setattr(environment, "memory_held", 90)
    provisioner = Provisioner(ward.pool, ward.clock)
    want(provisioner, (F, 1))
    await settle()
    assert (await ward.use(G, holds=11)).state is State.STOPPED
    assert (await ward.use(G, holds=10)).state is State.READY
    assert len(living(ward)) == 1
    await provisioner.close()


async def test_more_are_wanted_than_before_and_then_fewer(
    ward: Ward, provisioner: Provisioner
) -> None:
    want(provisioner, (F, 1))
    await settle()
    want(provisioner, (F, 3))
    await settle()
    assert provisioner.provisioned(F).available == 3
    want(provisioner, (F, 2))
    assert provisioner.provisioned(F).available == len(living(ward)) == 2
    want(provisioner)
    assert (provisioner.provisioned(F).available, living(ward)) == (0, [])
    assert len(ward.pool) == 0


async def test_one_with_an_event_finishes_it_before_it_goes(
    ward: Ward, provisioner: Provisioner
) -> None:
    want(provisioner, (F, 2))
    await settle()
    async with ward.pool.reserve(F) as busy:
        busy.begin()  # type: ignore[attr-defined]
        want(provisioner, (F, 1))
        assert [each.state for each in living(ward)] == [State.INVOKING]
        want(provisioner)
        assert busy.state is State.INVOKING
    assert busy.state is State.STOPPED


async def test_one_that_has_to_go_after_its_event_is_not_available_any_more(
    ward: Ward, provisioner: Provisioner
) -> None:
    want(provisioner, (F, 2))
    await settle()
    async with ward.pool.reserve(F) as one, ward.pool.reserve(F) as two:
        for busy in (one, two):
            busy.begin()  # type: ignore[attr-defined]
        want(provisioner, (F, 1))
        assert provisioner.provisioned(F).available == 1
    await settle()
    assert [each.state for each in living(ward)] == [State.READY]


async def test_those_of_a_version_move_to_another(ward: Ward, provisioner: Provisioner) -> None:
    want(provisioner, (F, 2))
    await settle()
    want(provisioner, (F2, 2))
    await settle()
    assert (len(living(ward, F)), len(living(ward, F2))) == (0, 2)


async def test_functions_do_not_disturb_each_other(ward: Ward, provisioner: Provisioner) -> None:
    want(provisioner, (F, 1))
    provisioner.want(G.function_key, [ProvisionedVersion(G, 1)])
    want(provisioner)
    await settle()
    assert (provisioner.provisioned(F).available, provisioner.provisioned(G).available) == (0, 1)


async def test_a_version_that_is_not_active_has_to_wait(
    ward: Ward, provisioner: Provisioner
) -> None:
    pending = make_version("f", "3", version="3", state=Status("Pending"))
    want(provisioner, (pending, 1))
    await settle()
    assert ward.made == []


async def test_not_all_start_at_once(ward: Ward, provisioner: Provisioner) -> None:
    gate = asyncio.Event()
    ward.prepare = lambda environment: setattr(environment, "gate", gate)
    want(provisioner, (F, 3 * AT_ONCE))
    await settle()
    assert len(ward.made) == AT_ONCE
    gate.set()
    await settle()
    assert provisioner.provisioned(F).available == 3 * AT_ONCE


async def test_those_that_start_are_given_up_when_they_are_not_wanted(
    ward: Ward, provisioner: Provisioner
) -> None:
    ward.prepare = lambda environment: setattr(environment, "gate", asyncio.Event())
    want(provisioner, (F, 3))
    await settle()
    want(provisioner, (F, 1))
    await settle()
    assert [each.state for each in living(ward)] == [State.STARTING]
    want(provisioner)
    await settle()
    assert len(ward.pool) == 0


async def test_one_that_has_ended_is_made_again(ward: Ward, provisioner: Provisioner) -> None:
    want(provisioner, (F, 1))
    await settle()
    ward.clock.advance(provisioner_module.SETTLED_SECONDS)
    ward.made[0].stop()
    await settle()
    assert [each.number for each in living(ward)] == [1]
    assert provisioner.provisioned(F) == Provisioned(1)


async def test_one_that_fails_with_its_event_is_made_again(
    ward: Ward, provisioner: Provisioner
) -> None:
    want(provisioner, (F, 1))
    await settle()
    ward.clock.advance(provisioner_module.SETTLED_SECONDS)
    failed = await ward.use(F, fails=True)
    await settle()
    assert failed.state is State.STOPPED
    assert [each.number for each in living(ward)] == [1]


# Failures


Delays = list[tuple[float, Callable[[], None]]]


@pytest.fixture
async def delays(monkeypatch: pytest.MonkeyPatch) -> Delays:
    """How long was waited after each failure, and what goes on then."""
    waited: Delays = []

    def call_later(delay: float, call: Any, *arguments: Any) -> asyncio.TimerHandle:
        waited.append((delay, lambda: call(*arguments)))
        loop = asyncio.get_running_loop()
        return asyncio.TimerHandle(0.0, lambda: None, (), loop)

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    return waited


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (FunctionError("Runtime.ExitError"), INIT_FAILED),
        (PlatformError("no more processes"), INTERNAL_ERROR),
        (ValueError("a mistake of ours"), INTERNAL_ERROR),
    ],
)
async def test_a_failure_is_told_and_tried_again_later(
    ward: Ward,
    provisioner: Provisioner,
    delays: Delays,
    failure: FunctionError | Exception,
    reason: str,
) -> None:
    # Given
    ward.prepare = fail_with(failure)
    want(provisioner, (F, 1))
    await settle()
    assert provisioner.provisioned(F) == Provisioned(0, reason)
    assert (len(ward.made), len(ward.pool)) == (1, 0)
    # When
    ward.prepare = fail_with(None)
    delays.pop()[1]()
    await settle()
    # Then
    assert provisioner.provisioned(F) == Provisioned(1)


async def test_every_failure_is_waited_after_for_longer(
    ward: Ward, provisioner: Provisioner, delays: Delays
) -> None:
    ward.prepare = fail_with(FunctionError("Runtime.ExitError"))
    want(provisioner, (F, 1))
    seconds = []
    for _ in range(12):
        await settle()
        delay, retry = delays.pop()
        seconds.append(delay)
        retry()
    assert seconds[:4] == [1, 2, 4, 8]
    assert seconds[-1] == 300


async def test_many_that_fail_together_are_one_failure(
    ward: Ward, provisioner: Provisioner, delays: Delays
) -> None:
    ward.prepare = fail_with(FunctionError("Runtime.ExitError"))
    want(provisioner, (F, 50))
    await settle()
    assert (len(delays), len(ward.made)) == (1, AT_ONCE)


async def test_one_that_ends_soon_is_a_failure_too(
    ward: Ward, provisioner: Provisioner, delays: Delays
) -> None:
    """Else a function that ends itself after its Init would keep the machine busy."""
    want(provisioner, (F, 1))
    for number in range(3):
        await settle()
        ward.made[-1].stop()
        await settle()
        assert (len(ward.made), living(ward)) == (number + 1, [])
        delay, retry = delays.pop()
        assert delay == 2**number
        retry()


async def test_who_asks_again_does_not_wait(
    ward: Ward, provisioner: Provisioner, delays: Delays
) -> None:
    ward.prepare = fail_with(FunctionError("Runtime.ExitError"))
    want(provisioner, (F, 1))
    await settle()
    ward.prepare = fail_with(None)
    want(provisioner, (F, 1))
    await settle()
    assert provisioner.provisioned(F) == Provisioned(1)


async def test_nothing_is_tried_again_that_is_not_wanted(
    ward: Ward, provisioner: Provisioner, delays: Delays
) -> None:
    ward.prepare = fail_with(FunctionError("Runtime.ExitError"))
    want(provisioner, (F, 1))
    await settle()
    want(provisioner)
    assert provisioner.provisioned(F) == Provisioned()
    delays.pop()[1]()
    await settle()
    assert len(ward.made) == 1


# The end


async def test_after_close_nothing_is_made(ward: Ward, provisioner: Provisioner) -> None:
    # Given
    want(provisioner, (F, 2))
    await settle()
    ward.prepare = lambda environment: setattr(environment, "gate", asyncio.Event())
    want(provisioner, (F, 3))
    await settle()
    # When
    await provisioner.close()
    await ward.pool.close()
    await settle()
    # Then
    assert len(ward.pool) == 0
    assert len(ward.made) == 3


async def test_one_that_is_retired_while_it_starts_ends(
    ward: Ward, provisioner: Provisioner
) -> None:
    gate = asyncio.Event()
    ward.prepare = lambda environment: setattr(environment, "gate", gate)
    want(provisioner, (F, 1))
    await settle()
    want(provisioner)
    ward.pool.retire(F.function_key, "1")
    gate.set()
    await settle()
    assert len(ward.pool) == 0
