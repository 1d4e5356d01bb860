"""As a SAM user I deploy a template: AWS's own translator says what its resources are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from lambdad.testing.server import LocalServer
from support.packages import make_zip
from support.template import Stack

pytestmark = pytest.mark.slow

LOGGING_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"
PACKAGES = {
    "code.zip": make_zip(
        {"app.py": "import greeting\ndef handler(event, context): return greeting.TEXT\n"}
    ),
    "layer.zip": make_zip({"python/greeting.py": "TEXT = 'hello from a layer'\n"}),
}


def template(runtime: str) -> dict[str, Any]:
    """A function with what SAM users give it."""
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Greeting": {
                "Type": "AWS::Serverless::LayerVersion",
                "Properties": {
                    "LayerName": "greeting",
                    "ContentUri": "s3://bucket/layer.zip",
                    "CompatibleRuntimes": [runtime],
                },
            },
            "Orders": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "CodeUri": "s3://bucket/code.zip",
                    "Handler": "app.handler",
                    "Runtime": runtime,
                    "AutoPublishAlias": "live",
                    "Layers": [{"Ref": "Greeting"}],
                    "Tags": {"team": "shop"},
                    "ReservedConcurrentExecutions": 5,
                    "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1},
                    "FunctionUrlConfig": {"AuthType": "NONE"},
                    "EventInvokeConfig": {
                        "MaximumRetryAttempts": 1,
                        "DestinationConfig": {
                            "OnFailure": {"Type": "SQS", "Destination": f"{QUEUE}-failed"}
                        },
                    },
                    "Policies": [
                        "AWSLambdaBasicExecutionRole",
                        {
                            "Statement": [
                                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
                            ]
                        },
                    ],
                    "Events": {
                        "Queue": {"Type": "SQS", "Properties": {"Queue": QUEUE, "BatchSize": 5}},
                        "Hourly": {
                            "Type": "Schedule",
                            "Properties": {"Schedule": "rate(1 hour)"},
                        },
                    },
                },
            },
        },
    }


@pytest.fixture
def stack(
    client_for: Callable[..., Any], server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    stack = Stack(client_for("lambda", server), client_for("iam", server), PACKAGES)
    yield stack
    stack.delete()


def test_a_translated_template_is_applied_and_taken_down(
    stack: Stack, make_function: Callable[..., Any]
) -> None:
    # Given
    client, iam = stack.lambda_client, stack.iam_client
    runtime = make_function("echo").created["Runtime"]
    policies = {"AWSLambdaBasicExecutionRole": LOGGING_POLICY}
    # When
    stack.apply(Translator(policies, Parser()).translate(template(runtime), {}))
    # Then it runs by its alias, with its layer
    name = stack.made["Orders"].ref
    answer = client.invoke(FunctionName=f"{name}:live")
    assert json.loads(answer["Payload"].read()) == "hello from a layer"
    assert answer["ExecutedVersion"] == "1"
    # and everything is as the template says
    function = client.get_function(FunctionName=name)
    assert function["Tags"] == {"team": "shop", "lambda:createdBy": "SAM"}
    assert function["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    role = function["Configuration"]["Role"].rpartition("/")[2]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert LOGGING_POLICY in {each["PolicyArn"] for each in attached}
    (mapping,) = client.list_event_source_mappings(FunctionName=f"{name}:live")[
        "EventSourceMappings"
    ]
    assert (mapping["EventSourceArn"], mapping["BatchSize"]) == (QUEUE, 5)
    policy = json.loads(client.get_policy(FunctionName=name, Qualifier="live")["Policy"])
    assert {statement["Action"] for statement in policy["Statement"]} == {
        "lambda:InvokeFunction",
        "lambda:InvokeFunctionUrl",
    }
    # and afterwards nothing is left
    stack.delete()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=name)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role)
