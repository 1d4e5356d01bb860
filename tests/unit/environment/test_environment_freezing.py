"""Idle environments are frozen, and thawed by their next event."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from stage import (
    INVOCATION,
    KILLED,
    PlayedRun,
    Stage,
    exit_in_event,
    happens,
    make_invocation,
    serve_forever,
)

from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.launcher_client import Gauges
from lambdad.environment.lifecycle import State

AFTER = 1.0


@pytest.fixture
def freezer(stage: Stage) -> Iterator[int]:
    """The freezer of every run; it reads `1` when its processes are stopped."""
    freezer = os.memfd_create("freezer")
    os.pwrite(freezer, b"0", 0)
    texts = {"frozen": "1", "thawed": "0"}
    stage.launcher.make_gauges = lambda: Gauges(freezer=os.dup(freezer), texts=texts)
    yield freezer
    os.close(freezer)


@pytest.fixture
async def environment(stage: Stage) -> ExecutionEnvironment:
    """One that is idle; it has a sandbox without a freezer, unless the test has `freezer`."""
    environment = stage.make_environment(freeze_after=AFTER)
    await stage.serve(environment)
    stage.launcher.asked.clear()
    return environment


async def pass_time(stage: Stage, seconds: float) -> None:
    stage.clock.advance(seconds)
    for _ in range(3):
        await asyncio.sleep(0)


def is_frozen(freezer: int) -> bool:
    return os.pread(freezer, 1, 0) == b"1"


async def test_an_idle_environment_is_frozen_after_its_time(
    stage: Stage, environment: ExecutionEnvironment
) -> None:
    await pass_time(stage, AFTER - 0.25)
    assert stage.launcher.asked == []
    await pass_time(stage, 0.25)
    assert stage.launcher.asked == ["freeze"]
    assert environment.is_frozen
    assert environment.state is State.READY


async def test_its_freezer_is_set_where_there_is_one(
    stage: Stage, freezer: int, environment: ExecutionEnvironment
) -> None:
    await pass_time(stage, AFTER)
    assert is_frozen(freezer)
    assert stage.launcher.asked == []  # nobody needs to be asked


async def test_one_that_is_handed_straight_on_is_not_frozen(
    stage: Stage, environment: ExecutionEnvironment
) -> None:
    for number in range(10):
        await pass_time(stage, AFTER / 2)
        await stage.serve(environment, f"r{number}")
    assert stage.launcher.asked == []


async def test_it_is_thawed_before_it_has_the_event(stage: Stage) -> None:
    # Given
    async def note_events(run: PlayedRun) -> None:
        for request_id in ("r1", "r2"):
            await run.next()
            stage.launcher.asked.append("event")
            await run.respond(request_id)
        await run.next()

    stage.launcher.play = note_events
    environment = stage.make_environment(freeze_after=AFTER)
    await stage.serve(environment)
    await pass_time(stage, AFTER)
    # When
    await environment.invoke(make_invocation("r2"))
    # Then
    assert stage.launcher.asked == ["start", "event", "freeze", "thaw", "event"]
    assert not environment.is_frozen


async def test_its_freezer_is_off_when_it_has_the_event(stage: Stage, freezer: int) -> None:
    # Given
    seen: list[bool] = []

    async def look(run: PlayedRun) -> None:
        for request_id in ("r1", "r2"):
            await run.next()
            seen.append(is_frozen(freezer))
            await run.respond(request_id)
        await run.next()

    stage.launcher.play = look
    environment = stage.make_environment(freeze_after=AFTER)
    await stage.serve(environment)
    await pass_time(stage, AFTER)
    assert is_frozen(freezer)
    # When
    await environment.invoke(make_invocation("r2"))
    # Then
    assert seen == [False, False]


async def test_an_event_that_takes_long_is_not_frozen(stage: Stage) -> None:
    # Given an idle environment whose timer runs
    async def take_time(run: PlayedRun) -> None:
        await run.next()
        await run.respond("r1")
        await run.next()
        for _ in range(5):
            await pass_time(stage, AFTER / 2)
        await run.respond("r2")
        await run.next()

    stage.launcher.play = take_time
    environment = stage.make_environment(freeze_after=AFTER)
    await stage.serve(environment)
    # When
    await environment.invoke(make_invocation("r2"))
    # Then
    assert stage.launcher.asked == ["start"]


async def test_an_init_that_takes_long_is_not_frozen(stage: Stage) -> None:
    async def take_time(run: PlayedRun) -> None:
        await pass_time(stage, 5 * AFTER)
        await serve_forever(run)

    stage.launcher.play = take_time
    await stage.make_environment(freeze_after=AFTER).invoke(INVOCATION)
    assert stage.launcher.asked == ["start"]


async def test_it_is_frozen_again_after_every_event(
    stage: Stage, environment: ExecutionEnvironment
) -> None:
    for number in range(3):
        await pass_time(stage, AFTER)
        await stage.serve(environment, f"r{number}")
    assert stage.launcher.asked == ["freeze", "thaw"] * 3


async def test_one_that_crashes_while_frozen_ends(
    stage: Stage, environment: ExecutionEnvironment
) -> None:
    # Given
    await pass_time(stage, AFTER)
    # When somebody kills it
    stage.launcher.runs[0].exit(KILLED)
    # Then
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]
    assert stage.launcher.asked == ["freeze", "discard"]
    await pass_time(stage, 10 * AFTER)
    assert stage.launcher.asked == ["freeze", "discard"]


@pytest.mark.parametrize("way", ["stop", "crash"])
async def test_one_that_has_ended_is_not_frozen(
    stage: Stage, environment: ExecutionEnvironment, way: str
) -> None:
    environment.stop() if way == "stop" else stage.launcher.runs[0].exit(KILLED)
    await happens(lambda: environment.state is State.STOPPED)
    await pass_time(stage, 10 * AFTER)
    assert stage.launcher.asked == ["discard"]


async def test_one_that_has_failed_is_not_frozen(stage: Stage) -> None:
    """There is nothing that could run, or it is about to end."""
    stage.launcher.play = exit_in_event()
    environment = stage.make_environment(freeze_after=AFTER)
    await stage.serve(environment)
    await pass_time(stage, 10 * AFTER)
    assert stage.launcher.asked == ["start"]
    assert environment.state is State.FAILED


async def test_one_that_was_frozen_and_then_fails_starts_again(stage: Stage, freezer: int) -> None:
    # Given
    async def serve_and_crash(run: PlayedRun) -> None:
        await run.next()
        await run.respond("r1")
        await run.next()
        run.exit(256)

    stage.launcher.play = serve_and_crash
    environment = stage.make_environment(freeze_after=AFTER)
    await stage.serve(environment)
    await pass_time(stage, AFTER)
    await stage.serve(environment, "r2")
    assert environment.state is State.FAILED
    # When
    stage.launcher.play = serve_forever
    await stage.serve(environment, "r3")
    # Then its new run is frozen as the first was
    assert not is_frozen(freezer)
    await pass_time(stage, AFTER)
    assert is_frozen(freezer)
