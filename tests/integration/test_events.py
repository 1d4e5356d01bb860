"""As a developer I send events and go on; whatever happens to the server, each has its outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
StartServer = Callable[..., LocalServer]
pytestmark = [pytest.mark.slow, pytest.mark.root]

TELL = """
def handler(event, context):
    print("ran", event["n"], context.aws_request_id)
    if event.get("fail"):
        raise ValueError("no")
"""


def send(function: DeployedFunction, event: Any, **more: Any) -> str:
    """Invoke with Event; the request id."""
    answer = function.client.invoke(
        FunctionName=function.name,
        InvocationType="Event",
        Payload=json.dumps(event),
        **more,
    )
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return str(answer["ResponseMetadata"]["RequestId"])


def runs(function: DeployedFunction) -> list[list[str]]:
    """The words of every line that TELL has printed, in order."""
    return [
        message.split() for message in function.log_messages("ran") if message.startswith("ran ")
    ]


def test_an_event_runs_with_the_request_id_of_its_acceptance(make_function: MakeFunction) -> None:
    function = make_function(source=TELL)

    request_id = send(function, {"n": 1})

    wait_until(lambda: runs(function) == [["ran", "1", request_id]], "the event has run")


def test_the_old_operation_still_sends_events(make_function: MakeFunction) -> None:
    function = make_function(source=TELL)

    answer = function.client.invoke_async(FunctionName=function.name, InvokeArgs=b'{"n": 2}')

    assert answer["Status"] == 202
    wait_until(lambda: [run[1] for run in runs(function)] == ["2"], "the event has run")


def test_a_failed_event_is_tried_three_times_with_one_request_id(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    server = start_server(event_retry_delay=1)
    function = make_function(source=TELL, on=server)

    request_id = send(function, {"n": 3, "fail": True})

    three = [["ran", "3", request_id]] * 3
    wait_until(lambda: runs(function) == three, "the event has been tried three times")


def test_what_was_accepted_runs_after_the_server_was_killed(
    start_server: StartServer, make_function: MakeFunction, client_for: Callable[..., Any]
) -> None:
    server = start_server()
    function = make_function(source=TELL, on=server)
    function.client.put_function_concurrency(
        FunctionName=function.name, ReservedConcurrentExecutions=1
    )

    sent = [send(function, {"n": n}) for n in range(50)]
    server.kill()
    server.start()

    function = DeployedFunction(
        client_for("lambda", server), client_for("logs", server), function.created
    )
    wait_until(lambda: {run[2] for run in runs(function)} == set(sent), "all events have run")
