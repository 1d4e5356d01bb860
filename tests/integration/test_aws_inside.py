"""As a function I use the AWS SDK without bringing it, and I am my role."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

# Calls event["operation"] of event["service"], signed with its own credentials or others.
CALL = """
import boto3, botocore.exceptions

def handler(event, context):
    client = boto3.client(event["service"], **event.get("client", {}))
    try:
        answer = getattr(client, event["operation"])(**event.get("parameters", {}))
    except botocore.exceptions.ClientError as error:
        response = error.response
        return {**response["Error"], "status": response["ResponseMetadata"]["HTTPStatusCode"]}
    answer.pop("ResponseMetadata")
    if "Payload" in answer:
        answer["Payload"] = answer["Payload"].read().decode()
    return answer
"""


@on_both
def test_a_function_is_its_role(make_function: MakeFunction) -> None:
    # Given
    role = f"arn:aws:iam::{ACCOUNT}:role/shop/orders"
    function = make_function(source=CALL, Role=role)
    # When
    identity = function.call({"service": "sts", "operation": "get_caller_identity"})
    # Then
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/{function.name}"
    assert identity["UserId"].endswith(f":{function.name}")


@on_both
def test_a_function_sees_the_functions_of_its_account_and_region(
    make_function: MakeFunction,
) -> None:
    # Given
    account = f"{uuid.uuid4().int % 10**12:012d}"
    function = make_function(
        source=CALL, access_key_id=account, region="eu-west-1",
        Role=f"arn:aws:iam::{account}:role/r",
    )  # fmt: skip
    make_function("echo")
    # When
    listed = function.call({"service": "lambda", "operation": "list_functions"})["Functions"]
    # Then
    arn = f"arn:aws:lambda:eu-west-1:{account}:function:{function.name}"
    assert [found["FunctionArn"] for found in listed] == [arn]


@on_both
def test_a_function_invokes_another(make_function: MakeFunction) -> None:
    echo, caller = make_function("echo"), make_function(source=CALL)
    answer = caller.call(
        {
            "service": "lambda",
            "operation": "invoke",
            "parameters": {"FunctionName": echo.name, "Payload": '{"from": "a function"}'},
        }
    )
    assert answer["Payload"] == '{"from": "a function"}'


@pytest.mark.parametrize("key", ["test", "AKIAIOSFODNN7EXAMPLE", "123456789012"])
@on_both
def test_signing_as_somebody_else_is_refused(make_function: MakeFunction, key: str) -> None:
    # Given
    function = make_function(source=CALL)
    other = {"aws_access_key_id": key, "aws_secret_access_key": "x", "aws_session_token": "y"}
    # STS has a word of its own for it
    for service, operation, code in (
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("logs", "describe_log_groups", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
    ):
        # When
        error = function.call({"service": service, "operation": operation, "client": other})
        # Then
        message = "The security token included in the request is invalid."
        assert (error["Code"], error["Message"], error["status"]) == (code, message, 403)


def test_the_region_is_the_environments_whatever_was_signed(make_function: MakeFunction) -> None:
    function = make_function(source=CALL)
    event: dict[str, Any] = {
        "service": "lambda",
        "operation": "get_function_configuration",
        "parameters": {"FunctionName": function.name},
        "client": {"region_name": "ap-southeast-2"},
    }
    assert function.call(event)["FunctionArn"] == function.arn
    assert f":{REGION}:" in function.arn


def test_a_clients_default_session_belongs_to_the_environment(make_function: MakeFunction) -> None:
    source = """
import os, boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Arn"], os.environ["AWS_ACCESS_KEY_ID"]
"""
    first, second = make_function(source=source), make_function(source=source)
    (first_arn, first_key), (second_arn, second_key) = first.call(), second.call()
    assert (first_arn.split("/")[-1], second_arn.split("/")[-1]) == (first.name, second.name)
    assert first_key != second_key


def test_a_function_writes_to_cloudwatch_logs(make_function: MakeFunction) -> None:
    # Given
    source = """
import boto3, time
def handler(event, context):
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=event)
    logs.create_log_stream(logGroupName=event, logStreamName="s")
    line = {"timestamp": int(time.time() * 1000), "message": "from the function"}
    logs.put_log_events(logGroupName=event, logStreamName="s", logEvents=[line])
"""
    function = make_function(source=source)
    group = f"own-{uuid.uuid4().hex[:8]}"
    # When
    function.call(group)
    # Then
    found = function.logs.filter_log_events(logGroupName=group)["events"]
    assert [event["message"] for event in found] == ["from the function"]
    function.logs.delete_log_group(logGroupName=group)
