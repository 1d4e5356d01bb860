"""Event source mappings: created, changed and deleted in steps, and told as AWS tells them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdad.model.event_source_mapping import EventSourceMapping
from lambdad.services.lambda_ import resume
from support.control_plane import ACCOUNT, REGION, Plane, refused

OpenPlane = Callable[[], Awaitable[Plane]]
AT = "eu-central-1:123456789012"
ARN = f"arn:aws:lambda:{AT}:function:echo"
QUEUE = f"arn:aws:sqs:{AT}:jobs"
STREAM = f"arn:aws:kinesis:{AT}:stream/clicks"
GONE = "The resource you requested does not exist."
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def published(plane: Plane) -> Plane:
    """A control plane with `echo`, its version 1 and its alias `live`."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


async def create(plane: Plane, name: str = "echo", **request: Any) -> dict[str, Any]:
    """Call CreateEventSourceMapping, for a queue if nothing else is said."""
    plain = {"FunctionName": name, "EventSourceArn": QUEUE}
    return await plane("CreateEventSourceMapping", **{**plain, **request})


async def created(plane: Plane, name: str = "echo", **request: Any) -> str:
    """The UUID of a new mapping that has settled."""
    answer = await create(plane, name, **request)
    await plane.control.changes.settle()
    return str(answer["UUID"])


async def get(plane: Plane, uuid: str) -> dict[str, Any]:
    return await plane("GetEventSourceMapping", UUID=uuid)


async def update(plane: Plane, uuid: str, **request: Any) -> dict[str, Any]:
    return await plane("UpdateEventSourceMapping", UUID=uuid, **request)


async def listed(plane: Plane, **request: Any) -> list[str]:
    answer = await plane("ListEventSourceMappings", **request)
    return [each["UUID"] for each in answer["EventSourceMappings"]]


def find(plane: Plane, uuid: str) -> EventSourceMapping:
    mapping = plane.control.resources.find(EventSourceMapping, ACCOUNT, REGION, uuid)
    assert mapping is not None
    return mapping


def mapping_in(plane: Plane, uuid: str, state: str) -> EventSourceMapping:
    return replace(find(plane, uuid), state=state)


# Life


async def test_a_queue_is_mapped(published: Plane) -> None:
    # When
    answer = await create(published)
    # Then
    uuid = answer["UUID"]
    assert answer == {
        "UUID": uuid,
        "EventSourceMappingArn": f"arn:aws:lambda:{AT}:event-source-mapping:{uuid}",
        "EventSourceArn": QUEUE,
        "FunctionArn": ARN,
        "LastModified": published.clock.now(),
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "BatchSize": 10,
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
    }
    await published.control.changes.settle()
    assert await get(published, uuid) == {**answer, "State": "Enabled"}


async def test_a_stream_is_mapped(published: Plane) -> None:
    answer = await create(
        published, EventSourceArn=STREAM, StartingPosition="LATEST", Enabled=False
    )
    assert answer == {
        "UUID": answer["UUID"],
        "EventSourceMappingArn": answer["EventSourceMappingArn"],
        "EventSourceArn": STREAM,
        "FunctionArn": ARN,
        "LastModified": published.clock.now(),
        "LastProcessingResult": "No records processed",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "StartingPosition": "LATEST",
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "TumblingWindowInSeconds": 0,
    }
    await published.control.changes.settle()
    assert (await get(published, answer["UUID"]))["State"] == "Disabled"


@pytest.mark.parametrize("named", ["echo:live", f"{ARN}:live", "123456789012:function:echo:live"])
async def test_the_function_is_told_as_it_was_named(published: Plane, named: str) -> None:
    assert (await create(published, named))["FunctionArn"] == f"{ARN}:live"
    assert (await create(published, "echo:$LATEST"))["FunctionArn"] == f"{ARN}:$LATEST"


