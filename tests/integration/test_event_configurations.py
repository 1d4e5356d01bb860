"""As a developer I configure how events reach my functions: mappings, retries, URLs."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


def queue(function: DeployedFunction, suffix: str = "") -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{function.name}{suffix}"


def wait_for(client: Any, uuid: str, state: str) -> dict[str, Any]:
    def found() -> dict[str, Any]:
        mapping: dict[str, Any] = client.get_event_source_mapping(UUID=uuid)
        return mapping if mapping["State"] == state else {}

    return wait_until(found, f"the mapping is {state}")


def test_a_mapping_is_created_changed_listed_and_deleted(make_function: MakeFunction) -> None:
    # Given
    function = make_function("echo")
    client = function.client
    created = client.create_event_source_mapping(
        FunctionName=function.name,
        EventSourceArn=queue(function),
        BatchSize=5,
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
        Tags={"team": "a"},
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert created["State"] == "Creating"
    mapping = wait_for(client, created["UUID"], "Enabled")
    assert mapping["FunctionArn"] == function.arn
    assert mapping["LastModified"].year >= 2026
    # When
    client.update_event_source_mapping(UUID=created["UUID"], Enabled=False)
    wait_for(client, created["UUID"], "Disabled")
    # Then
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=function.name)
    assert [each["UUID"] for page in pages for each in page["EventSourceMappings"]] == [
        created["UUID"]
    ]
    assert client.delete_event_source_mapping(UUID=created["UUID"])["State"] == "Deleting"
    missing = client.exceptions.ResourceNotFoundException

    def is_gone() -> bool:
        try:
            client.get_event_source_mapping(UUID=created["UUID"])
        except missing:
            return True
        return False

    wait_until(is_gone, "the mapping is gone")


def test_a_stream_starts_at_a_moment(make_function: MakeFunction) -> None:
    function = make_function("echo")
    created = function.client.create_event_source_mapping(
        FunctionName=function.name,
        EventSourceArn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{function.name}",
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=1_700_000_000,
    )
    assert created["StartingPositionTimestamp"].timestamp() == 1_700_000_000
    with pytest.raises(function.client.exceptions.InvalidParameterValueException):
        function.client.create_event_source_mapping(
            FunctionName=function.name,
            EventSourceArn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/other",
        )


def test_an_event_invoke_config_is_put_merged_listed_and_deleted(
    make_function: MakeFunction,
) -> None:
    function = make_function("echo")
    client, name = function.client, function.name
    client.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue(function, "-failed")}},
    )
    client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=90)
    found = client.get_function_event_invoke_config(FunctionName=name)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 90)
    assert found["FunctionArn"] == f"{function.arn}:$LATEST"
    assert found["LastModified"].year >= 2026
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(FunctionName=name)
    assert len([each for page in pages for each in page["FunctionEventInvokeConfigs"]]) == 1
    client.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName=name)


def test_a_url_is_created_changed_listed_and_deleted(make_function: MakeFunction) -> None:
    function = make_function("echo")
    client, name = function.client, function.name
    created = client.create_function_url_config(
        FunctionName=name, AuthType="NONE", Cors={"AllowOrigins": ["https://example.com"]}
    )
    address = urllib.parse.urlsplit(created["FunctionUrl"])
    assert str(address.hostname).endswith(f".lambda-url.{REGION}.localhost")
    client.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    found = client.get_function_url_config(FunctionName=name)
    assert (found["AuthType"], found["FunctionUrl"]) == ("AWS_IAM", created["FunctionUrl"])
    pages = client.get_paginator("list_function_url_configs").paginate(FunctionName=name)
    assert [each["FunctionUrl"] for page in pages for each in page["FunctionUrlConfigs"]] == [
        created["FunctionUrl"]
    ]
    with pytest.raises(client.exceptions.ResourceConflictException, match="exists for this"):
        client.create_function_url_config(FunctionName=name, AuthType="NONE")
    client.delete_function_url_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_url_config(FunctionName=name)
