"""Suppressed Init: what an event finds that comes after a failure."""

from __future__ import annotations

import asyncio
import json

import pytest
from stage import (
    INVOCATION,
    KILLED,
    Play,
    PlayedRun,
    Stage,
    exit_in_event,
    exit_in_init,
    fail_init,
    figures,
    hang,
    happens,
    idle,
    in_turn,
    kinds,
    make_invocation,
    make_version,
    serve_forever,
)

from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError
from lambdad.model.invocation import Result

TIMEOUT = 3


async def crashed(stage: Stage, *then: Play) -> ExecutionEnvironment:
    """An environment whose processes have ended with its first event; its log is empty."""
    stage.launcher.play = in_turn(exit_in_event(), *then)
    environment = stage.make_environment(make_version(timeout=TIMEOUT))
    await stage.serve(environment, "r0")
    for lines in stage.lines.values():
        lines.clear()
    return environment


async def invoke(stage: Stage, environment: ExecutionEnvironment, *, lasts: float = 0.0) -> Result:
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await stage.lasts(task, lasts)
    await happens(task.done)
    return await task


async def test_it_takes_from_the_functions_own_time(stage: Stage) -> None:
    # Given
    deadlines: list[int] = []

    async def take_time(run: PlayedRun) -> None:
        stage.clock.advance(0.5)
        _, headers, _ = await run.call("GET", "/invocation/next")
        now_ms = int(stage.clock.now() * 1000)
        deadlines.append(int(headers["lambda-runtime-deadline-ms"]) - now_ms)
        stage.clock.advance(0.25)
        await run.respond()

    environment = await crashed(stage, take_time)
    # When
    result = await invoke(stage, environment)
    # Then
    assert deadlines == [2500]
    report = figures(stage.lines_of("REPORT")[0])
    assert (report["Duration"], report["Billed Duration"]) == ("750.00 ms", "750 ms")
    assert "Init Duration" not in report
    assert result.report.init_duration_ms is None
    assert kinds(stage.messages) == ["START", "END", "REPORT"]


async def test_the_event_times_out_when_both_together_take_too_long(stage: Stage) -> None:
    # Given
    async def take_nearly_all(run: PlayedRun) -> None:
        stage.clock.advance(2.75)
        await hang(run)
        stage.clock.advance(0.25)

    environment = await crashed(stage, take_nearly_all)
    # When
    result = await invoke(stage, environment)
    # Then
    message = json.loads(result.payload)["errorMessage"]
    assert message == "RequestId: r1 Error: Task timed out after 3.00 seconds"
    report = figures(stage.lines_of("REPORT")[0])
    assert (report["Duration"], report["Status"]) == ("3000.00 ms", "timeout")
    assert environment.state is State.FAILED


async def test_its_time_begins_with_the_event_and_not_with_its_process(stage: Stage) -> None:
    """The processes of the last event may need a while to end."""
    # Given a timeout whose processes have not ended yet
    stage.launcher.play = in_turn(hang, serve_forever)
    stage.launcher.kills_slowly = True
    environment = stage.make_environment(make_version(timeout=TIMEOUT))
    task = asyncio.create_task(environment.invoke(make_invocation("r0")))
    await happens(lambda: stage.lines_of("START"))
    await stage.lasts(task, TIMEOUT)
    await happens(task.done)
    environment.release()
    # When the next event is there already
    task = asyncio.create_task(environment.invoke(INVOCATION))
    for _ in range(5):
        await asyncio.sleep(0)
    stage.clock.advance(0.5)
    assert stage.launcher.asked == ["start", "kill"]
    stage.launcher.runs[0].exit(KILLED)
    await happens(task.done)
    # Then
    assert (await task).payload == INVOCATION.payload
    assert figures(stage.lines_of("REPORT")[-1])["Duration"] == "500.00 ms"


