"""As a developer I invoke with a response stream, and read it while the function writes it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow
MB = 1 << 20


def stream(function: DeployedFunction, **request: Any) -> tuple[dict[str, Any], list[Any]]:
    if "event" in request:
        request["Payload"] = json.dumps(request.pop("event"))
    answer = function.client.invoke_with_response_stream(FunctionName=function.name, **request)
    return answer, list(answer["EventStream"])


def chunks(events: list[Any]) -> list[bytes]:
    return [each["PayloadChunk"]["Payload"] for each in events if "PayloadChunk" in each]


def failure(events: list[Any]) -> tuple[str, dict[str, Any]]:
    complete = events[-1]["InvokeComplete"]
    return complete["ErrorCode"], json.loads(complete["ErrorDetails"])


# Functions that do not stream


def test_the_result_comes_as_chunk_and_the_end_with_the_log(make_function: MakeFunction) -> None:
    function = make_function("echo")
    answer, events = stream(function, Payload=b'{"a": 1}', LogType="Tail")
    assert json.loads(b"".join(chunks(events))) == {"a": 1}
    assert b"REPORT RequestId" in base64.b64decode(events[-1]["InvokeComplete"]["LogResult"])
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"


def test_a_failure_of_the_function_is_told_at_the_end(make_function: MakeFunction) -> None:
    _, events = stream(make_function("raise_error"))
    assert len(events) == 1
    code, details = failure(events)
    assert code == "Unhandled"
    assert "errorMessage" in details


def test_what_cannot_be_invoked_is_refused_before_any_event(make_function: MakeFunction) -> None:
    function = make_function("echo")
    client = function.client
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName=f"{function.name}:9")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_with_response_stream(FunctionName=function.name, Payload=b"{")
    assert stream(function, InvocationType="DryRun")[0]["StatusCode"] == 204


def test_a_function_that_is_throttled_is_refused(make_function: MakeFunction) -> None:
    function = make_function("stream")
    function.client.put_function_concurrency(
        FunctionName=function.name, ReservedConcurrentExecutions=0
    )
    with pytest.raises(function.client.exceptions.TooManyRequestsException):
        stream(function)


# Functions that do


def test_what_is_written_can_be_read_while_the_function_runs(make_function: MakeFunction) -> None:
    # Given a function that writes its next piece when the last one has been seen
    function = make_function("stream", Timeout=60)
    event = {"pieces": ["one", "two", "three"], "wait_for_tag": True}
    answer = function.client.invoke_with_response_stream(
        FunctionName=function.name, Payload=json.dumps(event)
    )
    # When each piece is answered by the tag that it waits for
    seen = []
    for each in answer["EventStream"]:
        if "PayloadChunk" in each:
            seen.append(each["PayloadChunk"]["Payload"].decode())
            function.client.tag_resource(Resource=function.arn, Tags={seen[-1]: "seen"})
    # Then they have come one by one: otherwise it would have waited to its end
    assert seen == ["one", "two", "three"]


def test_a_failure_in_the_middle_ends_what_has_come(make_function: MakeFunction) -> None:
    _, events = stream(make_function("stream"), event={"pieces": ["begun"], "then": "raise"})
    assert b"".join(chunks(events)) == b"begun"
    code, details = failure(events)
    assert (code, details["errorType"], details["errorMessage"]) == (
        "Unhandled",
        "ValueError",
        "in the middle",
    )
    assert "pieces" in "".join(details["stackTrace"])


def test_a_failure_before_the_first_byte_is_one_as_every_other(make_function: MakeFunction) -> None:
    _, events = stream(make_function("stream"), event={"fail_first": True})
    assert chunks(events) == []
    assert failure(events)[1]["errorMessage"] == "before the first byte"


@pytest.mark.parametrize(
    ("fate", "error_type", "message"),
    [
        ("exit", "Runtime.ExitError", "exit status 7"),
        ("sleep", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ("nonsense", "Runtime.MarshalError", "a stream has text or bytes, not int"),
    ],
)
def test_an_end_in_the_middle_is_told_and_the_function_runs_again(
    make_function: MakeFunction, fate: str, error_type: str, message: str
) -> None:
    function = make_function("stream", Timeout=1 if fate == "sleep" else 30)
    _, events = stream(function, event={"pieces": ["begun"], "then": fate})
    assert b"".join(chunks(events)) == b"begun"
    code, details = failure(events)
    assert (code, details["errorType"]) == ("Unhandled", error_type)
    assert message in details["errorMessage"]
    _, events = stream(function, event={"pieces": ["again"]})
    assert b"".join(chunks(events)) == b"again"


def test_200_mb_come_whole(make_function: MakeFunction) -> None:
    function = make_function("stream", Timeout=60)
    answer = function.client.invoke_with_response_stream(
        FunctionName=function.name, Payload=json.dumps({"size": MB, "times": 200})
    )
    size = 0
    for each in answer["EventStream"]:
        size += len(each.get("PayloadChunk", {}).get("Payload", b""))
        complete = each.get("InvokeComplete")
    assert (size, complete) == (200 * MB, {})


def test_more_than_200_mb_are_cut_off(make_function: MakeFunction) -> None:
    function = make_function("stream", Timeout=60)
    _, events = stream(function, event={"size": MB, "times": 201})
    assert sum(map(len, chunks(events))) <= 200 * MB
    assert failure(events)[1]["errorType"] == "Function.ResponseSizeTooLarge"
    assert stream(function, event={"pieces": ["again"]})[1][-1] == {"InvokeComplete": {}}


def test_a_stream_that_is_invoked_as_usual_is_collected(make_function: MakeFunction) -> None:
    function = make_function("stream")
    assert function.invoke({"pieces": ["a", "b"]}).payload == b"ab"
    failed = function.invoke({"pieces": ["a"], "then": "raise"})
    assert (failed.error, failed.value["errorType"]) == ("Unhandled", "ValueError")
    large = function.invoke({"size": MB, "times": 7})
    assert (large.error, large.value["errorType"]) == (
        "Unhandled",
        "Function.ResponseSizeTooLarge",
    )


def test_who_hangs_up_ends_nothing(make_function: MakeFunction) -> None:
    # Given
    function = make_function("stream", Timeout=60)
    answer = function.client.invoke_with_response_stream(
        FunctionName=function.name, Payload=json.dumps({"size": MB, "times": 50})
    )
    # When the client hangs up after the first chunk
    next(iter(answer["EventStream"]))
    answer["EventStream"].close()
    # Then the function writes all of it, and ends as if it had been read
    wait_until(lambda: function.log_messages("REPORT"), "the end of the invocation")
    (report,) = function.log_messages("REPORT")
    assert "Status:" not in report


def test_a_client_that_does_not_read_slows_the_function(make_function: MakeFunction) -> None:
    # Given a client that reads one chunk of far more than lies between it and the function
    function = make_function("stream", Timeout=2)
    answer = function.client.invoke_with_response_stream(
        FunctionName=function.name, Payload=json.dumps({"size": MB, "times": 150})
    )
    events = iter(answer["EventStream"])
    next(events)
    # When it reads no more until the function's time is over
    wait_until(lambda: function.log_messages("REPORT"), "the end of the invocation")
    # Then the function was held up in its writing
    (report,) = function.log_messages("REPORT")
    assert "Status: timeout" in report
    *_, last = events
    assert json.loads(last["InvokeComplete"]["ErrorDetails"])["errorType"] == "Sandbox.Timedout"


def test_a_server_may_bound_how_fast_streams_go(
    start_server: Callable[..., LocalServer], make_function: MakeFunction
) -> None:
    # Given 6 MB that go at once, and 16 at 16 MB a second
    server = start_server(sandbox="process", stream_bandwidth=16)
    function = make_function("stream", on=server)
    started = time.monotonic()
    # When
    _, events = stream(function, event={"size": MB, "times": 22})
    # Then it can only be slower than that
    assert sum(map(len, chunks(events))) == 22 * MB
    assert time.monotonic() - started >= 0.9
