"""Event source mappings: every kind of source, every rule, every state."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.control_plane import Plane, refused

IN_ACCOUNT = "eu-central-1:123456789012"
FUNCTION = f"arn:aws:lambda:{IN_ACCOUNT}:function:echo"
QUEUE = f"arn:aws:sqs:{IN_ACCOUNT}:orders"
STREAM = f"arn:aws:kinesis:{IN_ACCOUNT}:stream/clicks"
TABLE = f"arn:aws:dynamodb:{IN_ACCOUNT}:table/t/stream/2026-01-01T00:00:00.000"
CLUSTER = f"arn:aws:kafka:{IN_ACCOUNT}:cluster/c/11111111-2222-3333-4444-555555555555-1"
BROKER = f"arn:aws:mq:{IN_ACCOUNT}:broker:b:b-1"
DOCUMENTS = f"arn:aws:rds:{IN_ACCOUNT}:cluster:docs"
SECRET = f"arn:aws:secretsmanager:{IN_ACCOUNT}:secret:s"
BASIC = [{"Type": "BASIC_AUTH", "URI": SECRET}]
KAFKA = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["broker.example:9092"]}}

# The least that a mapping of each kind of source needs.
LEAST: dict[str, dict[str, Any]] = {
    "sqs": {"EventSourceArn": QUEUE},
    "fifo": {"EventSourceArn": f"{QUEUE}.fifo"},
    "kinesis": {"EventSourceArn": STREAM, "StartingPosition": "LATEST"},
    "consumer": {
        "EventSourceArn": f"{STREAM}/consumer/c:1",
        "StartingPosition": "TRIM_HORIZON",
    },
    "dynamodb": {"EventSourceArn": TABLE, "StartingPosition": "LATEST"},
    "msk": {"EventSourceArn": CLUSTER, "StartingPosition": "LATEST", "Topics": ["t"]},
    "kafka": {
        "SelfManagedEventSource": KAFKA,
        "StartingPosition": "LATEST",
        "Topics": ["t"],
        "SourceAccessConfigurations": BASIC,
    },
    "mq": {
        "EventSourceArn": BROKER,
        "Queues": ["q"],
        "SourceAccessConfigurations": BASIC,
    },
    "documentdb": {
        "EventSourceArn": DOCUMENTS,
        "StartingPosition": "LATEST",
        "DocumentDBEventSourceConfig": {"DatabaseName": "d"},
        "SourceAccessConfigurations": BASIC,
    },
}


@pytest.fixture
async def plane(plane: Plane) -> Plane:
    """A control plane with the function `echo`."""
    await plane.create("echo", Publish=True)
    return plane


async def create(plane: Plane, kind: str = "sqs", **request: Any) -> dict[str, Any]:
    request = {"FunctionName": "echo", **LEAST[kind], **request}
    return await plane("CreateEventSourceMapping", **request)


@pytest.mark.parametrize("kind", LEAST)
async def test_every_kind_of_source_is_mapped_with_its_defaults(plane: Plane, kind: str) -> None:
    # Given
    created = await create(plane, kind)
    assert created["State"] == "Creating"
    assert created["FunctionArn"] == FUNCTION
    assert created["BatchSize"] == (10 if kind in ("sqs", "fifo") else 100)
    # When
    await plane.control.changes.settle()
    # Then
    found = await plane("GetEventSourceMapping", UUID=created["UUID"])
    assert found == {**created, "State": "Enabled"}
    for member, value in LEAST[kind].items():
        assert found[member] == value
    if kind in ("kinesis", "consumer", "dynamodb"):
        assert found["MaximumRetryAttempts"] == found["MaximumRecordAgeInSeconds"] == -1
        assert found["ParallelizationFactor"] == 1


async def test_a_mapping_changes_and_goes_by_way_of_its_states(plane: Plane) -> None:
    uuid = (await create(plane, Enabled=False))["UUID"]
    await plane.control.changes.settle()
    states = []
    for change in ({"Enabled": True}, {"BatchSize": 5}, {"Enabled": False}):
        states.append((await plane("UpdateEventSourceMapping", UUID=uuid, **change))["State"])
        await plane.control.changes.settle()
        states.append((await plane("GetEventSourceMapping", UUID=uuid))["State"])
    states.append((await plane("DeleteEventSourceMapping", UUID=uuid))["State"])
    assert states == [
        *("Enabling", "Enabled", "Updating", "Enabled", "Disabling", "Disabled", "Deleting")
    ]
    await plane.control.changes.settle()
    await refused(
        plane("GetEventSourceMapping", UUID=uuid),
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )


async def test_a_mapping_that_changes_is_in_use(plane: Plane) -> None:
    uuid = (await create(plane))["UUID"]
    for verb in ("update", "delete"):
        await refused(
            plane(f"{verb.title()}EventSourceMapping", UUID=uuid),
            "ResourceInUseException",
            f"Cannot {verb} the event source mapping because it is in use.",
        )


async def test_a_change_is_taken_up_after_a_restart(
    plane: Plane, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    uuid = (await create(plane))["UUID"]
    await plane.control.changes.stop()
    again = await open_plane()
    assert (await again("GetEventSourceMapping", UUID=uuid))["State"] == "Creating"
    await again.resume()
    assert (await again("GetEventSourceMapping", UUID=uuid))["State"] == "Enabled"


async def test_a_function_reads_a_source_once(plane: Plane) -> None:
    first = await create(plane)
    await refused(
        create(plane),
        "ResourceConflictException",
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" echo ") already '
        f"exists. Please update or delete the existing mapping with UUID {first['UUID']}",
    )
    other = await create(plane, FunctionName="echo:1")
    assert other["FunctionArn"] == f"{FUNCTION}:1"


async def test_mappings_are_listed_by_function_and_source(plane: Plane) -> None:
    queue = (await create(plane))["UUID"]
    await create(plane, "kinesis")
    versions = (await create(plane, FunctionName="echo:1"))["UUID"]

    async def listed(**request: Any) -> set[str]:
        page = await plane("ListEventSourceMappings", **request)
        return {each["UUID"] for each in page["EventSourceMappings"]}

    assert await listed(EventSourceArn=QUEUE) == {queue, versions}
    assert await listed(FunctionName="echo:1") == {versions}
    assert await listed(FunctionName=FUNCTION, EventSourceArn=QUEUE) == {queue}
    first = await plane("ListEventSourceMappings", MaxItems=2)
    rest = await plane("ListEventSourceMappings", Marker=first["NextMarker"])
    assert len(first["EventSourceMappings"]) == 2
    assert len(rest["EventSourceMappings"]) == 1


async def test_mappings_outlive_their_function(plane: Plane) -> None:
    uuid = (await create(plane))["UUID"]
    await plane("DeleteFunction", FunctionName="echo")
    assert (await plane("GetEventSourceMapping", UUID=uuid))["FunctionArn"] == FUNCTION


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("sqs", {"ParallelizationFactor": 2}, "Unsupported ParallelizationFactor parameter"),
    ("sqs", {"StartingPosition": "LATEST"}, "Unsupported StartingPosition parameter"),
    ("kinesis", {"ScalingConfig": {"MaximumConcurrency": 2}}, "Unsupported ScalingConfig"),
    ("kinesis", {"Topics": ["t"]}, "Unsupported Topics parameter"),
    ("mq", {"BisectBatchOnFunctionError": True}, "Unsupported BisectBatchOnFunctionError"),
    ("sqs", {"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
    ("fifo", {"BatchSize": 11}, "less than or equal to 10"),
    ("fifo", {"MaximumBatchingWindowInSeconds": 1}, "not supported for FIFO queues"),
    ("kinesis", {"StartingPosition": None}, "Value null at 'startingPosition'"),
    ("kinesis", {"StartingPosition": "AT_TIMESTAMP"}, "'startingPositionTimestamp'"),
    ("kinesis", {"StartingPositionTimestamp": 1.0}, "only be used with"),
    (
        "kinesis",
        {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 9e9},
        "cannot be in the future",
    ),
    ("dynamodb", {"StartingPosition": "AT_TIMESTAMP"}, "Unsupported starting position"),
    ("kinesis", {"MaximumRecordAgeInSeconds": 59}, "at least 60"),
    ("kinesis", {"TumblingWindowInSeconds": 5, "ParallelizationFactor": 2}, "Tumbling"),
    ("kinesis", {"DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}}, "OnFailure"),
    ("kinesis", {"DestinationConfig": {"OnFailure": {"Destination": STREAM}}}, "no SQS queue"),
    ("msk", {"Topics": None}, "Value null at 'topics'"),
    ("msk", {"SourceAccessConfigurations": [{"Type": "VIRTUAL_HOST", "URI": "/"}]}, "VIRTUAL"),
    ("kafka", {"SelfManagedEventSource": {"Endpoints": {}}}, "KAFKA_BOOTSTRAP_SERVERS"),
    (
        "kafka",
        {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["host"]}}},
        "host:port",
    ),
    (
        "kafka",
        {"SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"}},
        "not supported when ConsumptionMode is Queue",
    ),
    ("kafka", {"EventSourceArn": CLUSTER}, "Only one of"),
    ("mq", {"SourceAccessConfigurations": [{"Type": "VIRTUAL_HOST", "URI": "/"}]}, "BASIC_AUTH"),
    ("documentdb", {"DocumentDBEventSourceConfig": {"CollectionName": "c"}}, "databaseName"),
    ("sqs", {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "Invalid filter pattern"),
    ("sqs", {"FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 11}}, "more than 10"),
    (
        "sqs",
        {
            "ScalingConfig": {"MaximumConcurrency": 2},
            "ProvisionedPollerConfig": {"MinimumPollers": 2},
        },
        "cannot be used together",
    ),
    ("sqs", {"ProvisionedPollerConfig": {"MinimumPollers": 1}}, "at least 2"),
    (
        "msk",
        {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}},
        "must not be greater",
    ),
    ("sqs", {"EventSourceArn": None}, "EventSourceArn or SelfManagedEventSource is required"),
    ("sqs", {"EventSourceArn": f"arn:aws:s3:{IN_ACCOUNT}:b"}, "Unrecognized event source"),
    ("sqs", {"Tags": {"aws:x": "1"}}, "reserved"),
]


@pytest.mark.parametrize(("kind", "request_", "message"), BROKEN)
async def test_a_setting_that_breaks_a_rule_is_refused(
    plane: Plane, kind: str, request_: dict[str, Any], message: str
) -> None:
    request = {**LEAST[kind], **request_, "FunctionName": "echo"}
    given = {member: value for member, value in request.items() if value is not None}
    error = await refused(
        plane("CreateEventSourceMapping", **given), "InvalidParameterValueException"
    )
    assert message in error.message
    assert (await plane("ListEventSourceMappings"))["EventSourceMappings"] == []


async def test_an_update_is_held_against_the_whole(plane: Plane) -> None:
    uuid = (await create(plane))["UUID"]
    await plane.control.changes.settle()
    await refused(
        plane("UpdateEventSourceMapping", UUID=uuid, BatchSize=100),
        "InvalidParameterValueException",
    )
    updated = await plane(
        "UpdateEventSourceMapping", UUID=uuid, BatchSize=100, MaximumBatchingWindowInSeconds=1
    )
    assert updated["BatchSize"] == 100
    await plane.control.changes.settle()
    criteria = {"Filters": [{"Pattern": json.dumps({"body": {"a": [1]}})}]}
    updated = await plane("UpdateEventSourceMapping", UUID=uuid, FilterCriteria=criteria)
    assert updated["FilterCriteria"] == criteria


async def test_a_mapping_needs_its_function(plane: Plane) -> None:
    await refused(
        create(plane, FunctionName="nobody"),
        "ResourceNotFoundException",
        f"Function not found: arn:aws:lambda:{IN_ACCOUNT}:function:nobody",
    )
