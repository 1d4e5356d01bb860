"""As a developer I say what invokes my functions, and what becomes of their asynchronous events."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.waiting import wait_until

pytestmark = pytest.mark.slow
MakeFunction = Callable[..., DeployedFunction]
AT = f"{REGION}:{ACCOUNT}"


@pytest.fixture(scope="module")
def function(deploy: MakeFunction, namespaces_server: LocalServer) -> DeployedFunction:
    """One function for this file, with a version 1 and the alias `live`."""
    function = deploy(namespaces_server, "echo", Publish=True)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    return function


@pytest.fixture
def queue() -> str:
    """The ARN of a queue that no other test maps."""
    return f"arn:aws:sqs:{AT}:jobs-{uuid.uuid4().hex[:10]}"


def arn_of(function: DeployedFunction) -> str:
    return f"arn:aws:lambda:{AT}:function:{function.name}"


def pages(client: Any, operation: str, member: str, **request: Any) -> list[Any]:
    """Everything that an operation lists, one to a page."""
    paginator = client.get_paginator(operation)
    found = paginator.paginate(**request, PaginationConfig={"PageSize": 1})
    return [each for page in found for each in page[member]]


@contextmanager
def refused(code: str, message: str = "") -> Iterator[None]:
    with pytest.raises(ClientError, match=re.escape(message)) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code


# Event invoke configs


def test_event_invoke_configs_make_the_round_trip(function: DeployedFunction) -> None:
    client, name = function.client, function.name
    destinations = {
        "OnSuccess": {"Destination": f"arn:aws:sns:{AT}:done"},
        "OnFailure": {"Destination": "arn:aws:s3:::failed"},
    }
    put = client.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=destinations
    )
    assert put["FunctionArn"] == f"{arn_of(function)}:$LATEST"
    assert put["DestinationConfig"] == destinations
    assert abs((datetime.now(UTC) - put["LastModified"]).total_seconds()) < 60
    client.put_function_event_invoke_config(
        FunctionName=name, Qualifier="live", MaximumRetryAttempts=2
    )
    updated = client.update_function_event_invoke_config(
        FunctionName=name, Qualifier="$LATEST", MaximumEventAgeInSeconds=60
    )
    got = client.get_function_event_invoke_config(FunctionName=f"{name}:$LATEST")
    for answer in (updated, got):
        assert (answer["MaximumRetryAttempts"], answer["MaximumEventAgeInSeconds"]) == (0, 60)
    listed = pages(
        client,
        "list_function_event_invoke_configs",
        "FunctionEventInvokeConfigs",
        FunctionName=name,
    )
    assert [each["FunctionArn"].rpartition(":")[2] for each in listed] == ["$LATEST", "live"]
    deleted = client.delete_function_event_invoke_config(FunctionName=name)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    message = f"The function {arn_of(function)}:$LATEST doesn't have an EventInvokeConfig"
    with refused("ResourceNotFoundException", message):
        client.get_function_event_invoke_config(FunctionName=name)


def test_event_invoke_configs_are_validated(function: DeployedFunction) -> None:
    put, name = function.client.put_function_event_invoke_config, function.name
    with refused("ValidationException", "maximumRetryAttempts"):
        put(FunctionName=name, MaximumRetryAttempts=3)
    with refused("ValidationException", "destinationConfig.onFailure.destination"):
        put(FunctionName=name, DestinationConfig={"OnFailure": {"Destination": "queue"}})
    with refused("InvalidParameterValueException", "FIFO"):
        fifo = {"OnFailure": {"Destination": f"arn:aws:sqs:{AT}:q.fifo"}}
        put(FunctionName=name, DestinationConfig=fifo)
    with refused("ResourceNotFoundException", "The function doesn't exist."):
        put(FunctionName=f"{name}-x", MaximumRetryAttempts=1)


# Function URLs


def test_function_urls_make_the_round_trip(function: DeployedFunction, server: LocalServer) -> None:
    client, name = function.client, function.name
    cors = {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "MaxAge": 5, "AllowCredentials": False}
    created = client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors=cors)
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["Cors"] == cors
    port = server.url.rpartition(":")[2]
    address = rf"http://[a-z0-9]{{32}}\.lambda-url\.{REGION}\.localhost:{port}/"
    assert re.fullmatch(address, created["FunctionUrl"])
    assert "LastModifiedTime" not in created
    alias = client.create_function_url_config(
        FunctionName=name, Qualifier="live", AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )
    assert alias["FunctionArn"] == f"{arn_of(function)}:live"
    updated = client.update_function_url_config(FunctionName=name, AuthType="NONE", Cors={})
    got = client.get_function_url_config(FunctionName=name)
    for answer in (updated, got):
        assert (answer["AuthType"], answer["InvokeMode"]) == ("NONE", "BUFFERED")
        assert answer["FunctionUrl"] == created["FunctionUrl"]
        assert answer["CreationTime"] == created["CreationTime"]
        assert "Cors" not in answer
    listed = pages(client, "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name)
    addresses = [created["FunctionUrl"], alias["FunctionUrl"]]
    assert [each["FunctionUrl"] for each in listed] == addresses
    with refused("ResourceConflictException", "FunctionUrlConfig exists for this Lambda function"):
        client.create_function_url_config(FunctionName=name, AuthType="NONE")
    deleted = client.delete_function_url_config(FunctionName=name)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("ResourceNotFoundException", "The resource you requested does not exist."):
        client.get_function_url_config(FunctionName=name)


def test_function_urls_are_validated(function: DeployedFunction) -> None:
    create, name = function.client.create_function_url_config, function.name
    with refused("ValidationException", "cors.allowMethods"):
        create(FunctionName=name, AuthType="NONE", Cors={"AllowMethods": ["OPTIONS"]})
    with refused("ValidationException", "authType"):
        create(FunctionName=name, AuthType="SOME")
    for qualifier in ("1", "$LATEST"):
        with refused("ValidationException", "qualifier"):
            create(FunctionName=name, AuthType="NONE", Qualifier=qualifier)


# Event source mappings


def test_event_source_mappings_make_the_round_trip(function: DeployedFunction, queue: str) -> None:
    # Given
    client = function.client
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["a", {"prefix": "b"}]}})}]}
    created = client.create_event_source_mapping(
        FunctionName=f"{function.name}:live",
        EventSourceArn=queue,
        BatchSize=100,
        MaximumBatchingWindowInSeconds=1,
        FilterCriteria=filters,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 5},
        Tags={"team": "a"},
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert created["State"] == "Creating"
    assert created["FunctionArn"] == f"{arn_of(function)}:live"
    id = created["UUID"]

    def settled(state: str) -> dict[str, Any]:
        def is_there() -> dict[str, Any] | None:
            found: dict[str, Any] = client.get_event_source_mapping(UUID=id)
            return found if found["State"] == state else None

        found = wait_until(is_there, state)
        assert found is not None
        return found

    assert settled("Enabled")["FilterCriteria"] == filters
    # When
    updated = client.update_event_source_mapping(UUID=id, Enabled=False, FilterCriteria={})
    # Then
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert updated["State"] == "Disabling"
    assert "FilterCriteria" not in settled("Disabled")
    for by in ({"EventSourceArn": queue}, {"FunctionName": f"{function.name}:live"}):
        (listed,) = client.list_event_source_mappings(**by)["EventSourceMappings"]
        assert (listed["UUID"], listed["State"]) == (id, "Disabled")
    with refused("ResourceConflictException", f"existing mapping with UUID {id}"):
        client.create_event_source_mapping(
            FunctionName=f"{function.name}:live", EventSourceArn=queue
        )
    deleted = client.delete_event_source_mapping(UUID=id)
    assert (deleted["State"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("Deleting", 202)

    def is_gone() -> bool:
        try:
            client.get_event_source_mapping(UUID=id)
        except client.exceptions.ResourceNotFoundException:
            return True
        return False

    wait_until(is_gone, "the mapping is gone")


def test_every_kind_of_source_is_mapped_and_listed_in_pages(function: DeployedFunction) -> None:
    client, salt = function.client, uuid.uuid4().hex[:8]
    secret = {"Type": "BASIC_AUTH", "URI": f"arn:aws:secretsmanager:{AT}:secret:s"}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    sources: list[dict[str, Any]] = [
        {"EventSourceArn": f"arn:aws:sqs:{AT}:{salt}.fifo"},
        {
            "EventSourceArn": f"arn:aws:kinesis:{AT}:stream/{salt}",
            "StartingPosition": "AT_TIMESTAMP",
            "StartingPositionTimestamp": moment,
        },
        {
            "EventSourceArn": f"arn:aws:dynamodb:{AT}:table/{salt}/stream/2026-01-01T00:00:00.000",
            "StartingPosition": "LATEST",
        },
        {
            "EventSourceArn": f"arn:aws:kafka:{AT}:cluster/{salt}/1",
            "StartingPosition": "LATEST",
            "Topics": ["orders"],
        },
        {
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [f"{salt}:9092"]}},
            "Topics": ["orders"],
            "SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"},
        },
        {
            "EventSourceArn": f"arn:aws:mq:{AT}:broker:{salt}:b-1",
            "Queues": ["jobs"],
            "SourceAccessConfigurations": [secret],
        },
        {
            "EventSourceArn": f"arn:aws:rds:{AT}:cluster:{salt}",
            "StartingPosition": "TRIM_HORIZON",
            "DocumentDBEventSourceConfig": {"DatabaseName": "shop"},
            "SourceAccessConfigurations": [secret],
        },
    ]
    created = [
        client.create_event_source_mapping(FunctionName=f"{function.name}:1", **source)
        for source in sources
    ]
    for source, answer in zip(sources, created, strict=True):
        for member in source.keys() - {"SelfManagedKafkaEventSourceConfig"}:
            if member != "DocumentDBEventSourceConfig":
                assert answer[member] == source[member]
    listed = pages(
        client,
        "list_event_source_mappings",
        "EventSourceMappings",
        FunctionName=f"{function.name}:1",
    )
    assert [each["UUID"] for each in listed] == sorted(each["UUID"] for each in created)


def test_event_source_mappings_are_validated(function: DeployedFunction, queue: str) -> None:
    client, name = function.client, function.name
    create = client.create_event_source_mapping
    with refused("ValidationException", "batchSize"):
        create(FunctionName=name, EventSourceArn=queue, BatchSize=10_001)
    with refused("ValidationException", "scalingConfig.maximumConcurrency"):
        create(FunctionName=name, EventSourceArn=queue, ScalingConfig={"MaximumConcurrency": 1_001})
    with refused(
        "InvalidParameterValueException",
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10",
    ):
        create(FunctionName=name, EventSourceArn=queue, BatchSize=11)
    with refused("InvalidParameterValueException", "Unrecognized event source."):
        create(FunctionName=name)
    with refused("ResourceNotFoundException", "Function not found: "):
        create(FunctionName=f"{name}-x", EventSourceArn=queue)
    with refused("ResourceNotFoundException", "The resource you requested does not exist."):
        client.update_event_source_mapping(UUID=str(uuid.uuid4()))
    assert client.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"] == []
