"""The ways in which an event can end badly: what the caller gets, what the log says, and what
becomes of the environment."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest
from stage import (
    INVOCATION,
    KILLED,
    Play,
    PlayedRun,
    Stage,
    exit_in_event,
    figures,
    hang,
    happens,
    in_turn,
    kinds,
    make_invocation,
    make_version,
    serve_forever,
)

from lambdad.environment.environment import EventNotTaken, ExecutionEnvironment
from lambdad.environment.lifecycle import State
from lambdad.model.invocation import Result

EVENT = ["START", "END", "REPORT"]


@dataclass(frozen=True)
class Fate:
    play: Play
    error_type: str  # in the caller's payload
    words: str
    report_says: dict[str, str]
    seconds: float = 0.0  # that pass meanwhile


def error(error_type: str) -> dict[str, str]:
    return {"Status": "error", "Error Type": error_type}


EXIT = "Runtime.ExitError"
FATES = {
    "timeout": Fate(
        hang,
        "Sandbox.Timedout",
        "Task timed out after 3.00 seconds",
        {"Status": "timeout", "Duration": "3000.00 ms", "Billed Duration": "3000 ms"},
        seconds=3,
    ),
    "exit": Fate(exit_in_event(256), EXIT, "Runtime exited with error: exit status 1", error(EXIT)),
    "silent exit": Fate(
        exit_in_event(0), EXIT, "Runtime exited without providing a reason", error(EXIT)
    ),
    "out of memory": Fate(
        exit_in_event(KILLED, out_of_memory=True),
        EXIT,
        "Runtime exited with error: signal: killed",
        error("Runtime.OutOfMemory"),
    ),
}
fates = pytest.mark.parametrize("fate", FATES.values(), ids=FATES)


async def meet(stage: Stage, environment: ExecutionEnvironment, fate: Fate) -> Result:
    """The environment is warm, and its event meets this fate."""
    task = asyncio.create_task(environment.invoke(make_invocation("bad")))
    await stage.lasts(task, fate.seconds)
    await happens(task.done)
    return await task


def once(fate: Fate) -> Play:
    """Serve an event, meet the fate with the next, and let the runs after it serve."""

    async def first(run: PlayedRun) -> None:
        await run.next()
        await run.respond("first")
        await fate.play(run)

    return in_turn(first, serve_forever)


async def warm(stage: Stage, fate: Fate) -> ExecutionEnvironment:
    stage.launcher.play = once(fate)
    environment = stage.make_environment(make_version(timeout=3))
    await stage.serve(environment, "first")
    for lines in stage.lines.values():
        lines.clear()
    return environment


@fates
async def test_the_caller_and_the_report_say_what_happened(stage: Stage, fate: Fate) -> None:
    # Given
    environment = await warm(stage, fate)
    # When
    result = await meet(stage, environment, fate)
    # Then
    assert json.loads(result.payload) == {
        "errorType": fate.error_type,
        "errorMessage": f"RequestId: bad Error: {fate.words}",
    }
    assert [kind for kind in kinds(stage.messages) if kind != "last"] == EVENT
    (line,) = stage.lines_of("REPORT")
    assert fate.report_says.items() <= figures(line).items()
    assert "Init Duration" not in figures(line)


@fates
async def test_a_failed_environment_is_there_for_another_event(stage: Stage, fate: Fate) -> None:
    environment = await warm(stage, fate)
    await meet(stage, environment, fate)
    assert environment.state is State.FAILED
    environment.release()
    assert environment.state is State.FAILED
    await happens(lambda: stage.launcher.runs[0].has_ended)
    assert stage.ended == []
    assert "discard" not in stage.launcher.asked


@fates
async def test_the_next_event_is_served_in_the_same_place(stage: Stage, fate: Fate) -> None:
    # Given
    environment = await warm(stage, fate)
    await meet(stage, environment, fate)
    environment.release()
    # When
    result = await environment.invoke(INVOCATION)
    environment.release()
    # Then
    assert (result.payload, result.error) == (INVOCATION.payload, None)
    assert [verb for verb in stage.launcher.asked if verb != "kill"] == ["start", "restart"]
    assert len(stage.launcher.places) == 1
    assert environment.state is State.READY


@fates
async def test_the_next_event_says_nothing_of_its_init(stage: Stage, fate: Fate) -> None:
    environment = await warm(stage, fate)
    await meet(stage, environment, fate)
    environment.release()
    await stage.serve(environment)
    assert [kind for kind in kinds(stage.messages) if kind != "last"] == EVENT + EVENT
    assert "Init Duration" not in figures(stage.lines_of("REPORT")[-1])


@fates
async def test_a_cold_start_that_meets_a_bad_end_is_told_as_one(stage: Stage, fate: Fate) -> None:
    # Given
    async def take_time(run: PlayedRun) -> None:
        stage.clock.advance(0.25)
        await fate.play(run)

    stage.launcher.play = take_time
    environment = stage.make_environment(make_version(timeout=3))
    # When
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.lines_of("START") or task.done())
    await stage.lasts(task, fate.seconds)
    await happens(task.done)
    # Then
    report = figures(stage.lines_of("REPORT")[0])
    assert report["Init Duration"] == "250.00 ms"
    assert report["Duration"] == f"{fate.seconds * 1000:.2f} ms"
    assert report["Billed Duration"] == f"{fate.seconds * 1000 + 250:.0f} ms"
    assert environment.state is State.FAILED


async def test_a_timeout_ends_the_processes(stage: Stage) -> None:
    environment = await warm(stage, FATES["timeout"])
    await meet(stage, environment, FATES["timeout"])
    assert stage.launcher.asked == ["start", "kill"]


async def test_an_answer_that_comes_too_late_is_no_bodys(stage: Stage) -> None:
    """It arrives between the deadline and the end of the process."""

    # Given
    async def answer_late(run: PlayedRun) -> None:
        await run.next()
        stage.clock.advance(3)
        await happens(lambda: "kill" in stage.launcher.asked)
        await run.respond("r1", b'"late"')
        run.exit(KILLED)

    stage.launcher.kills_slowly = True
    stage.launcher.play = in_turn(answer_late, serve_forever)
    environment = stage.make_environment(make_version(timeout=3))
    # When
    await environment.invoke(INVOCATION)
    environment.release()
    result = await environment.invoke(make_invocation("r2"))
    # Then
    assert result.payload == make_invocation("r2").payload


async def test_last_words_are_in_the_log(stage: Stage) -> None:
    stage.launcher.play = exit_in_event()
    result = await stage.make_environment().invoke(INVOCATION)
    assert kinds(stage.messages) == ["INIT_START", "START", "last", "END", "REPORT"]
    assert b"last words\n" in result.log_tail


# Ends without an event


async def test_an_environment_that_dies_while_idle_ends(stage: Stage) -> None:
    # Given
    environment = stage.make_environment()
    await stage.serve(environment)
    # When
    stage.launcher.runs[0].exit(KILLED)
    # Then
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]
    assert stage.launcher.asked == ["start", "discard"]
    assert [endpoint.is_closed for endpoint in stage.endpoints] == [True]
    assert kinds(stage.messages) == ["INIT_START", *EVENT]


async def test_an_environment_that_died_after_its_answer_ends_when_it_is_given_back(
    stage: Stage,
) -> None:
    # Given
    environment = stage.make_environment()
    result = await environment.invoke(INVOCATION)
    # When
    stage.launcher.runs[0].exit(KILLED)
    environment.release()
    # Then
    assert result.error is None
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]


async def answer_and_think(run: PlayedRun) -> None:
    """Answer the first event, and not ask for the next."""
    await run.next()
    await run.respond()


async def lose_an_event(stage: Stage) -> ExecutionEnvironment:
    """It ends with an event at the door that its runtime has not asked for."""
    stage.launcher.play = answer_and_think
    environment = stage.make_environment()
    await stage.serve(environment)
    task = asyncio.create_task(environment.invoke(make_invocation("r2")))
    await happens(lambda: stage.is_waiting)
    stage.launcher.runs[0].exit(KILLED)
    with pytest.raises(EventNotTaken):
        await task
    return environment


async def test_an_event_that_a_dead_environment_got_is_given_back(stage: Stage) -> None:
    environment = await lose_an_event(stage)
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]


async def test_an_event_that_was_handed_over_is_not_given_back(stage: Stage) -> None:
    """It may have done something already."""
    environment = await warm(stage, FATES["exit"])
    result = await meet(stage, environment, FATES["exit"])
    assert result.error is not None
