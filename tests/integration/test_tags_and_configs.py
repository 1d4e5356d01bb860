"""As a developer I tag functions, and set how runtimes are managed and loops are met."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from support.functions import DeployedFunction

pytestmark = pytest.mark.slow
MakeFunction = Callable[..., DeployedFunction]


@pytest.fixture(scope="module")
def function(deploy: MakeFunction, namespaces_server: object) -> DeployedFunction:
    """One function for this file; it has a version 1."""
    return deploy(namespaces_server, "echo", Publish=True)


def test_tags_make_the_round_trip(function: DeployedFunction) -> None:
    client, arn = function.client, function.created["FunctionArn"].removesuffix(":1")
    client.tag_resource(Resource=arn, Tags={"team": "ä b", "stage": ""})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "ä b", "stage": ""}
    gone = client.untag_resource(Resource=arn, TagKeys=["stage", "other"])
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "ä b"}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="aliases and ver"):
        client.list_tags(Resource=f"{arn}:1")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.tag_resource(Resource=f"{arn}x", Tags={"a": "b"})
    with pytest.raises(ClientError) as caught:
        client.tag_resource(Resource="arn:aws:s3:::bucket", Tags={"a": "b"})
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_runtimes_are_managed_by_version(function: DeployedFunction) -> None:
    client, name = function.client, function.name
    runtime = client.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]
    put = client.put_runtime_management_config(
        FunctionName=name,
        Qualifier="1",
        UpdateRuntimeOn="Manual",
        RuntimeVersionArn=runtime["RuntimeVersionArn"],
    )
    assert put["RuntimeVersionArn"] == runtime["RuntimeVersionArn"]
    found = client.get_runtime_management_config(FunctionName=name, Qualifier="1")
    assert found["UpdateRuntimeOn"] == "Manual"
    assert client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="Manual")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_runtime_management_config(FunctionName=name, Qualifier="7")


def test_loops_are_allowed(function: DeployedFunction) -> None:
    client, name = function.client, function.name
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    with pytest.raises(ClientError) as caught:
        client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Sometimes")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_recursion_config(FunctionName=f"{name}x")
