"""Execution environments, with a launcher whose sandboxes the test plays."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from stage import INVOCATION, PlayedSandbox, Stage, happens, idle, make_version, serve_forever

from lambdad.environment.environment import EventNotTaken, ExecutionEnvironment
from lambdad.environment.launcher_client import Gauges
from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError
from lambdad.model import limits

SOON = 5.0
HASTE: int = 0.05  # type: ignore[assignment]


def kinds(messages: list[str]) -> list[str]:
    return [message.split()[0] for message in messages]


async def end(environment: ExecutionEnvironment) -> None:
    environment.stop()
    await asyncio.wait_for(environment.ended(), SOON)


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
    assert len(stage.launcher.sandboxes) == 1
    first, second = ["START", "END", "REPORT"], ["START", "END", "REPORT"]
    assert kinds(stage.messages) == ["INIT_START", *first, *second]
    await end(environment)
    assert stage.ended == [environment]


async def test_the_sandbox_is_ordered_for_the_version(stage: Stage) -> None:
    environment = stage.make_environment(make_version(memory_mb=256, ephemeral_storage_mb=600))
    await environment.invoke(INVOCATION)
    (sandbox,) = stage.launcher.sandboxes
    order = sandbox.order
    assert (order.runtime, order.code, order.account_id) == ("python3.12", "c0de", "123456789012")
    assert (order.memory_mb, order.ephemeral_storage_mb) == (256, 600)
    assert sandbox.variables["_HANDLER"] == "app.handler"
    assert sandbox.variables["AWS_ACCESS_KEY_ID"] == environment.credentials.access_key_id
    assert list(stage.lines) == [sandbox.variables["AWS_LAMBDA_LOG_STREAM_NAME"]]


async def test_what_the_function_prints_is_in_the_log_and_in_the_tail(stage: Stage) -> None:
    async def print_and_answer(sandbox: PlayedSandbox) -> None:
        await sandbox.next()
        sandbox.print(b"one\ntwo\n")
        await sandbox.respond()

    stage.launcher.play = print_and_answer
    result = await stage.make_environment().invoke(INVOCATION)
    assert kinds(stage.messages) == ["INIT_START", "START", "one", "two", "END", "REPORT"]
    assert kinds(result.log_tail.decode().splitlines())[1:-1] == ["START", "one", "two", "END"]


async def test_the_tail_is_bounded(stage: Stage) -> None:
    async def print_a_lot(sandbox: PlayedSandbox) -> None:
        await sandbox.next()
        sandbox.print(b"ab\n" * 20_000)
        await sandbox.respond()

    stage.launcher.play = print_a_lot
    result = await stage.make_environment().invoke(INVOCATION)
    assert limits.LOG_TAIL <= len(result.log_tail) <= 2 * limits.LOG_TAIL + 200
    assert stage.messages.count("ab") == 20_000


async def test_the_functions_own_failure_is_passed_on(stage: Stage) -> None:
    async def fail(sandbox: PlayedSandbox) -> None:
        await sandbox.next()
        header = "Lambda-Runtime-Function-Error-Type: Runtime.MyFault\r\n"
        await sandbox.call("POST", "/invocation/r1/error", b'{"errorType": "X"}', header)

    stage.launcher.play = fail
    environment = stage.make_environment()
    result = await environment.invoke(INVOCATION)
    assert result.payload == b'{"errorType": "X"}'
    assert result.error is not None
    assert result.error.error_type == "Runtime.MyFault"
    assert environment.state is State.INVOKING  # it can serve the next event


async def test_the_deadline_ends_the_event_and_the_environment(stage: Stage) -> None:
    # Given
    async def hang(sandbox: PlayedSandbox) -> None:
        await sandbox.next()

    stage.launcher.play = hang
    environment = stage.make_environment(make_version(timeout=HASTE))
    # When
    result = await environment.invoke(INVOCATION)
    # Then
    assert json.loads(result.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: r1 Error: Task timed out after 0.05 seconds",
    }
    assert stage.messages[-1].endswith("Status: timeout\t")
    await asyncio.wait_for(environment.ended(), SOON)
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]


@pytest.mark.parametrize(
    ("status", "out_of_memory", "error_type", "words"),
    [
        (256, False, "Runtime.ExitError", "Runtime exited with error: exit status 1"),
        (0, False, "Runtime.ExitError", "Runtime exited without providing a reason"),
        (9, True, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
    ],
)
async def test_an_exit_during_the_event_is_its_failure(
    stage: Stage, status: int, out_of_memory: bool, error_type: str, words: str
) -> None:
    async def crash(sandbox: PlayedSandbox) -> None:
        await sandbox.next()
        sandbox.print(b"last words")
        sandbox.exit(status, out_of_memory=out_of_memory)

    stage.launcher.play = crash
    environment = stage.make_environment()
    result = await environment.invoke(INVOCATION)
    assert json.loads(result.payload)["errorMessage"] == f"RequestId: r1 Error: {words}"
    assert result.error is not None
    assert result.error.error_type == error_type
    assert "last words" in stage.messages
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]


async def init_error(sandbox: PlayedSandbox) -> None:
    header = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n"
    await sandbox.call("POST", "/init/error", b'{"errorType": "I"}', header)
    sandbox.exit(256)


async def test_a_failed_init_is_tried_once_more_and_then_told(stage: Stage) -> None:
    stage.launcher.play = init_error
    environment = stage.make_environment()
    result = await environment.invoke(INVOCATION)
    assert result.payload == b'{"errorType": "I"}'
    assert len(stage.launcher.sandboxes) == 2
    assert kinds(stage.messages) == [
        "INIT_START", "INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT",
    ]  # fmt: skip
    assert environment.state is State.FAILED
    await end(environment)
    assert stage.ended == [environment]


async def test_the_second_init_may_succeed(stage: Stage) -> None:
    async def fail_once(sandbox: PlayedSandbox) -> None:
        await (init_error if len(stage.launcher.sandboxes) == 1 else serve_forever)(sandbox)

    stage.launcher.play = fail_once
    environment = stage.make_environment()
    result = await environment.invoke(INVOCATION)
    assert result.payload == INVOCATION.payload
    assert result.report.init_duration_ms is not None
    environment.release()
    assert environment.state is State.READY


async def test_an_init_that_takes_too_long_is_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INIT_SECONDS", 0.02)
    stage.launcher.play = idle
    environment = stage.make_environment(make_version(timeout=HASTE))
    result = await environment.invoke(INVOCATION)
    assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
    reports = [message for message in stage.messages if message.startswith("INIT_REPORT")]
    assert ["Phase: init" in reports[0], "Phase: invoke" in reports[1]] == [True, True]
    await end(environment)


async def test_an_environment_that_dies_while_idle_says_so(stage: Stage) -> None:
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    environment.release()
    stage.launcher.sandboxes[0].exit(9)
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]


async def test_an_event_that_a_dead_environment_got_is_given_back(stage: Stage) -> None:
    """It died between its last answer and the moment at which it was idle."""
    # Given
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    stage.launcher.sandboxes[0].exit(9)
    environment.release()
    # When, Then
    with pytest.raises(EventNotTaken):
        await environment.invoke(INVOCATION)
    assert environment.state is State.STOPPED
    assert stage.ended == [environment]


async def test_an_event_that_was_given_back_has_left_no_trace_in_the_log(stage: Stage) -> None:
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    stage.launcher.sandboxes[0].exit(9)
    environment.release()
    with pytest.raises(EventNotTaken):
        await environment.invoke(INVOCATION)
    assert kinds(stage.messages).count("START") == kinds(stage.messages).count("END") == 1


# What the machine does not allow


async def test_a_sandbox_that_cannot_be_had_leaves_an_environment_that_ends(stage: Stage) -> None:
    """Whoever reserved it stops it; who closes the pool waits for its end."""
    stage.launcher.failure = PlatformError("no")
    environment = stage.make_environment()
    with pytest.raises(PlatformError):
        await environment.invoke(INVOCATION)
    environment.stop()
    await asyncio.wait_for(environment.ended(), 0.2)
    assert stage.ended == [environment]


async def test_a_sandbox_that_says_what_failed_leaves_an_environment_that_ends(
    stage: Stage,
) -> None:
    stage.launcher.failed_step = "no more mounts"
    environment = stage.make_environment()
    with pytest.raises(PlatformError, match="no more mounts"):
        await environment.invoke(INVOCATION)
    await end(environment)
    assert stage.ended == [environment]


async def test_a_sandbox_that_ends_while_it_is_taken_over_leaves_nothing_open(
    stage: Stage,
) -> None:
    # Given a process that dies between the handing over of its listeners and their serving
    def die_once() -> None:
        if len(stage.launcher.sandboxes) == 1:
            stage.launcher.sandboxes[0].exit(9)

    stage.on_endpoint = die_once
    environment = stage.make_environment()
    # When
    result = await environment.invoke(INVOCATION)
    # Then the second try has served it, and nothing of the first is left
    assert result.payload == INVOCATION.payload
    assert [endpoint.is_closed for endpoint in stage.endpoints] == [True, False]


async def test_stopping_a_starting_environment_starts_no_second_sandbox(stage: Stage) -> None:
    # Given
    stage.launcher.play = idle
    environment = stage.make_environment(make_version(timeout=HASTE))
    invoking = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.endpoints)
    # When
    environment.stop()
    outcome = await asyncio.wait_for(asyncio.gather(invoking, return_exceptions=True), SOON)
    # Then
    assert len(stage.launcher.sandboxes) == 1
    assert not isinstance(outcome[0], AssertionError)
    assert environment.state is State.STOPPED


async def test_stopping_an_environment_that_looks_for_its_place_starts_no_sandbox(
    stage: Stage,
) -> None:
    # Given
    stage.place_is_found.clear()
    environment = stage.make_environment()
    invoking = asyncio.create_task(environment.invoke(INVOCATION))
    await asyncio.sleep(0)
    # When
    environment.stop()
    stage.place_is_found.set()
    outcome = await asyncio.wait_for(asyncio.gather(invoking, return_exceptions=True), SOON)
    # Then
    assert stage.launcher.sandboxes == []
    assert not isinstance(outcome[0], AssertionError)


async def test_a_cancelled_init_ends_the_environment(stage: Stage) -> None:
    stage.launcher.play = idle
    environment = stage.make_environment()
    invoking = asyncio.create_task(environment.invoke(INVOCATION))
    await happens(lambda: stage.endpoints)
    invoking.cancel()
    await asyncio.gather(invoking, return_exceptions=True)
    await end(environment)
    assert stage.ended == [environment]


async def test_stop_is_legal_at_any_time_and_ends_once(stage: Stage) -> None:
    environment = stage.make_environment()
    environment.stop()
    environment.stop()
    await environment.ended()
    assert stage.ended == [environment]


# Gauges


async def test_the_cpu_share_holds_from_the_end_of_init_on(stage: Stage, tmp_path: Path) -> None:
    # Given
    quota, peak = tmp_path / "cpu.max", tmp_path / "memory.peak"
    quota.write_text("max")
    peak.write_text(str(77 << 20))
    seen: list[str] = []

    async def look(sandbox: PlayedSandbox) -> None:
        seen.append(quota.read_text())
        await sandbox.next()
        seen.append(quota.read_text())
        await sandbox.respond()

    stage.launcher.play = look
    stage.launcher.gauges = Gauges(
        memory_peak=os.open(peak, os.O_RDONLY),
        cpu_quota=os.open(quota, os.O_WRONLY),
        cpu_quota_text="1447",
    )
    environment = stage.make_environment(make_version(memory_mb=512))
    # When
    result = await environment.invoke(INVOCATION)
    # Then
    assert seen == ["max", "1447"]
    assert result.report.max_memory_used_mb >= 77
    await end(environment)


async def test_no_more_memory_is_reported_than_there_may_be(stage: Stage) -> None:
    result = await stage.make_environment(make_version(memory_mb=1)).invoke(INVOCATION)
    assert result.report.max_memory_used_mb == 1


async def test_an_ended_environment_leaves_no_descriptor(
    stage: Stage, open_descriptors: Callable[[], set[str]]
) -> None:
    async def life() -> None:
        environment = stage.make_environment()
        await environment.invoke(INVOCATION)
        await end(environment)
        for endpoint in stage.endpoints:
            assert endpoint.is_closed
        await asyncio.sleep(0.01)  # the transports close in the loop's next turns

    await life()
    before = open_descriptors()
    await life()
    assert {name.split()[1] for name in open_descriptors() - before} <= set()
