"""One sandbox as the node holds it: what a function can make it keep, its memory, and its runs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from stage import (
    INVOCATION,
    Play,
    PlayedRun,
    Stage,
    exit_in_event,
    figures,
    happens,
    in_turn,
    make_invocation,
    make_version,
    serve_forever,
    settle,
)

from lambdad.environment.launcher_client import Gauges
from lambdad.environment.lifecycle import State
from lambdad.environment.sandbox import Sandbox
from lambdad.launcher import entering
from lambdad.model.invocation import FunctionError, Result

ENOUGH = 300


def sandbox_of(environment: object) -> Sandbox:
    sandbox = environment._sandbox  # type: ignore[attr-defined]
    assert isinstance(sandbox, Sandbox)
    return sandbox


async def connect(stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = stage.launcher.runs[0].variables["AWS_LAMBDA_RUNTIME_API"].split(":")
    return await asyncio.open_connection(host, int(port))


async def test_a_connection_that_is_gone_is_forgotten(stage: Stage) -> None:
    """Many clients make a new one for every call, and its last body must not stay."""
    # Given
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    sandbox = sandbox_of(environment)
    before = len(sandbox._connections)
    # When
    for _ in range(5):
        reader, writer = await connect(stage)
        writer.write(b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
        assert await reader.readline() == b"HTTP/1.1 404 Not Found\r\n"
        await reader.read()
        writer.close()
        await writer.wait_closed()
    # Then
    await happens(lambda: len(sandbox._connections) == before)


async def test_a_function_cannot_take_the_nodes_descriptors(stage: Stage) -> None:
    """A runtime and its extensions need a handful of connections, not hundreds."""
    # Given
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    # When
    connections = [await connect(stage) for _ in range(ENOUGH)]
    await settle()
    # Then
    held = sum(not reader.at_eof() for reader, _ in connections)
    for _, writer in connections:
        writer.close()
    await asyncio.gather(*(w.wait_closed() for _, w in connections), return_exceptions=True)
    assert held < ENOUGH


async def test_the_end_of_the_sandbox_ends_its_connections(stage: Stage) -> None:
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    reader, writer = await connect(stage)
    await happens(lambda: len(sandbox_of(environment)._connections) == 2)
    environment.stop()
    assert await reader.read() == b""
    writer.close()
    await environment.ended()


# Memory


def measure(stage: Stage, peak: int) -> None:
    """Let the cgroup of every run say so; its first process is of no size."""

    def gauges() -> Gauges:
        descriptor = os.memfd_create("memory.peak")
        os.pwrite(descriptor, str(peak).encode(), 0)
        return Gauges(memory_peak=descriptor)

    stage.launcher.make_gauges = gauges


@pytest.fixture
def small_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "statm").write_text("0 0 0 0 0 0 0")
    monkeypatch.setattr(entering, "_MEMORY", str(tmp_path / "statm"))


async def check_while_running(stage: Stage, memory_mb: int) -> Result:
    """Have its memory looked at while it has an event, as the watch does."""

    async def check_and_answer(run: PlayedRun) -> None:
        await run.next()
        (sandbox,) = stage.memory_watch._running
        sandbox.check_memory()
        await asyncio.sleep(0)
        await run.respond()

    stage.launcher.play = check_and_answer
    return await stage.make_environment(make_version(memory_mb=memory_mb)).invoke(INVOCATION)


@pytest.mark.usefixtures("small_process")
@pytest.mark.parametrize(("used", "asks"), [(127, False), (128, True), (200, True)])
async def test_the_launcher_is_asked_when_memory_and_tmp_are_as_large_as_the_limit(
    stage: Stage, used: int, asks: bool
) -> None:
    measure(stage, used << 20)
    result = await check_while_running(stage, 128)
    assert (stage.launcher.memory_checks > 0) is asks
    assert result.error is None  # it was for files


async def look_three_times(stage: Stage, peak: int | None = None) -> int:
    """How often the launcher is asked meanwhile."""
    environment = stage.make_environment(make_version(memory_mb=128))
    await environment.invoke(INVOCATION)
    sandbox = sandbox_of(environment)
    if peak is not None:
        assert sandbox._gauges.memory_peak is not None
        os.pwrite(sandbox._gauges.memory_peak, str(peak).encode(), 0)
    before = stage.launcher.memory_checks
    for _ in range(3):
        sandbox.check_memory()
    return stage.launcher.memory_checks - before


async def test_without_a_gauge_the_launcher_is_asked_at_each_look(stage: Stage) -> None:
    """Nobody else sees the memory of children."""
    assert await look_three_times(stage) == 3


@pytest.mark.usefixtures("small_process")
@pytest.mark.parametrize(("used", "times"), [(127, 0), (128, 3)])
async def test_with_a_gauge_it_is_asked_when_the_figure_is_as_high_as_the_limit(
    stage: Stage, used: int, times: int
) -> None:
    measure(stage, 0)
    assert await look_three_times(stage, used << 20) == times


@pytest.mark.usefixtures("small_process")
async def test_what_uses_more_than_it_may_is_out_of_memory(stage: Stage) -> None:
    # Given
    measure(stage, 200 << 20)
    stage.launcher.is_out_of_memory = True
    # When
    result = await check_while_running(stage, 128)
    # Then
    assert result.error == FunctionError("Runtime.OutOfMemory")
    assert figures(stage.lines_of("REPORT")[0])["Max Memory Used"] == "128 MB"


@pytest.mark.usefixtures("small_process")
async def test_an_answer_of_what_has_used_too_much_does_not_count(stage: Stage) -> None:
    """It was faster than the watch."""
    # Given
    measure(stage, 200 << 20)
    stage.launcher.is_out_of_memory = True
    environment = stage.make_environment()
    # When
    result = await environment.invoke(INVOCATION)
    environment.release()
    # Then
    assert result.error == FunctionError("Runtime.OutOfMemory")
    assert environment.state is State.FAILED


@pytest.mark.usefixtures("small_process")
async def test_only_what_runs_is_looked_after(stage: Stage) -> None:
    environment = stage.make_environment()
    assert not stage.memory_watch._running
    task = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.memory_watch._running)
    await happens(task.done)
    assert not stage.memory_watch._running


@pytest.mark.usefixtures("small_process")
async def test_what_the_launcher_measured_at_the_end_counts(stage: Stage) -> None:
    async def crash(run: PlayedRun) -> None:
        await run.next()
        run.exit(256, peak=77 << 20)

    stage.launcher.play = crash
    result = await stage.make_environment().invoke(INVOCATION)
    assert result.report.max_memory_used_mb == 77


@pytest.mark.usefixtures("small_process")
async def test_the_memory_of_an_earlier_run_is_none_of_the_next(stage: Stage) -> None:
    # Given
    measure(stage, 100 << 20)
    stage.launcher.play = in_turn(exit_in_event(), serve_forever)
    environment = stage.make_environment()
    await stage.serve(environment, "r1")
    # When
    measure(stage, 20 << 20)
    result = await environment.invoke(make_invocation("r2"))
    # Then
    assert result.report.max_memory_used_mb == 20
    assert environment.memory_held == 20 << 20


@pytest.mark.root
@pytest.mark.usefixtures("small_process")
@pytest.mark.parametrize(
    ("play", "state", "held"),
    [(serve_forever, State.READY, 50), (exit_in_event(), State.FAILED, 20)],
)
async def test_an_idle_environment_holds_its_tmp_and_its_memory_while_there_are_processes(
    stage: Stage, tmp: Path, play: Play, state: State, held: int
) -> None:
    # Given
    (tmp / "file").write_bytes(bytes(20 << 20))
    stage.launcher.tmp = str(tmp)
    measure(stage, 50 << 20)
    stage.launcher.play = play
    environment = stage.make_environment()
    # When
    await stage.serve(environment)
    # Then
    assert environment.state is state
    assert environment.memory_held == held << 20


# Runs


async def test_the_connections_of_a_run_end_with_it(stage: Stage) -> None:
    stage.launcher.play = in_turn(exit_in_event(), serve_forever)
    environment = stage.make_environment()
    await stage.serve(environment)
    await happens(lambda: not sandbox_of(environment)._connections)
    await stage.serve(environment)
    assert len(sandbox_of(environment)._connections) == 1


async def test_every_run_begins_with_a_new_runtime_api(stage: Stage) -> None:
    """A run may end with an event out, or with one that it has not asked for."""
    stage.launcher.play = in_turn(exit_in_event(), serve_forever)
    environment = stage.make_environment()
    await stage.serve(environment)
    first = sandbox_of(environment).api
    await stage.serve(environment)
    assert sandbox_of(environment).api is not first


async def test_what_every_run_prints_is_in_the_log(stage: Stage) -> None:
    async def print_and_crash(run: PlayedRun) -> None:
        run.print(f"run {run.number}".encode())
        run.exit(256)

    stage.launcher.play = print_and_crash
    environment = stage.make_environment()
    await stage.serve(environment)
    await stage.serve(environment)
    assert stage.lines_of("run") == ["run 0", "run 1", "run 2"]
