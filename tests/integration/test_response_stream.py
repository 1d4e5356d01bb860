"""As a developer I invoke with a response stream, and read its events."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from support.functions import DeployedFunction

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


def stream(function: DeployedFunction, **request: Any) -> tuple[dict[str, Any], list[Any]]:
    answer = function.client.invoke_with_response_stream(FunctionName=function.name, **request)
    return answer, list(answer["EventStream"])


def test_the_result_comes_as_chunk_and_the_end_with_the_log(make_function: MakeFunction) -> None:
    function = make_function("echo")
    answer, events = stream(function, Payload=b'{"a": 1}', LogType="Tail")
    *chunks, end = events
    assert json.loads(b"".join(each["PayloadChunk"]["Payload"] for each in chunks)) == {"a": 1}
    assert b"REPORT RequestId" in base64.b64decode(end["InvokeComplete"]["LogResult"])
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")


def test_a_failure_of_the_function_is_told_at_the_end(make_function: MakeFunction) -> None:
    _, (end,) = stream(make_function("raise_error"))
    assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert "errorMessage" in json.loads(end["InvokeComplete"]["ErrorDetails"])


def test_what_cannot_be_invoked_is_refused_before_any_event(make_function: MakeFunction) -> None:
    function = make_function("echo")
    client = function.client
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName=f"{function.name}:9")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_with_response_stream(FunctionName=function.name, Payload=b"{")
    assert stream(function, InvocationType="DryRun")[0]["StatusCode"] == 204
