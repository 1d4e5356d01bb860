"""Durable executions through their operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdad.model.durable_execution import DurableExecution
from lambdad.services.lambda_ import resume
from support.control_plane import Plane, refused
from support.durable import NOW, TOKEN, make_execution, update

MISSING = make_execution("missing").arn
INVALID, NOT_FOUND = "InvalidParameterValueException", "ResourceNotFoundException"
CALLBACK = update("c", "CALLBACK", "START", Name="approve")
Begin = Callable[..., Awaitable[str]]


@pytest.fixture
async def begin(plane: Plane) -> Begin:
    """Put an execution into the store; nothing starts one yet. Returns its ARN."""

    async def begin(name: str = "order", **fields: Any) -> str:
        execution = make_execution(name, **fields)
        await plane.control.resources.save(execution)
        return str(execution.arn)

    return begin


async def test_an_execution_is_told_as_a_whole(plane: Plane, begin: Begin) -> None:
    arn = await begin()
    found = await plane("GetDurableExecution", DurableExecutionArn=arn)
    assert found == {
        "DurableExecutionArn": arn,
        "DurableExecutionName": "order",
        "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:echo:1",
        "Status": "RUNNING",
        "StartTimestamp": NOW,
        "Version": "1",
        "InputPayload": '{"a": 1}',
        "ExecutionDataIncluded": True,
        "DurableConfig": {"RetentionPeriodInDays": 14, "ExecutionTimeout": 3_600},
        "ExpectedExecutionTimeoutTimestamp": NOW + 3_600,
    }
    compact = await plane(
        "GetDurableExecution", DurableExecutionArn=arn, IncludeExecutionData=False
    )
    assert (compact["ExecutionDataIncluded"], "InputPayload" in compact) == (False, False)


async def test_a_checkpoint_is_kept_and_the_next_one_needs_its_token(
    plane: Plane, begin: Begin, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    # Given
    arn = await begin()
    # When
    kept = await plane(
        "CheckpointDurableExecution",
        DurableExecutionArn=arn,
        CheckpointToken=TOKEN,
        Updates=[update("s", "STEP", "SUCCEED", Payload="1")],
        ClientToken="mine",
    )
    # Then
    assert kept["NewExecutionState"]["Operations"] == [
        {
            "Id": "s",
            "Type": "STEP",
            "Status": "SUCCEEDED",
            "StartTimestamp": NOW,
            "EndTimestamp": NOW,
            "StepDetails": {"Attempt": 1, "Result": "1"},
        }
    ]
    # And it is so after a restart
    plane = await open_plane()
    asked = {"DurableExecutionArn": arn, "CheckpointToken": TOKEN}
    await refused(plane("GetDurableExecutionState", **asked), INVALID)
    await refused(plane("CheckpointDurableExecution", **asked), INVALID)
    again = await plane("CheckpointDurableExecution", **asked, ClientToken="mine")
    assert again == kept
    asked["CheckpointToken"] = kept["CheckpointToken"]
    state = await plane("GetDurableExecutionState", **asked)
    assert [each["Id"] for each in state["Operations"]] == ["id-order", "s"]
    assert state["Operations"][0]["ExecutionDetails"] == {"InputPayload": '{"a": 1}'}
    # When the execution ends
    done = await plane(
        "CheckpointDurableExecution",
        **asked,
        Updates=[update("e", "EXECUTION", "SUCCEED", Payload='"ok"')],
    )
    # Then there is no token any more
    assert "CheckpointToken" not in done
    found = await plane("GetDurableExecution", DurableExecutionArn=arn)
    assert (found["Status"], found["Result"], found["EndTimestamp"]) == ("SUCCEEDED", '"ok"', NOW)
    assert "ExpectedExecutionTimeoutTimestamp" not in found


async def test_a_refused_checkpoint_changes_nothing(plane: Plane, begin: Begin) -> None:
    arn = await begin()
    updates = [update("s", "STEP", "START"), update("w", "WAIT", "START")]
    asked = {"DurableExecutionArn": arn, "CheckpointToken": TOKEN}
    await refused(plane("CheckpointDurableExecution", **asked, Updates=updates), INVALID)
    state = await plane("GetDurableExecutionState", **asked)
    assert [each["Id"] for each in state["Operations"]] == ["id-order"]


async def test_history_and_state_come_in_pages(plane: Plane, begin: Begin) -> None:
    # Given
    arn = await begin()
    steps = [update(f"s{number}", "STEP", "SUCCEED", Payload="1") for number in range(4)]
    kept = await plane(
        "CheckpointDurableExecution",
        DurableExecutionArn=arn,
        CheckpointToken=TOKEN,
        Updates=steps,
    )
    # When
    first = await plane("GetDurableExecutionHistory", DurableExecutionArn=arn, MaxItems=3)
    second = await plane(
        "GetDurableExecutionHistory",
        DurableExecutionArn=arn,
        MaxItems=3,
        Marker=first["NextMarker"],
        IncludeExecutionData=True,
    )
    # Then
    assert [each["EventId"] for each in first["Events"] + second["Events"]] == [1, 2, 3, 4, 5]
    assert "NextMarker" not in second
    without, with_data = first["Events"][1], second["Events"][0]
    assert without["StepSucceededDetails"]["Result"] == {"Truncated": True}
    assert with_data["StepSucceededDetails"]["Result"] == {"Payload": "1"}
    assert (with_data["EventType"], with_data["Id"]) == ("StepSucceeded", "s2")
    # And the other way round
    newest = await plane(
        "GetDurableExecutionHistory", DurableExecutionArn=arn, ReverseOrder=True, MaxItems=0
    )
    assert [each["EventId"] for each in newest["Events"]] == [5, 4, 3, 2, 1]
    asked = {"DurableExecutionArn": arn, "CheckpointToken": kept["CheckpointToken"]}
    state = await plane("GetDurableExecutionState", **asked, MaxItems=2)
    state = await plane("GetDurableExecutionState", **asked, Marker=state["NextMarker"])
    assert [each["Id"] for each in state["Operations"]] == ["s1", "s2", "s3"]
    await refused(plane("GetDurableExecutionState", **asked, Marker="?"), INVALID)


async def test_executions_are_listed_by_function(plane: Plane, begin: Begin) -> None:
    # Given
    await plane.create("echo", Publish=True)
    await plane.create("echo2")
    arns = {
        "a": await begin("a", started=NOW),
        "b": await begin("b", started=NOW + 1),
        "c": await begin("c", started=NOW + 2, version="$LATEST"),
        "d": await begin("d", function_name="echo2"),
    }
    await plane("StopDurableExecution", DurableExecutionArn=arns["a"])

    async def listed(name: str = "echo", **request: Any) -> str:
        answer = await plane("ListDurableExecutionsByFunction", FunctionName=name, **request)
        names = [each["DurableExecutionName"] for each in answer["DurableExecutions"]]
        return "".join(names) + ("+" if "NextMarker" in answer else "")

    # Then
    moment = datetime.fromtimestamp(NOW + 1, UTC)
    assert await listed() == "cba"
    assert await listed(ReverseOrder=True) == "abc"
    assert await listed(Qualifier="1") == await listed("echo:1") == "ba"
    assert await listed(Statuses=["STOPPED"]) == "a"
    assert await listed(DurableExecutionName="b") == "b"
    assert await listed(StartedAfter=moment) == "c"
    assert await listed(StartedBefore=moment) == "a"
    assert await listed(MaxItems=2) == "cb+"
    page = await plane("ListDurableExecutionsByFunction", FunctionName="echo", MaxItems=2)
    assert await listed(Marker=page["NextMarker"]) == "a"
    gone = {"Marker": page["NextMarker"], "Statuses": ["STOPPED"]}  # b is not among these
    assert await listed(**gone) == "a"
    assert await listed("echo2") == "d"
    for request, code in (
        ({"FunctionName": "other"}, NOT_FOUND),
        ({"FunctionName": "echo:9"}, NOT_FOUND),
        ({"FunctionName": "echo", "Marker": "?"}, INVALID),
    ):
        await refused(plane("ListDurableExecutionsByFunction", **request), code)


async def test_an_execution_is_paused_resumed_stopped_and_deleted(
    plane: Plane, begin: Begin
) -> None:
    # Given
    arn = {"DurableExecutionArn": await begin(token=None)}
    # When it is paused
    await plane("PauseDurableExecution", **arn, ClientToken="p", Reason="lunch")
    await plane("PauseDurableExecution", **arn, ClientToken="p", Reason="lunch")
    # Then
    found = await plane("GetDurableExecution", **arn)
    assert (found["Status"], found["PauseDetails"]) == (
        "PAUSED",
        {"PauseRequestTimestamp": NOW, "ExecutionTimeoutPaused": True, "Reason": "lunch"},
    )
    compact = await plane("GetDurableExecution", **arn, IncludeExecutionData=False)
    assert "Reason" not in compact["PauseDetails"]
    await refused(plane("DeleteDurableExecution", **arn), "ResourceConflictException")
    # When it goes on, and is stopped
    await plane("ResumeDurableExecution", **arn, Reason="back")
    await refused(plane("ResumeDurableExecution", **arn), "ResourceConflictException")
    plane.clock.advance(5)
    error = {"ErrorMessage": "enough"}
    assert await plane("StopDurableExecution", **arn, Error=error) == {"StopTimestamp": NOW + 5}
    plane.clock.advance(5)
    assert await plane("StopDurableExecution", **arn) == {"StopTimestamp": NOW + 5}
    found = await plane("GetDurableExecution", **arn)
    assert (found["Status"], found["Error"]) == ("STOPPED", error)
    history = await plane("GetDurableExecutionHistory", **arn)
    assert [each["EventType"] for each in history["Events"]] == [
        "ExecutionStarted",
        "ExecutionPaused",
        "ExecutionResumed",
        "ExecutionStopped",
    ]
    assert history["Events"][1]["ExecutionPausedDetails"]["Reason"] == {"Truncated": True}
    # When it is deleted
    assert await plane("DeleteDurableExecution", **arn) == {"DeletionRequestTimestamp": NOW + 10}
    await plane.control.changes.settle()
    await refused(plane("GetDurableExecution", **arn), NOT_FOUND)


async def test_a_deletion_goes_on_after_a_crash(
    plane: Plane, begin: Begin, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    # Given
    arn = {"DurableExecutionArn": await begin()}
    await plane("StopDurableExecution", **arn)
    await plane("DeleteDurableExecution", **arn)
    await plane.control.changes.stop()
    # When
    plane = await open_plane()
    found = await plane("GetDurableExecution", **arn)
    assert found["Status"] == "DELETING"
    await resume(plane.control)
    await plane.control.changes.settle()
    # Then
    assert plane.control.resources.all(DurableExecution) == ()


async def test_a_callback_is_answered_from_outside(plane: Plane, begin: Begin) -> None:
    # Given
    arn = await begin()
    asked = {"DurableExecutionArn": arn, "CheckpointToken": TOKEN}
    kept = await plane("CheckpointDurableExecution", **asked, Updates=[CALLBACK])
    (callback,) = kept["NewExecutionState"]["Operations"]
    callback_id = {"CallbackId": callback["CallbackDetails"]["CallbackId"]}
    # When
    await plane("SendDurableExecutionCallbackHeartbeat", **callback_id)
    await refused(
        plane("SendDurableExecutionCallbackSuccess", **callback_id, Result=b"\xff"), INVALID
    )
    await plane("SendDurableExecutionCallbackSuccess", **callback_id, Result=b"42")
    # Then the next checkpoint tells of it
    asked["CheckpointToken"] = kept["CheckpointToken"]
    kept = await plane("CheckpointDurableExecution", **asked)
    (callback,) = kept["NewExecutionState"]["Operations"]
    assert (callback["Status"], callback["CallbackDetails"]["Result"]) == ("SUCCEEDED", "42")
    await refused(plane("SendDurableExecutionCallbackFailure", **callback_id), INVALID)


async def test_a_callback_that_fails_says_why(plane: Plane, begin: Begin) -> None:
    asked = {"DurableExecutionArn": await begin(), "CheckpointToken": TOKEN}
    kept = await plane("CheckpointDurableExecution", **asked, Updates=[CALLBACK])
    (callback,) = kept["NewExecutionState"]["Operations"]
    callback_id = callback["CallbackDetails"]["CallbackId"]
    error = {"ErrorMessage": "no"}
    await plane("SendDurableExecutionCallbackFailure", CallbackId=callback_id, Error=error)
    asked["CheckpointToken"] = kept["CheckpointToken"]
    kept = await plane("CheckpointDurableExecution", **asked)
    (callback,) = kept["NewExecutionState"]["Operations"]
    assert (callback["Status"], callback["CallbackDetails"]["Error"]) == ("FAILED", error)


@pytest.mark.parametrize(
    "arn", [MISSING, MISSING.replace("eu-", "us-"), MISSING.replace("12345", "54321"), "x"]
)
async def test_what_is_not_there_is_an_error(plane: Plane, begin: Begin, arn: str) -> None:
    await begin()
    for operation in ("Get", "Stop", "Pause", "Resume", "Delete"):
        call = plane(f"{operation}DurableExecution", DurableExecutionArn=arn)
        await refused(call, NOT_FOUND)
    await refused(plane("GetDurableExecutionHistory", DurableExecutionArn=arn), NOT_FOUND)
    for operation in ("CheckpointDurableExecution", "GetDurableExecutionState"):
        call = plane(operation, DurableExecutionArn=arn, CheckpointToken=TOKEN)
        await refused(call, INVALID)
    for operation in ("Success", "Failure", "Heartbeat"):
        call = plane(f"SendDurableExecutionCallback{operation}", CallbackId="bm8=")
        await refused(call, NOT_FOUND)


async def test_executions_go_with_their_function(plane: Plane, begin: Begin) -> None:
    await plane.create("echo", Publish=True)
    await begin("a")
    await begin("b", version="$LATEST")
    await plane("DeleteFunction", FunctionName="echo", Qualifier="1")
    (left,) = plane.control.resources.all(DurableExecution)
    assert left.name == "b"
    await plane("DeleteFunction", FunctionName="echo")
    assert plane.control.resources.all(DurableExecution) == ()
