"""As a developer I am told what became of my events: by destinations and dead-letter queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.cli import operator_api
from lambdad.cli.endpoint import Endpoint
from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.neighbours import Neighbours
from support.operator_variables import set_operator_variables
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]

FATE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    return {"got": event}
"""
TELL = """
import json


def handler(event, context):
    print("told", json.dumps(event))
"""


@pytest.fixture
def server_beside(
    neighbours: Neighbours,
    start_server: Callable[..., LocalServer],
    monkeypatch: pytest.MonkeyPatch,
) -> LocalServer:
    """A server that knows the endpoints of its neighbours."""
    set_operator_variables(monkeypatch, "test")
    return start_server(endpoints=neighbours.setting, event_retry_delay=1)


def send(function: DeployedFunction, event: Any) -> str:
    answer = function.client.invoke(
        FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event)
    )
    return str(answer["ResponseMetadata"]["RequestId"])


def configure(function: DeployedFunction, *, success: str = "", failure: str = "") -> None:
    function.client.put_function_event_invoke_config(
        FunctionName=function.name,
        MaximumRetryAttempts=0,
        DestinationConfig={
            **({"OnSuccess": {"Destination": success}} if success else {}),
            **({"OnFailure": {"Destination": failure}} if failure else {}),
        },
    )


def test_a_function_is_told_of_success(make_function: MakeFunction) -> None:
    listener = make_function(source=TELL)
    function = make_function(source=FATE)
    configure(function, success=listener.arn)

    request_id = send(function, {"a": 1})

    (line,) = wait_until(lambda: listener.log_messages("told"), "the listener was told")
    record = json.loads(line.removeprefix("told "))
    assert record["version"] == "1.0"
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"{function.arn}:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert record["requestPayload"] == {"a": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == {"got": {"a": 1}}


def test_every_destination_gets_its_record(
    server_beside: LocalServer, neighbours: Neighbours, make_function: MakeFunction
) -> None:
    queue, topic = neighbours.queue, neighbours.topic_arn
    function = make_function(source=FATE, on=server_beside, DeadLetterConfig={"TargetArn": topic})

    configure(function, success=queue.arn, failure=neighbours.bus_arn)
    done, failed = send(function, {"a": 1}), send(function, {"fail": True})
    record = json.loads(queue.receive()[0]["Body"])
    event = json.loads(neighbours.behind_bus.receive()[0]["Body"])
    letter = json.loads(neighbours.behind_topic.receive()[0]["Body"])

    assert (record["requestContext"]["requestId"], record["responsePayload"]) == (
        done,
        {"got": {"a": 1}},
    )
    assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
    assert event["detail"]["requestContext"]["requestId"] == failed
    assert event["detail"]["requestContext"]["condition"] == "RetriesExhausted"
    assert event["detail"]["responseContext"]["functionError"] == "Unhandled"
    assert json.loads(letter["Message"]) == {"fail": True}
    assert letter["MessageAttributes"]["ErrorMessage"]["Value"] == "no"

    configure(function, failure=neighbours.bucket_arn)
    failed = send(function, {"fail": True})
    (stored,) = neighbours.objects().values()
    assert json.loads(stored)["requestContext"]["requestId"] == failed


def test_what_nobody_takes_stays_with_us(
    server_beside: LocalServer, neighbours: Neighbours, make_function: MakeFunction
) -> None:
    missing = neighbours.queue.arn + "-that-is-not-there"
    function = make_function(source=FATE, on=server_beside)
    configure(function, failure=missing)

    request_id = send(function, {"fail": True})

    def dead() -> list[dict[str, Any]]:
        found = ask(server_beside, "/_lambdad/events/dead")["Events"]
        return [each for each in found if missing in each["Error"]]

    (event,) = wait_until(dead, "the event is dead")
    assert event["RequestId"] == request_id
    assert "ValueError: no" in event["Error"]


def ask(server: LocalServer, path: str) -> dict[str, Any]:

    return operator_api.ask(Endpoint(server.url, "us-east-1"), "GET", path, {})


LOOP = """
import os

import boto3


def handler(event, context):
    print("round", event["n"])
    if event["n"] < 30:
        boto3.client("lambda").invoke(
            FunctionName=context.function_name,
            InvocationType="Event",
            Payload='{"n": %d}' % (event["n"] + 1),
        )
"""


def test_a_loop_of_events_ends_and_its_last_event_goes_to_the_destination(
    make_function: MakeFunction,
) -> None:
    listener = make_function(source=TELL)
    function = make_function(source=LOOP)
    configure(function, failure=listener.arn)

    send(function, {"n": 1})

    (line,) = wait_until(lambda: listener.log_messages("told"), "the listener was told")
    record = json.loads(line.removeprefix("told "))
    assert record["requestContext"]["condition"] == "RecursiveInvocation"
    assert 15 <= record["requestPayload"]["n"] <= 18
    assert "responsePayload" not in record