async def test_an_update_is_told_when_it_has_taken_effect(published: Plane) -> None:
    uuid = await created(published)
    published.clock.advance(5)
    answer = await update(published, uuid, BatchSize=5, FunctionName="echo:live")
    assert (answer["State"], answer["BatchSize"], answer["FunctionArn"]) == ("Updating", 10, ARN)
    assert answer["LastModified"] == published.clock.now()
    await published.control.changes.settle()
    found = await get(published, uuid)
    assert (found["State"], found["BatchSize"]) == ("Enabled", 5)
    assert found["FunctionArn"] == f"{ARN}:live"


async def test_a_mapping_is_disabled_and_enabled(published: Plane) -> None:
    uuid = await created(published)
    for enabled, on_the_way, there in (
        (False, "Disabling", "Disabled"),
        (False, "Updating", "Disabled"),
        (True, "Enabling", "Enabled"),
    ):
        assert (await update(published, uuid, Enabled=enabled))["State"] == on_the_way
        await published.control.changes.settle()
        assert (await get(published, uuid))["State"] == there


async def test_a_mapping_is_deleted_in_steps(published: Plane) -> None:
    uuid = await created(published)
    assert (await published("DeleteEventSourceMapping", UUID=uuid))["State"] == "Deleting"
    await published.control.changes.settle()
    for call in (
        get(published, uuid),
        update(published, uuid),
        published("DeleteEventSourceMapping", UUID=uuid),
    ):
        await refused(call, "ResourceNotFoundException", GONE)


async def test_what_changes_cannot_be_changed(published: Plane) -> None:
    # Given
    uuid = await created(published)
    await published.control.resources.save(mapping_in(published, uuid, "Updating"))
    # When, Then
    message = "Cannot {} the event source mapping because it is in use."
    await refused(update(published, uuid), "ResourceInUseException", message.format("update"))
    await refused(
        published("DeleteEventSourceMapping", UUID=uuid),
        "ResourceInUseException",
        message.format("delete"),
    )
    await resume(published.control)
    await published.control.changes.settle()
    await update(published, uuid)


@pytest.mark.parametrize(
    ("state", "there"), [("Creating", "Enabled"), ("Updating", "Enabled"), ("Deleting", None)]
)
async def test_a_killed_server_leaves_no_change_unfinished(
    open_plane: OpenPlane, state: str, there: str | None
) -> None:
    # Given a server that was killed on the way
    first = await open_plane()
    await first.create("echo")
    uuid = await created(first)
    await first.control.resources.save(mapping_in(first, uuid, state))
    # When the next one resumes
    second = await open_plane()
    assert (await get(second, uuid))["State"] == state
    await resume(second.control)
    await second.control.changes.settle()
    # Then
    if there is None:
        await refused(get(second, uuid), "ResourceNotFoundException", GONE)
    else:
        assert (await get(second, uuid))["State"] == there


async def test_a_full_disk_holds_a_change_back_and_does_not_end_it(
    published: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a disk that is full once the mapping has been accepted
    save, saved = published.control.resources.save, []

    async def save_or_fail(*resources: Any, **more: Any) -> None:
        saved.append(resources)
        if len(saved) == 2:
            raise OSError(28, "No space left on device")
        await save(*resources, **more)

    monkeypatch.setattr("lambdad.services.lambda_.changes.SAVE_AGAIN_AFTER", 0)
    monkeypatch.setattr(published.control.resources, "save", save_or_fail)
    # When
    uuid = await created(published)
    # Then
    assert len(saved) == 3
    assert (await get(published, uuid))["State"] == "Enabled"


async def test_a_mapping_outlives_its_function(published: Plane) -> None:
    uuid = await created(published)
    await published("DeleteFunction", FunctionName="echo")
    assert (await get(published, uuid))["State"] == "Enabled"
    assert await listed(published, FunctionName="echo") == [uuid]
    await update(published, uuid, BatchSize=3)


# What is refused


@pytest.mark.parametrize("name", ["nobody", "echo:2", "echo:other"])
async def test_a_mapping_needs_its_function(published: Plane, name: str) -> None:
    message = f"Function not found: {ARN.removesuffix('echo')}{name}"
    await refused(create(published, name), "ResourceNotFoundException", message)
    uuid = await created(published)
    call = update(published, uuid, FunctionName=name)
    await refused(call, "ResourceNotFoundException", message)


async def test_a_queue_is_mapped_to_a_function_once(published: Plane) -> None:
    uuid = await created(published)
    await refused(
        create(published),
        "ResourceConflictException",
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" echo ") already '
        f"exists. Please update or delete the existing mapping with UUID {uuid}",
    )
    other = await created(published, "echo:live")
    call = update(published, other, FunctionName="echo")
    await refused(call, "ResourceConflictException")


