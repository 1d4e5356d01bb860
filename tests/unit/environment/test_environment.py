"""Execution environments that have nothing to complain of."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from stage import (
    INVOCATION,
    PlayedRun,
    Stage,
    exit_in_event,
    figures,
    happens,
    kinds,
    make_version,
    serve_forever,
    settle,
)

from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.launcher_client import Gauges
from lambdad.environment.lifecycle import State
from lambdad.launcher import entering
from lambdad.model import limits

MB = 1 << 20


async def end(environment: ExecutionEnvironment) -> None:
    environment.stop()
    await happens(lambda: environment.state is State.STOPPED)


def number_in(content: str) -> int:
    """A descriptor from which it can be read."""
    descriptor = os.memfd_create("gauge")
    os.pwrite(descriptor, content.encode(), 0)
    return descriptor


async def test_the_first_event_is_a_cold_start_and_the_next_a_warm_one(stage: Stage) -> None:
    # Given
    environment = stage.make_environment()
    # When
    cold = await environment.invoke(INVOCATION)
    environment.release()
    warm = await environment.invoke(INVOCATION)
    environment.release()
    # Then
    assert (cold.payload, warm.payload) == (INVOCATION.payload, INVOCATION.payload)
    assert cold.report.init_duration_ms is not None
    assert warm.report.init_duration_ms is None
    assert stage.launcher.asked == ["start"]
    first, second = ["START", "END", "REPORT"], ["START", "END", "REPORT"]
    assert kinds(stage.messages) == ["INIT_START", *first, *second]
    await end(environment)
    assert stage.ended == [environment]


async def test_init_and_event_are_measured_each_by_itself(stage: Stage) -> None:
    # Given
    async def take_time(run: PlayedRun) -> None:
        stage.clock.advance(0.5)
        for request_id in ("r1", "r2"):
            await run.next()
            stage.clock.advance(0.25)
            await run.respond(request_id)

    stage.launcher.play = take_time
    environment = stage.make_environment()
    # When
    await stage.serve(environment, "r1")
    await stage.serve(environment, "r2")
    # Then
    cold, warm = (figures(line) for line in stage.lines_of("REPORT"))
    assert (cold["Duration"], cold["Init Duration"]) == ("250.00 ms", "500.00 ms")
    assert cold["Billed Duration"] == "750 ms"
    assert (warm["Duration"], warm["Billed Duration"]) == ("250.00 ms", "250 ms")
    assert "Init Duration" not in warm
    await end(environment)


async def test_the_deadline_is_the_functions_timeout_from_now_on(stage: Stage) -> None:
    deadlines: list[int] = []

    async def look(run: PlayedRun) -> None:
        stage.clock.advance(0.5)
        _, headers, _ = await run.call("GET", "/invocation/next")
        deadlines.append(int(headers["lambda-runtime-deadline-ms"]))
        await run.respond()

    stage.launcher.play = look
    await stage.make_environment(make_version(timeout=3)).invoke(INVOCATION)
    assert deadlines == [int((stage.clock.now() + 3) * 1000)]


async def test_the_sandbox_is_ordered_for_the_version(stage: Stage) -> None:
    environment = stage.make_environment(make_version(memory_mb=256, ephemeral_storage_mb=600))
    await environment.invoke(INVOCATION)
    (run,) = stage.launcher.runs
    order = run.order
    assert (order.runtime, order.code, order.account_id) == ("python3.12", "c0de", "123456789012")
    assert order.layers == "1ayers"
    assert (order.memory_mb, order.ephemeral_storage_mb) == (256, 600)
    assert run.variables["_HANDLER"] == "app.handler"
    assert run.variables["AWS_ACCESS_KEY_ID"] == environment.credentials.access_key_id
    assert list(stage.lines) == [run.variables["AWS_LAMBDA_LOG_STREAM_NAME"]]


@pytest.mark.parametrize(
    ("variables", "start"), [({"COLOUR": "red"}, "pool"), ({"PYTHONHASHSEED": "0"}, "spawn")]
)
async def test_the_functions_own_variables_say_how_its_process_starts(
    stage: Stage, variables: dict[str, str], start: str
) -> None:
    environment = stage.make_environment(make_version(variables=variables))
    await environment.invoke(INVOCATION)
    assert stage.launcher.runs[0].order.start == start


async def test_what_the_function_prints_is_in_the_log_and_in_the_tail(stage: Stage) -> None:
    async def print_and_answer(run: PlayedRun) -> None:
        await run.next()
        run.print(b"one\ntwo\n")
        await run.respond()

    stage.launcher.play = print_and_answer
    result = await stage.make_environment().invoke(INVOCATION)
    assert kinds(stage.messages) == ["INIT_START", "START", "one", "two", "END", "REPORT"]
    assert kinds(result.log_tail.decode().splitlines())[1:-1] == ["START", "one", "two", "END"]


async def test_the_tail_is_bounded(stage: Stage) -> None:
    async def print_a_lot(run: PlayedRun) -> None:
        await run.next()
        run.print(b"ab\n" * 20_000)
        await run.respond()

    stage.launcher.play = print_a_lot
    result = await stage.make_environment().invoke(INVOCATION)
    assert limits.LOG_TAIL <= len(result.log_tail) <= 2 * limits.LOG_TAIL + 200
    assert stage.messages.count("ab") == 20_000


async def test_the_functions_own_failure_is_passed_on(stage: Stage) -> None:
    async def fail(run: PlayedRun) -> None:
        await run.next()
        header = "Lambda-Runtime-Function-Error-Type: Runtime.MyFault\r\n"
        await run.call("POST", "/invocation/r1/error", b'{"errorType": "X"}', header)

    stage.launcher.play = fail
    environment = stage.make_environment()
    result = await environment.invoke(INVOCATION)
    assert result.payload == b'{"errorType": "X"}'
    assert result.error is not None
    assert result.error.error_type == "Runtime.MyFault"
    environment.release()
    assert environment.state is State.READY  # it can serve the next event
    assert stage.launcher.asked == ["start"]


# Gauges


async def test_the_cpu_share_holds_from_the_end_of_init_on(stage: Stage) -> None:
    # Given
    quota = number_in("max ")
    seen: list[str] = []

    async def look(run: PlayedRun) -> None:
        seen.append(os.pread(quota, 10, 0).decode())
        await run.next()
        seen.append(os.pread(quota, 10, 0).decode())
        await run.respond()

    stage.launcher.play = look
    stage.launcher.make_gauges = lambda: Gauges(
        cpu_quota=os.dup(quota), texts={"cpu_quota": "1447"}
    )
    environment = stage.make_environment(make_version(memory_mb=512))
    # When
    await environment.invoke(INVOCATION)
    # Then
    assert seen == ["max ", "1447"]
    await end(environment)
    os.close(quota)


async def test_a_cpu_share_holds_for_every_run_from_the_end_of_its_init_on(stage: Stage) -> None:
    # Given
    quota = number_in("max ")
    seen: list[str] = []

    def unlimited() -> Gauges:  # as the launcher hands them out for each run
        os.pwrite(quota, b"max ", 0)
        return Gauges(cpu_quota=os.dup(quota), texts={"cpu_quota": "1447"})

    async def crash(run: PlayedRun) -> None:
        await run.next()
        seen.append(os.pread(quota, 10, 0).decode())
        run.exit(256)

    stage.launcher.play, stage.launcher.make_gauges = crash, unlimited
    environment = stage.make_environment()
    # When
    for request_id in ("r1", "r2"):
        await stage.serve(environment, request_id)
    # Then
    assert seen == ["1447", "1447"]
    await end(environment)
    os.close(quota)


async def test_the_memory_used_is_what_its_gauges_say(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given a process of 30 MB, of which 10 are its own, and that uses 25 more for its event
    statm = tmp_path_factory.mktemp("proc") / "statm"
    statm.write_text(f"99999 {30 * MB // os.sysconf('SC_PAGE_SIZE')} 1 2 0 3 0\n")
    monkeypatch.setattr(entering, "_MEMORY", str(statm))
    peak = number_in(str(10 * MB))

    async def grow(run: PlayedRun) -> None:
        await run.next()
        os.pwrite(peak, str(35 * MB).encode(), 0)
        await run.respond()

    stage.launcher.play = grow
    stage.launcher.make_gauges = lambda: Gauges(memory_peak=os.dup(peak))
    environment = stage.make_environment()
    # When
    result = await environment.invoke(INVOCATION)
    # Then
    assert result.report.max_memory_used_mb == 20 + 35
    await end(environment)
    os.close(peak)


async def test_no_more_memory_is_reported_than_there_may_be(stage: Stage) -> None:
    result = await stage.make_environment(make_version(memory_mb=1)).invoke(INVOCATION)
    assert result.report.max_memory_used_mb == 1


@pytest.mark.parametrize("is_failing", [False, True])
async def test_an_ended_environment_leaves_no_descriptor(
    stage: Stage, open_descriptors: Callable[[], set[str]], is_failing: bool
) -> None:
    def all_gauges() -> Gauges:
        own = {"cpu_quota": "1", "frozen": "1", "thawed": "0"}
        return Gauges(number_in("1"), number_in("max"), number_in("0"), own)

    stage.launcher.make_gauges, stage.launcher.tmp = all_gauges, "/proc"
    stage.launcher.play = exit_in_event() if is_failing else serve_forever

    async def life() -> None:
        environment = stage.make_environment()
        for request_id in ("r1", "r2", "r3"):
            await stage.serve(environment, request_id)
        await end(environment)
        assert all(endpoint.is_closed for endpoint in stage.endpoints)
        await settle()

    await life()
    before = open_descriptors()
    await life()
    assert {name.split()[1] for name in open_descriptors() - before} <= set()
