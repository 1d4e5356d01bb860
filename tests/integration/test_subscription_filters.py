"""As an operator I have a function look at what others log."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.functions import DeployedFunction
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

PRINTS_ITS_LINES = """
import base64, gzip, json
def handler(event, context):
    told = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    print("TOLD " + json.dumps(told))
"""
PRINTS_WHAT_IT_IS_TOLD = "def handler(event, context):\n    for line in event: print(line)\n"


def allow(function: DeployedFunction, **more: Any) -> None:
    function.client.add_permission(
        FunctionName=function.name,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.us-east-1.amazonaws.com",
        **more,
    )


def subscribe(function: DeployedFunction, group: str, pattern: str = "", name: str = "f") -> None:
    function.logs.put_subscription_filter(
        logGroupName=group,
        filterName=name,
        filterPattern=pattern,
        destinationArn=function.arn,
    )


def told(function: DeployedFunction) -> list[dict[str, Any]]:
    lines = function.log_messages("TOLD")
    return [json.loads(line.removeprefix("TOLD ")) for line in lines]


def messages(function: DeployedFunction) -> list[str]:
    return [event["message"].rstrip() for each in told(function) for event in each["logEvents"]]


def test_a_function_gets_the_lines_that_pass(make_function: MakeFunction) -> None:
    # Given a function that logs, and one that has subscribed to its errors
    source = make_function(source=PRINTS_WHAT_IT_IS_TOLD)
    source.call(["ERROR before"])
    target = make_function(source=PRINTS_ITS_LINES)
    allow(target, SourceArn=f"arn:aws:logs:us-east-1:000000000000:log-group:{source.log_group}:*")
    subscribe(target, source.log_group, "ERROR -expected")
    # When
    source.call(["ERROR 1", "INFO 2", "ERROR expected", "ERROR 3"])
    # Then
    wait_until(lambda: messages(target) == ["ERROR 1", "ERROR 3"], "the lines have come")
    (event,) = told(target)
    (stream,) = source.logs.describe_log_streams(logGroupName=source.log_group)["logStreams"]
    assert event["messageType"] == "DATA_MESSAGE"
    assert event["owner"] == "000000000000"
    assert event["logGroup"] == source.log_group
    assert event["logStream"] == stream["logStreamName"]
    assert event["subscriptionFilters"] == ["f"]
    # and as the documentation says, with what GetLogEvents knows of them
    found = source.logs.filter_log_events(logGroupName=source.log_group, filterPattern='"ERROR 1"')
    assert event["logEvents"][0]["id"] == found["events"][0]["eventId"]
    assert event["logEvents"][0]["timestamp"] == found["events"][0]["timestamp"]


def test_each_line_on_disk_is_handed_over_once_also_after_kill_9(
    start_server: Callable[..., LocalServer], deploy: MakeFunction
) -> None:
    # Given a group whose lines a function gets
    server = start_server()
    target = deploy(server, source=PRINTS_ITS_LINES)
    allow(target)
    logs = target.logs
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    subscribe(target, "g")
    # When lines come, and the server is killed again and again, as soon as they are on disk
    written = []
    for number in range(60):
        written.append(f"line {number}")
        event = {"timestamp": int(time.time() * 1000), "message": written[-1]}
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
        if number % 20 == 19:
            server.kill()
            server.start()
            logs = make_client("logs", server.url)
    # Then
    target = DeployedFunction(make_client("lambda", server.url), logs, target.created)
    wait_until(lambda: len(set(messages(target))) == 60, "all lines have come")
    # An event whose function had begun when the server was killed runs again, as on AWS.
    events = {json.dumps(each["logEvents"]) for each in told(target)}
    assert sorted(event["message"] for each in events for event in json.loads(each)) == sorted(
        written
    )


def test_a_function_that_gets_its_own_log_does_not_run_away(make_function: MakeFunction) -> None:
    function = make_function(source=PRINTS_ITS_LINES)
    allow(function)
    function.invoke({"awslogs": {"data": packed({})}})
    subscribe(function, function.log_group)
    subscribe(function, function.log_group, "TOLD", name="g")
    function.invoke({"awslogs": {"data": packed({})}})
    wait_until(lambda: function.starts() > 10, "it runs again and again", timeout=30)
    time.sleep(10)  # in which it could run thousands of times
    assert function.starts() < 50
    for name in ("f", "g"):
        function.logs.delete_subscription_filter(logGroupName=function.log_group, filterName=name)


def packed(document: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()


def test_only_functions_that_cloudwatch_may_invoke_can_subscribe(
    make_function: MakeFunction,
) -> None:
    function = make_function(source=PRINTS_ITS_LINES)
    logs, group = function.logs, function.log_group
    function.invoke({"awslogs": {"data": packed({})}})
    wait_until(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"], "a group")
    refusal = "Could not execute the lambda function. Make sure you have given CloudWatch Logs"
    with pytest.raises(ClientError, match=re.escape(refusal)):
        subscribe(function, group)
    allow(function, SourceArn="arn:aws:logs:us-east-1:000000000000:log-group:/other:*")
    with pytest.raises(ClientError, match=re.escape(refusal)):
        subscribe(function, group)
    function.client.remove_permission(FunctionName=function.name, StatementId="logs")
    allow(function, SourceAccount="000000000000")
    for name in ("a", "b", "a"):
        subscribe(function, group, "never there", name)
    with pytest.raises(logs.exceptions.LimitExceededException):
        subscribe(function, group, name="c")
    found = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert [each["filterName"] for each in found] == ["a", "b"]
    assert found[0]["destinationArn"] == function.arn
    with pytest.raises(logs.exceptions.InvalidParameterException, match="does not support"):
        logs.put_subscription_filter(
            logGroupName=group,
            filterName="a",
            filterPattern="",
            destinationArn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
            roleArn="arn:aws:iam::000000000000:role/r",
        )
