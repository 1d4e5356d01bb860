"""Environments that are initialized ahead of any event, for provisioned concurrency."""

from __future__ import annotations

import asyncio
import os

import pytest
from stage import (
    INVOCATION,
    Stage,
    exit_in_init,
    fail_init,
    figures,
    happens,
    idle,
    kinds,
    make_version,
)

from lambdad.environment.launcher_client import Gauges
from lambdad.environment.lifecycle import State
from lambdad.environment.variables import PROVISIONED_CONCURRENCY
from lambdad.errors import PlatformError
from lambdad.model import limits
from lambdad.model.invocation import FunctionError


async def test_the_first_event_finds_it_warm(stage: Stage) -> None:
    # Given
    environment = stage.make_environment(initialization_type=PROVISIONED_CONCURRENCY)
    # When
    assert await environment.initialize() is None
    assert environment.state is State.READY
    result = await environment.invoke(INVOCATION)
    environment.release()
    # Then
    assert result.payload == INVOCATION.payload
    assert result.report.init_duration_ms is None
    assert kinds(stage.messages) == ["INIT_START", "INIT_REPORT", "START", "END", "REPORT"]
    assert set(figures(stage.lines_of("INIT_REPORT")[0])) == {"Init Duration", "Phase"}
    assert kinds(result.log_tail.decode().splitlines()) == ["START", "END", "REPORT"]
    variables = stage.launcher.runs[0].variables
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    assert stage.launcher.asked.count("start") == 1


async def test_what_it_holds_is_known_before_its_first_event(stage: Stage) -> None:
    def make_gauges() -> Gauges:
        peak = os.memfd_create("gauge")
        os.pwrite(peak, b"5000000", 0)
        return Gauges(memory_peak=peak)

    stage.launcher.make_gauges = make_gauges
    environment = stage.make_environment()
    await environment.initialize()
    assert environment.memory_held == 5_000_000


async def test_it_is_frozen_as_any_that_is_idle(stage: Stage) -> None:
    environment = stage.make_environment(freeze_after=0)
    await environment.initialize()
    await happens(lambda: environment.is_frozen)
    assert (await environment.invoke(INVOCATION)).payload == INVOCATION.payload
    environment.release()


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (fail_init, FunctionError("Runtime.ImportModuleError")),
        (exit_in_init(256), FunctionError("Runtime.ExitError")),
    ],
)
async def test_a_failure_is_told_and_not_tried_again(
    stage: Stage, play: object, error: FunctionError
) -> None:
    # Given
    stage.launcher.play = play  # type: ignore[assignment]
    environment = stage.make_environment()
    # When
    assert await environment.initialize() == error
    environment.stop()
    # Then
    await happens(lambda: environment.state is State.STOPPED)
    assert stage.ended == [environment]
    assert len(stage.launcher.runs) == 1
    assert figures(stage.lines_of("INIT_REPORT")[0])["Error Type"] == error.error_type


@pytest.mark.parametrize(
    ("own_seconds", "seconds"), [(3, limits.PROVISIONED_INIT_SECONDS), (900, 900)]
)
async def test_it_has_more_time_than_an_init_that_an_event_waits_for(
    stage: Stage, own_seconds: int, seconds: float
) -> None:
    stage.launcher.play = idle
    environment = stage.make_environment(make_version(timeout=own_seconds))
    task = asyncio.create_task(environment.initialize())
    await stage.lasts(task, seconds - 1)
    await asyncio.sleep(0)
    assert not task.done()
    await stage.lasts(task, 1)
    await happens(task.done)
    assert (await task) == FunctionError("Sandbox.Timedout", "timeout")
    assert stage.lines_of("INIT_REPORT")[0].endswith("Status: timeout")


async def test_one_that_is_stopped_meanwhile_is_no_failure_of_the_function(stage: Stage) -> None:
    stage.launcher.play = idle
    environment = stage.make_environment()
    task = asyncio.create_task(environment.initialize())
    await happens(lambda: stage.is_waiting)
    environment.stop()
    with pytest.raises(PlatformError):
        await task
    await happens(lambda: environment.state is State.STOPPED)


async def test_one_whose_init_is_given_up_can_be_stopped(stage: Stage) -> None:
    stage.launcher.play = idle
    environment = stage.make_environment()
    task = asyncio.create_task(environment.initialize())
    await happens(lambda: stage.is_waiting)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    environment.stop()
    await happens(lambda: environment.state is State.STOPPED)
    assert stage.ended == [environment]


async def test_one_that_dies_before_its_first_event_ends(stage: Stage) -> None:
    stage.launcher.play = idle
    environment = stage.make_environment()
    task = asyncio.create_task(environment.initialize())
    await happens(lambda: stage.is_waiting)
    run = stage.launcher.runs[0]
    asking = asyncio.create_task(run.call("GET", "/invocation/next"))
    await happens(task.done)
    assert await task is None
    run.exit()
    await happens(lambda: environment.state is State.STOPPED)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert stage.ended == [environment]
