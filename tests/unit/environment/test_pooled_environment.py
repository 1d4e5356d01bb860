"""Environments in their pool: whatever goes wrong with an event, none is lost and none is mixed
up with another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from stage import (
    PlayedRun,
    Stage,
    exit_in_event,
    happens,
    in_turn,
    make_invocation,
    make_version,
    room_for,
    serve_forever,
    settle,
)

from lambdad.environment.lifecycle import State
from lambdad.invocation.pool import Pool
from lambdad.model.invocation import Result

VERSION = make_version()


@pytest.fixture
def pool(stage: Stage) -> Pool:
    return Pool(
        lambda version, on_end, initialization_type: stage.make_environment(
            version, on_end=on_end, initialization_type=initialization_type
        ),
        clock=stage.clock,
        idle_timeout=600,
        room=10,
        idle_memory=1 << 40,
        admit=lambda version: None,
    )


async def invoke(pool: Pool, request_id: str) -> Result:
    async with pool.reserve(VERSION) as environment:
        return await environment.invoke(make_invocation(request_id))


async def close(pool: Pool) -> None:
    closing = asyncio.create_task(pool.close())
    await happens(closing.done)
    await closing


# A pipe takes two, the handshake's channel two, and who is asked at least one more.
@pytest.mark.parametrize("room", [0, 2, 4], ids=["no pipe", "no channel", "nobody asked"])
@pytest.mark.parametrize("is_restarting", [False, True])
async def test_a_node_without_descriptors_leaks_none_and_loses_no_environment(
    stage: Stage,
    pool: Pool,
    open_descriptors: Callable[[], set[str]],
    room: int,
    is_restarting: bool,
) -> None:
    # Given
    before = open_descriptors()
    stage.launcher.play = exit_in_event()
    if is_restarting:
        await invoke(pool, "r0")
        assert stage.made[0].state is State.FAILED
    # When
    task = asyncio.create_task(invoke(pool, "r1"))
    with room_for(room):
        await happens(task.done)
    # Then
    with pytest.raises(OSError, match="Too many open files"):
        await task
    await close(pool)
    assert [environment.state for environment in stage.made] == [State.STOPPED]
    assert all(place.is_discarded for place in stage.launcher.places.values())
    await settle()
    assert open_descriptors() - before == set()


async def test_the_answer_to_a_cancelled_event_is_not_the_answer_to_the_next(
    stage: Stage, pool: Pool
) -> None:
    # Given an event that runs when its caller gives it up
    is_given_up = asyncio.Event()

    async def answer_late(run: PlayedRun) -> None:
        await run.next()
        await is_given_up.wait()
        await run.respond("r1")
        await serve_forever(run)

    stage.launcher.play = in_turn(answer_late, serve_forever)
    task = asyncio.create_task(invoke(pool, "r1"))
    await happens(lambda: stage.made and stage.made[0].state is State.INVOKING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    # When it is answered after all, if it still can be
    is_given_up.set()
    await settle()
    result = await invoke(pool, "r2")
    # Then
    assert result.payload == make_invocation("r2").payload
    assert [environment.state for environment in stage.made] == [State.STOPPED, State.READY]
    await close(pool)
