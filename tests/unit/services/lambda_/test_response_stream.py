"""InvokeWithResponseStream: chunks while they are written, and how it ended."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.errors import ClientError, PlatformError
from lambdad.model.invocation import FunctionError
from lambdad.model.response_stream import ResponseStream
from support.control_plane import ACCOUNT, REGION, Plane, refused

OPERATION = "InvokeWithResponseStream"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
COMPLETE: dict[str, Any] = {"InvokeComplete": {}}


@pytest.fixture
async def echo(plane: Plane) -> Plane:
    await plane.create("echo", Publish=True)
    return plane


def chunk(payload: bytes) -> dict[str, Any]:
    return {"PayloadChunk": {"Payload": payload}}


def writes(
    *pieces: bytes, then: Callable[[], None] = lambda: None
) -> Callable[[ResponseStream], None]:
    def write(stream: ResponseStream) -> None:
        stream.begin("text/plain")
        for piece in pieces:
            stream.feed(piece)
        then()

    return write


async def stream(plane: Plane, **request: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    answer = await plane(OPERATION, FunctionName="echo", **request)
    return answer, [event async for event in answer["EventStream"]]


async def test_what_does_not_stream_is_one_chunk(echo: Plane) -> None:
    answer, events = await stream(echo, Payload=b'{"a": 1}', Qualifier="1")
    ((version, invocation),) = echo.invoker.invoked
    assert (version.version, invocation.invoked_arn) == ("1", f"{ARN}:1")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "1")
    trace = answer["ResponseMetadata"]["HTTPHeaders"]["X-Amzn-Trace-Id"]
    assert trace == invocation.trace_id
    assert events == [chunk(b'{"a": 1}'), COMPLETE]


async def test_a_result_of_nothing_has_no_chunk(echo: Plane) -> None:
    echo.invoker.answer = b""
    assert (await stream(echo))[1] == [COMPLETE]


async def test_what_streams_is_handed_on_and_then_ends(echo: Plane) -> None:
    echo.invoker.writes = writes(b"a", b"b")
    _, events = await stream(echo)
    assert b"".join(each["PayloadChunk"]["Payload"] for each in events[:-1]) == b"ab"
    assert events[-1] == COMPLETE


async def test_the_tail_comes_when_it_is_asked_for(echo: Plane) -> None:
    for wish in ({}, {"LogType": "None"}):
        assert (await stream(echo, **wish))[1][-1] == COMPLETE
    _, events = await stream(echo, LogType="Tail")
    assert base64.b64decode(events[-1]["InvokeComplete"]["LogResult"]) == b"START\nREPORT\n"


@pytest.mark.parametrize("written", [(), (b"begun",)])
async def test_a_failure_of_the_function_is_told_at_the_end(
    echo: Plane, written: tuple[bytes, ...]
) -> None:
    echo.invoker.writes = writes(*written) if written else None
    echo.invoker.error = FunctionError("Sandbox.Timedout", "timeout")
    echo.invoker.answer = b'{"errorMessage": "\xff"}'
    _, events = await stream(echo, LogType="Tail")
    assert events[:-1] == [chunk(piece) for piece in written]
    complete = events[-1]["InvokeComplete"]
    assert complete["ErrorCode"] == "Unhandled"
    assert complete["ErrorDetails"] == '{"errorMessage": "\ufffd"}'
    assert "LogResult" in complete


@pytest.mark.parametrize(
    "failure", [PlatformError("the launcher is gone"), ClientError("EC2ThrottledException", "no")]
)
async def test_a_failure_of_ours_in_the_middle_is_told_at_the_end(
    echo: Plane, failure: Exception
) -> None:
    def fail() -> None:
        raise failure

    echo.invoker.writes = writes(b"begun", then=fail)
    _, events = await stream(echo)
    details = {"ErrorCode": "ServiceException", "ErrorDetails": str(failure)}
    assert events == [chunk(b"begun"), {"InvokeComplete": details}]


async def test_why_it_has_not_run_is_an_error_as_of_invoke(echo: Plane) -> None:
    echo.invoker.failure = ClientError("TooManyRequestsException", "Rate Exceeded.")
    await refused(echo(OPERATION, FunctionName="echo"), "TooManyRequestsException")
    echo.invoker.failure = PlatformError("no sandbox")
    with pytest.raises(PlatformError):
        await echo(OPERATION, FunctionName="echo")


async def test_what_cannot_be_invoked_is_refused(echo: Plane) -> None:
    await refused(echo(OPERATION, FunctionName="none"), "ResourceNotFoundException")
    await refused(
        echo(OPERATION, FunctionName="echo", Payload=b"{"), "InvalidRequestContentException"
    )
    large = b'"' + b"x" * (6 << 20) + b'"'
    await refused(echo(OPERATION, FunctionName="echo", Payload=large), "RequestTooLargeException")
    assert echo.invoker.invoked == []


async def test_a_dry_run_runs_nothing(echo: Plane) -> None:
    answer = await echo(OPERATION, FunctionName="echo", InvocationType="DryRun")
    assert answer == {"StatusCode": 204}
    assert echo.invoker.invoked == []
