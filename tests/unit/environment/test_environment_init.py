"""The first Init: ten seconds, and a second try in the same sandbox, in the function's own time."""

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
    exit_in_init,
    fail_init,
    figures,
    happens,
    idle,
    in_turn,
    kinds,
    make_invocation,
    make_version,
    serve_forever,
)

from lambdad.environment.lifecycle import State
from lambdad.model import limits

IMPORT_ERROR = {"Status": "error", "Error Type": "Runtime.ImportModuleError"}
FAILURES = {
    "init error": (fail_init, IMPORT_ERROR),
    "exit": (exit_in_init(256), {"Status": "error", "Error Type": "Runtime.ExitError"}),
    "out of memory": (
        exit_in_init(KILLED, out_of_memory=True),
        {"Status": "error", "Error Type": "Runtime.OutOfMemory"},
    ),
}
failures = pytest.mark.parametrize(("play", "told"), FAILURES.values(), ids=FAILURES)


def after(seconds: float, stage: Stage, play: Play) -> Play:
    """The same, but it takes so long."""

    async def later(run: PlayedRun) -> None:
        stage.clock.advance(seconds)
        await play(run)

    return later


@failures
async def test_a_failed_init_is_tried_once_more_in_the_same_sandbox(
    stage: Stage, play: Play, told: dict[str, str]
) -> None:
    # Given
    first, second = after(0.5, stage, play), after(0.25, stage, serve_forever)
    stage.launcher.play = in_turn(first, second)
    environment = stage.make_environment()
    # When
    result = await environment.invoke(INVOCATION)
    environment.release()
    # Then
    assert result.payload == INVOCATION.payload
    assert [verb for verb in stage.launcher.asked if verb != "kill"] == ["start", "restart"]
    assert len(stage.launcher.places) == 1
    assert kinds(stage.messages) == ["INIT_START", "INIT_REPORT", "START", "END", "REPORT"]
    (line,) = stage.lines_of("INIT_REPORT")
    assert figures(line) == {"Init Duration": "500.00 ms", "Phase": "init", **told}
    report = figures(stage.lines_of("REPORT")[0])  # of which the second try is a part
    assert ("Init Duration" in report, report["Duration"]) == (False, "250.00 ms")
    assert environment.state is State.READY


@failures
async def test_a_second_failure_is_told(stage: Stage, play: Play, told: dict[str, str]) -> None:
    # Given
    stage.launcher.play = in_turn(after(0.5, stage, play), after(0.25, stage, play))
    environment = stage.make_environment()
    # When
    result = await environment.invoke(INVOCATION)
    # Then
    assert kinds(stage.messages) == [
        "INIT_START", "INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT",
    ]  # fmt: skip
    assert [figures(line) for line in stage.lines_of("INIT_REPORT")] == [
        {"Init Duration": "500.00 ms", "Phase": "init", **told},
        {"Init Duration": "250.00 ms", "Phase": "invoke", **told},
    ]
    report = figures(stage.lines_of("REPORT")[0])
    assert ("Init Duration" in report, report["Duration"]) == (False, "250.00 ms")
    assert report["Billed Duration"] == "250 ms"
    assert told.items() <= report.items()
    assert result.error is not None
    assert environment.state is State.FAILED
    assert stage.ended == []


async def test_the_caller_gets_what_the_runtime_sent_of_its_init(stage: Stage) -> None:
    stage.launcher.play = fail_init
    result = await stage.make_environment().invoke(INVOCATION)
    assert result.payload == b'{"errorType": "I"}'


async def test_the_first_init_has_ten_seconds_and_the_second_the_functions_own(
    stage: Stage,
) -> None:
    # Given
    stage.launcher.play = idle
    environment = stage.make_environment(make_version(timeout=3))
    # When
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await stage.lasts(task, limits.INIT_SECONDS)
    await happens(lambda: len(stage.launcher.runs) == 2)
    await stage.lasts(task, 3)
    await happens(task.done)
    # Then
    assert [figures(line) for line in stage.lines_of("INIT_REPORT")] == [
        {"Init Duration": "10000.00 ms", "Phase": "init", "Status": "timeout"},
        {"Init Duration": "3000.00 ms", "Phase": "invoke", "Status": "timeout"},
    ]
    assert json.loads((await task).payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: r1 Error: Task timed out after 3.00 seconds",
    }
    assert figures(stage.lines_of("REPORT")[0])["Status"] == "timeout"
    assert environment.state is State.FAILED
    assert stage.launcher.asked == ["start", "kill", "restart", "kill"]


async def test_an_init_that_takes_just_less_is_none_that_fails(stage: Stage) -> None:
    stage.launcher.play = idle
    environment = stage.make_environment()
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await stage.lasts(task, limits.INIT_SECONDS - 0.25)
    await serve_forever_from_now(stage, task)
    assert figures(stage.lines_of("REPORT")[0])["Init Duration"] == "9750.00 ms"
    assert stage.lines_of("INIT_REPORT") == []


async def serve_forever_from_now(stage: Stage, task: asyncio.Task[object]) -> None:
    serving = asyncio.create_task(serve_forever(stage.launcher.runs[-1]))
    await happens(task.done)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_after_two_failing_inits_the_next_event_has_one_try(stage: Stage) -> None:
    # Given
    stage.launcher.play = fail_init
    environment = stage.make_environment()
    await stage.serve(environment)
    assert environment.state is State.FAILED
    # When
    result = await environment.invoke(make_invocation("r2"))
    environment.release()
    # Then
    assert result.payload == b'{"errorType": "I"}'
    assert len(stage.launcher.runs) == 3
    assert [figures(line)["Phase"] for line in stage.lines_of("INIT_REPORT")] == [
        "init", "invoke", "invoke",
    ]  # fmt: skip
    assert environment.state is State.FAILED


async def test_after_two_failing_inits_the_next_event_may_be_served(stage: Stage) -> None:
    stage.launcher.play = in_turn(fail_init, fail_init, serve_forever)
    environment = stage.make_environment()
    await stage.serve(environment)
    result = await environment.invoke(INVOCATION)
    environment.release()
    assert result.payload == INVOCATION.payload
    assert environment.state is State.READY
    assert kinds(stage.messages).count("INIT_START") == 1


async def test_a_sandbox_that_ends_while_it_is_taken_over_is_a_failed_init(stage: Stage) -> None:
    # Given a process that dies between the handing over of its listeners and their serving
    def die_once() -> None:
        if len(stage.launcher.runs) == 1:
            stage.launcher.runs[0].exit(KILLED)

    stage.on_endpoint = die_once
    environment = stage.make_environment()
    # When
    result = await environment.invoke(INVOCATION)
    # Then the second try, in the same place, has served it
    assert result.payload == INVOCATION.payload
    assert [endpoint.is_closed for endpoint in stage.endpoints] == [False]
    assert kinds(stage.messages).count("INIT_REPORT") == 1