@pytest.mark.parametrize(
    ("play", "error_type"),
    [
        (fail_init, "Runtime.ImportModuleError"),
        (exit_in_init(256), "Runtime.ExitError"),
        (exit_in_init(KILLED, out_of_memory=True), "Runtime.OutOfMemory"),
    ],
)
async def test_one_that_fails_is_told_and_not_tried_again(
    stage: Stage, play: Play, error_type: str
) -> None:
    # Given
    async def fail_after_a_while(run: PlayedRun) -> None:
        stage.clock.advance(0.5)
        await play(run)

    environment = await crashed(stage, fail_after_a_while)
    # When
    result = await invoke(stage, environment)
    # Then
    told = {"Status": "error", "Error Type": error_type}
    assert kinds(stage.messages) == ["INIT_REPORT", "START", "END", "REPORT"]
    (line,) = stage.lines_of("INIT_REPORT")
    assert figures(line) == {"Init Duration": "500.00 ms", "Phase": "invoke", **told}
    report = figures(stage.lines_of("REPORT")[0])
    assert (report["Duration"], report["Billed Duration"]) == ("500.00 ms", "500 ms")
    assert told.items() <= report.items()
    assert "Init Duration" not in report
    assert result.error is not None
    assert len(stage.launcher.runs) == 2
    assert environment.state is State.FAILED


async def test_one_that_takes_too_long_is_a_timeout(stage: Stage) -> None:
    environment = await crashed(stage, idle)
    result = await invoke(stage, environment, lasts=TIMEOUT)
    message = json.loads(result.payload)["errorMessage"]
    assert message == "RequestId: r1 Error: Task timed out after 3.00 seconds"
    (line,) = stage.lines_of("INIT_REPORT")
    assert figures(line) == {
        "Init Duration": "3000.00 ms", "Phase": "invoke", "Status": "timeout",
    }  # fmt: skip
    report = figures(stage.lines_of("REPORT")[0])
    assert (report["Duration"], report["Status"]) == ("3000.00 ms", "timeout")
    assert environment.state is State.FAILED


@pytest.mark.parametrize("play", [fail_init, exit_in_event(), exit_in_init()])
async def test_an_environment_may_fail_and_start_again_as_often_as_it_likes(
    stage: Stage, play: Play
) -> None:
    environment = await crashed(stage, *[play] * 5, serve_forever)
    for number in range(5):
        await stage.serve(environment, f"r{number}")
        assert environment.state is State.FAILED
    result = await invoke(stage, environment)
    assert result.payload == INVOCATION.payload
    assert len(stage.launcher.places) == 1
    assert "discard" not in stage.launcher.asked


async def test_a_warm_event_after_it_is_an_ordinary_one(stage: Stage) -> None:
    environment = await crashed(stage, serve_forever)
    await stage.serve(environment, "r1")
    await stage.serve(environment, "r2")
    assert kinds(stage.messages) == ["START", "END", "REPORT"] * 2
    assert stage.launcher.asked.count("restart") == 1


async def test_every_run_has_the_same_stream_and_the_same_keys(stage: Stage) -> None:
    environment = await crashed(stage, serve_forever)
    await stage.serve(environment)
    first, second = (run.variables for run in stage.launcher.runs)
    assert first == {**second, "AWS_ENDPOINT_URL": first["AWS_ENDPOINT_URL"]}
    assert len(stage.lines) == 1


@pytest.mark.parametrize(
    ("hands_new_listeners", "closed"), [(False, [False]), (True, [True, False])]
)
async def test_what_listens_outlives_runs_unless_a_run_brings_its_own(
    stage: Stage, hands_new_listeners: bool, closed: list[bool]
) -> None:
    stage.launcher.hands_new_listeners = hands_new_listeners
    environment = await crashed(stage, serve_forever)
    result = await invoke(stage, environment)
    assert result.payload == INVOCATION.payload
    assert [endpoint.is_closed for endpoint in stage.endpoints] == closed


async def test_one_that_the_launcher_refuses_ends_the_environment(stage: Stage) -> None:
    # Given
    environment = await crashed(stage)
    stage.launcher.refusal = PlatformError("no more processes")
    # When
    with pytest.raises(PlatformError, match="no more processes"):
        await environment.invoke(INVOCATION)
    environment.stop()  # as the pool does
    # Then
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]
    assert [endpoint.is_closed for endpoint in stage.endpoints] == [True]
    assert stage.messages == []


async def test_one_that_says_what_failed_ends_the_environment(stage: Stage) -> None:
    environment = await crashed(stage)
    stage.launcher.failed_step = "no more mounts"
    with pytest.raises(PlatformError, match="no more mounts"):
        await environment.invoke(INVOCATION)
    environment.stop()
    await happens(lambda: environment.state is State.STOPPED)
    assert stage.ended == [environment]
    assert stage.launcher.asked[-1] == "discard"
