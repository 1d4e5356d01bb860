"""Stopping: legal at any time, whatever is under way; and what the machine does not allow."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest
from stage import (
    INVOCATION,
    KILLED,
    Stage,
    exit_in_event,
    hang,
    happens,
    idle,
    in_turn,
    make_invocation,
    make_version,
    serve_forever,
    settle,
)

from lambdad.environment.environment import EventNotTaken, ExecutionEnvironment
from lambdad.environment.launcher_client import Gauges
from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError

TURNS = 12  # of the loop; enough for a start until its process is waited for


async def has_gone(stage: Stage, environment: ExecutionEnvironment) -> None:
    """It is over, everybody has been told, and nothing of it is left."""
    await happens(lambda: environment.state is State.STOPPED)
    await environment.ended()
    assert stage.ended == [environment]
    await happens(lambda: all(run.has_ended for run in stage.launcher.runs))
    assert all(place.is_discarded for place in stage.launcher.places.values())
    assert all(endpoint.is_closed for endpoint in stage.endpoints)


async def take_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def conclude(task: asyncio.Task[object], environment: ExecutionEnvironment) -> None:
    """The event comes to an end of which a caller can be told; then the pool stops what it gets."""
    await happens(task.done)
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, PlatformError | EventNotTaken | asyncio.CancelledError)
    environment.stop()


async def test_an_environment_that_never_had_an_event_ends_at_once(stage: Stage) -> None:
    environment = stage.make_environment()
    environment.stop()
    environment.stop()
    await has_gone(stage, environment)
    assert stage.launcher.asked == []


async def test_an_idle_one_ends_with_its_processes(stage: Stage) -> None:
    # Given
    environment = stage.make_environment()
    await stage.serve(environment)
    # When
    environment.stop()
    environment.stop()
    # Then
    assert environment.state is State.STOPPING
    assert stage.ended == []
    await has_gone(stage, environment)
    assert stage.launcher.asked == ["start", "discard"]


async def test_a_running_one_takes_its_event_with_it(stage: Stage) -> None:
    stage.launcher.play = hang
    environment = stage.make_environment()
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.lines_of("START"))
    environment.stop()
    await has_gone(stage, environment)
    with pytest.raises(PlatformError, match="stopped while its event ran"):  # not its own failure
        await task


async def test_one_in_its_init_starts_no_second_run(stage: Stage) -> None:
    # Given
    stage.launcher.play = idle
    environment = stage.make_environment()
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.is_waiting)
    # When
    environment.stop()
    # Then
    with pytest.raises(PlatformError, match="stopped while it started"):
        await task
    await has_gone(stage, environment)
    assert len(stage.launcher.runs) == 1


async def test_one_that_looks_for_its_place_starts_nothing(stage: Stage) -> None:
    # Given
    stage.place_is_found.clear()
    environment = stage.make_environment()
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await take_turns(1)
    # When
    environment.stop()
    stage.place_is_found.set()
    # Then
    with pytest.raises(PlatformError, match="stopped while it started"):
        await task
    await has_gone(stage, environment)
    assert stage.launcher.asked == []


async def test_one_that_has_failed_gives_its_place_back(stage: Stage) -> None:
    # Given
    stage.launcher.play = exit_in_event()
    environment = stage.make_environment()
    await stage.serve(environment)
    assert environment.state is State.FAILED
    # When
    environment.stop()
    # Then
    assert environment.state is State.STOPPED  # there is no process to wait for
    await has_gone(stage, environment)
    assert stage.launcher.asked == ["start", "discard"]


async def test_one_that_has_timed_out_waits_for_the_end_of_its_processes(stage: Stage) -> None:
    # Given
    stage.launcher.play = hang
    environment = stage.make_environment(make_version(timeout=3))
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.lines_of("START"))
    await stage.lasts(task, 3)
    stage.launcher.kills_slowly = True
    await happens(task.done)
    environment.release()
    # When
    environment.stop()
    # Then
    assert environment.state is State.STOPPING
    await has_gone(stage, environment)


async def test_one_that_is_frozen_ends_as_any(stage: Stage) -> None:
    environment = stage.make_environment(freeze_after=1)
    await stage.serve(environment)
    stage.clock.advance(1)
    await happens(lambda: environment.is_frozen)
    environment.stop()
    await has_gone(stage, environment)


async def test_one_whose_processes_have_not_ended_yet_starts_nothing_again(stage: Stage) -> None:
    """Its next event came at once after a timeout, and then the stop."""
    # Given
    stage.launcher.play = in_turn(hang, serve_forever)
    environment = stage.make_environment(make_version(timeout=3))
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.lines_of("START"))
    await stage.lasts(task, 3)
    stage.launcher.kills_slowly = True
    await happens(task.done)
    environment.release()
    task = asyncio.create_task(environment.invoke(make_invocation("r2")))
    await take_turns(3)
    # When
    environment.stop()
    # Then
    with pytest.raises(PlatformError):
        await task
    environment.stop()
    await has_gone(stage, environment)
    assert stage.launcher.asked == ["start", "kill", "discard"]


@pytest.mark.parametrize("is_restarting", [False, True])
@pytest.mark.parametrize("turns", range(1, TURNS))
async def test_a_stop_at_any_turn_of_a_start_ends_it(
    stage: Stage, turns: int, is_restarting: bool
) -> None:
    environment = await starting(stage, is_restarting)
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await take_turns(turns)
    environment.stop()
    await conclude(task, environment)
    await has_gone(stage, environment)


@pytest.mark.parametrize("is_restarting", [False, True])
@pytest.mark.parametrize("turns", range(1, TURNS))
async def test_a_cancellation_at_any_turn_of_a_start_leaves_nothing(
    stage: Stage, open_descriptors: Callable[[], set[str]], turns: int, is_restarting: bool
) -> None:
    async def life(turns: int) -> None:
        environment = await starting(stage, is_restarting)
        task = asyncio.create_task(environment.invoke(INVOCATION))
        await take_turns(turns)
        task.cancel()
        await conclude(task, environment)
        await has_gone(stage, environment)
        stage.ended.clear()
        await settle()

    await life(TURNS)
    before = open_descriptors()
    await life(turns)
    assert {name.split()[1] for name in open_descriptors() - before} <= set()


async def starting(stage: Stage, is_restarting: bool) -> ExecutionEnvironment:
    """An environment whose next event is the first, or follows a failure."""
    environment = stage.make_environment()
    if is_restarting:
        stage.launcher.play = exit_in_event()
        await stage.serve(environment)
    stage.launcher.play = idle
    return environment


# What the machine does not allow


async def test_a_sandbox_that_cannot_be_had_leaves_an_environment_that_ends(stage: Stage) -> None:
    """Whoever reserved it stops it; who closes the pool waits for its end."""
    stage.launcher.failure = PlatformError("no")
    environment = stage.make_environment()
    with pytest.raises(PlatformError, match="no"):
        await environment.invoke(INVOCATION)
    environment.stop()
    await has_gone(stage, environment)


async def test_a_sandbox_that_says_what_failed_leaves_an_environment_that_ends(
    stage: Stage,
) -> None:
    stage.launcher.failed_step = "no more mounts"
    environment = stage.make_environment()
    with pytest.raises(PlatformError, match="no more mounts"):
        await environment.invoke(INVOCATION)
    environment.stop()
    await has_gone(stage, environment)


async def test_a_sandbox_that_never_comes_up_is_given_up(stage: Stage) -> None:
    stage.launcher.is_mute = True
    environment = stage.make_environment()
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.launcher.runs)
    await take_turns(3)
    stage.clock.advance(60)
    with pytest.raises(PlatformError, match="did not come up"):
        await task
    environment.stop()
    await has_gone(stage, environment)


@pytest.mark.parametrize("is_restarting", [False, True])
async def test_a_stop_before_the_launcher_refuses_ends_it_as_well(
    stage: Stage, is_restarting: bool
) -> None:
    # Given
    environment = await starting(stage, is_restarting)
    stage.launcher.failure = stage.launcher.refusal = PlatformError("no")
    stage.launcher.is_holding_answers = True
    asked = len(stage.launcher.asked)
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: len(stage.launcher.asked) > asked)
    # When
    environment.stop()
    stage.launcher.release_answers()
    # Then
    await conclude(task, environment)
    await happens(lambda: environment.state is State.STOPPED)
    assert stage.ended == [environment]


@pytest.mark.parametrize("is_restarting", [False, True])
async def test_a_process_that_ends_before_it_hands_anything_over_leaves_no_gauge(
    stage: Stage, open_descriptors: Callable[[], set[str]], is_restarting: bool
) -> None:
    # Given
    environment = await starting(stage, is_restarting)
    before = open_descriptors()
    stage.launcher.is_mute = stage.launcher.is_holding_answers = True
    stage.launcher.make_gauges = lambda: Gauges(memory_peak=memfd("peak"), freezer=memfd("freezer"))
    runs = len(stage.launcher.runs)
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: len(stage.launcher.runs) > runs)
    # When the launcher tells of its start and its end in one breath
    stage.launcher.runs[-1].exit(KILLED)
    # Then
    await conclude(task, environment)
    await has_gone(stage, environment)
    await settle()
    assert [name for name in open_descriptors() - before if "memfd" in name] == []


def memfd(name: str) -> int:
    return os.memfd_create(name)