async def test_a_stream_is_mapped_to_a_function_once(published: Plane) -> None:
    request = {"EventSourceArn": STREAM, "StartingPosition": "LATEST"}
    uuid = await created(published, "echo:live", **request)
    await refused(
        create(published, "echo:live", **request),
        "ResourceConflictException",
        f'The event source arn (" {STREAM} ") and function (" echo:live ") provided mapping '
        f"already exists. Please update or delete the existing mapping with UUID {uuid}",
    )


async def test_a_consumer_group_is_used_once(published: Plane) -> None:
    kafka = {
        "EventSourceArn": f"arn:aws:kafka:{AT}:cluster/c/1",
        "StartingPosition": "LATEST",
        "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "group"},
    }
    await created(published, **kafka, Topics=["a1"])
    call = create(published, **kafka, Topics=["b1"])
    await refused(call, "InvalidParameterValueException")
    call = create(published, **kafka, Topics=["a1"])
    await refused(call, "ResourceConflictException")


async def test_tags_are_kept_within_the_rules(published: Plane) -> None:
    uuid = await created(published, Tags={"team": "a"})
    assert find(published, uuid).tags == {"team": "a"}
    call = create(published, "echo:live", Tags={"aws:x": "y"})
    await refused(call, "InvalidParameterValueException")


async def test_nobody_else_sees_a_mapping(published: Plane) -> None:
    uuid = await created(published)
    for elsewhere in ({"account_id": "210987654321"}, {"region": "us-east-1"}):
        call = published("GetEventSourceMapping", UUID=uuid, **elsewhere)
        await refused(call, "ResourceNotFoundException", GONE)
        assert await listed(published, **elsewhere) == []
    await refused(get(published, NOBODY), "ResourceNotFoundException", GONE)


# Lists


async def test_mappings_are_listed_by_function_and_source(published: Plane) -> None:
    stream = {"EventSourceArn": STREAM, "StartingPosition": "LATEST"}
    queue = await created(published)
    clicks = await created(published, **stream)
    live = await created(published, "echo:live")
    assert await listed(published) == sorted([queue, clicks, live])
    assert await listed(published, FunctionName="echo") == sorted([queue, clicks])
    assert await listed(published, FunctionName="echo:live") == [live]
    assert await listed(published, EventSourceArn=QUEUE) == sorted([queue, live])
    assert await listed(published, FunctionName=ARN, EventSourceArn=STREAM) == [clicks]
    assert await listed(published, FunctionName="nobody") == []


async def test_a_page_has_at_most_a_hundred_mappings(published: Plane) -> None:
    for number in range(101):
        await create(published, EventSourceArn=f"{QUEUE}-{number}")
    first = await published("ListEventSourceMappings", MaxItems=1000)
    assert len(first["EventSourceMappings"]) == 100
    rest = await published("ListEventSourceMappings", Marker=first["NextMarker"])
    assert len(rest["EventSourceMappings"]) == 1
    assert "NextMarker" not in rest


async def test_filters_with_a_key_of_their_own_are_not_listed(published: Plane) -> None:
    filters = {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}
    key = f"arn:aws:kms:{AT}:key/1"
    uuid = await created(published, FilterCriteria=filters, KMSKeyArn=key)
    (told,) = (await published("ListEventSourceMappings"))["EventSourceMappings"]
    assert "FilterCriteria" not in told
    assert (await get(published, uuid))["FilterCriteria"] == filters
    await update(published, uuid, KMSKeyArn="")
    await published.control.changes.settle()
    (told,) = (await published("ListEventSourceMappings"))["EventSourceMappings"]
    assert told["FilterCriteria"] == filters
