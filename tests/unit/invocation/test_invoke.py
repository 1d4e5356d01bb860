"""Invoking: with a lease and a reserved environment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from played import PlayedEnvironment, Ward, make_version

from lambdad.environment.environment import EventNotTaken
from lambdad.environment.lifecycle import State
from lambdad.errors import ClientError, PlatformError
from lambdad.invocation.invoke import Invoker
from lambdad.invocation.lease import Leases
from lambdad.invocation.provisioner import Provisioner
from lambdad.model.invocation import Invocation, Result

F = make_version()
ARN = F.unqualified_arn
INVOCATION = Invocation("r1", b"1", ARN, "Root=1")


class Bench:
    def __init__(self, ward: Ward, limit: int = 1) -> None:
        self.ward = ward
        self.provisioner = Provisioner(ward.pool, ward.clock)
        self.invoker = Invoker(Leases(limit, ward.clock), ward.pool, self.provisioner, ward.clock)

    async def invoke(self, **members: Any) -> Result:
        return await self.invoker.invoke(F, replace(INVOCATION, **members))


@pytest.fixture
def bench(ward: Ward) -> Bench:
    return Bench(ward)


def on_invoke(bench: Bench, act: Any, *, only: set[int] | None = None) -> None:
    def prepare(environment: PlayedEnvironment) -> None:
        if only is None or environment.number in only:
            environment.on_invoke = lambda invocation: act(environment, invocation)

    bench.ward.prepare = prepare


async def test_the_result_comes_back(bench: Bench) -> None:
    result = await bench.invoke(payload=b"[1]")
    assert result.payload == b"[1]"


async def test_the_environment_gets_what_the_caller_gave(bench: Bench) -> None:
    seen: list[Invocation] = []
    on_invoke(bench, lambda environment, invocation: seen.append(invocation))
    await bench.invoke(client_context="{}")
    assert seen == [Invocation("r1", b"1", ARN, "Root=1", "{}")]


async def test_without_a_lease_nothing_is_touched(bench: Bench) -> None:
    outcomes: list[ClientError] = []

    async def invoke_meanwhile() -> None:
        with pytest.raises(ClientError) as caught:
            await bench.invoke(request_id="r2")
        outcomes.append(caught.value)

    bench.ward.prepare = lambda environment: None
    async with bench.ward.pool.reserve(F) as reserved:
        reserved.begin()  # type: ignore[attr-defined]
        with bench.invoker._leases.lease(F):
            await invoke_meanwhile()
    assert outcomes[0].code == "TooManyRequestsException"
    assert len(bench.ward.made) == 1


@pytest.mark.parametrize("failure", [PlatformError("no"), ValueError("a mistake of ours")])
async def test_a_failure_gives_lease_and_environment_back(bench: Bench, failure: Exception) -> None:
    def fail(environment: PlayedEnvironment, invocation: Invocation) -> None:
        environment.stop()
        raise failure

    on_invoke(bench, fail, only={0})
    with pytest.raises(type(failure)):
        await bench.invoke()
    assert len(bench.ward.pool) == 0
    assert (await bench.invoke()).payload == b"1"  # the one lease is free again


async def test_an_event_that_was_not_taken_goes_to_another_environment(bench: Bench) -> None:
    # Given an idle environment that has ended without anybody's knowing
    await bench.invoke(request_id="r1")

    def end(invocation: Invocation) -> None:
        first.stop()
        raise EventNotTaken

    (first,) = bench.ward.made
    first.on_invoke = end
    # When
    result = await bench.invoke(request_id="r2")
    # Then
    assert result.report.request_id == "r2"
    assert [environment.invocations for environment in bench.ward.made] == [["r1", "r2"], ["r2"]]
    assert first.state is State.STOPPED


async def test_an_event_is_tried_as_long_as_idle_environments_turn_out_dead(ward: Ward) -> None:
    # Given
    bench = Bench(ward, limit=5)
    stack = [ward.pool.reserve(F) for _ in range(3)]
    for each in stack:
        (await each.__aenter__()).begin()  # type: ignore[attr-defined]
    for each in stack:
        await each.__aexit__(None, None, None)

    def end_with(environment: PlayedEnvironment) -> None:
        environment.stop()
        raise EventNotTaken

    for environment in ward.made:
        environment.on_invoke = lambda invocation, its=environment: end_with(its)  # type: ignore[misc]
    # When
    result = await bench.invoke()
    # Then
    assert result.payload == b"1"
    assert len(ward.made) == 4
    assert len(ward.pool) == 1


async def test_retire_is_the_pools(bench: Bench) -> None:
    await bench.invoke()
    bench.invoker.retire((F.account_id, F.region, F.name))
    assert bench.ward.made[0].state is State.STOPPED
