"""Event invoke configs: retries, age and destinations of asynchronous invocations."""

from __future__ import annotations

import pytest

from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:failed"
BUCKET = "arn:aws:s3:::failed"


async def test_put_replaces_and_update_merges(plane: Plane) -> None:
    # Given
    await plane.create("echo")
    put = await plane(
        "PutFunctionEventInvokeConfig",
        FunctionName="echo",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    assert put == {
        "FunctionArn": f"{ARN}:$LATEST",
        "LastModified": plane.clock.now(),
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}},
    }
    # When
    updated = await plane(
        "UpdateFunctionEventInvokeConfig", FunctionName="echo", MaximumEventAgeInSeconds=60
    )
    # Then
    assert updated == {**put, "MaximumEventAgeInSeconds": 60}
    assert await plane("GetFunctionEventInvokeConfig", FunctionName="echo:$LATEST") == updated
    again = await plane("PutFunctionEventInvokeConfig", FunctionName="echo")
    assert again["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    assert "MaximumRetryAttempts" not in again


async def test_each_qualifier_has_its_own_and_they_are_listed(plane: Plane) -> None:
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    for qualifier in ("$LATEST", "1", "live"):
        await plane("PutFunctionEventInvokeConfig", FunctionName="echo", Qualifier=qualifier)
    first = await plane("ListFunctionEventInvokeConfigs", FunctionName="echo", MaxItems=2)
    rest = await plane(
        "ListFunctionEventInvokeConfigs", FunctionName="echo", Marker=first["NextMarker"]
    )
    configs = first["FunctionEventInvokeConfigs"] + rest["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"] for each in configs] == [
        f"{ARN}:$LATEST",
        f"{ARN}:1",
        f"{ARN}:live",
    ]
    # What belongs to an alias goes with it
    await plane("DeleteAlias", FunctionName="echo", Name="live")
    await refused(
        plane("GetFunctionEventInvokeConfig", FunctionName="echo:live"),
        "ResourceNotFoundException",
        f"The function {ARN}:live doesn't have an EventInvokeConfig",
    )


async def test_what_is_not_there_cannot_be_configured_changed_or_deleted(plane: Plane) -> None:
    await refused(
        plane("PutFunctionEventInvokeConfig", FunctionName="echo:3"),
        "ResourceNotFoundException",
        f"Function not found: {ARN}:3",
    )
    await plane.create("echo")
    for operation in ("Get", "Delete", "Update"):
        await refused(
            plane(f"{operation}FunctionEventInvokeConfig", FunctionName="echo"),
            "ResourceNotFoundException",
            f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
        )


@pytest.mark.parametrize(
    ("condition", "arn"),
    [
        ("OnSuccess", BUCKET),
        ("OnFailure", f"{QUEUE}.fifo"),
        ("OnSuccess", "arn:aws:sns:eu-central-1:123456789012:topic.fifo"),
        ("OnSuccess", "arn:aws:kinesis:eu-central-1:123456789012:stream/s"),
        ("OnFailure", "arn:aws:lambda:eu-central-1:123456789012:layer:l"),
        ("OnFailure", "arn:aws:events:eu-central-1:123456789012:rule/r"),
        ("OnFailure", "kafka://topic"),
    ],
)
async def test_other_destinations_are_refused(plane: Plane, condition: str, arn: str) -> None:
    await plane.create("echo")
    error = await refused(
        plane(
            "PutFunctionEventInvokeConfig",
            FunctionName="echo",
            DestinationConfig={condition: {"Destination": arn}},
        ),
        "InvalidParameterValueException",
    )
    assert arn in error.message


@pytest.mark.parametrize(
    ("condition", "arn"),
    [
        ("OnFailure", BUCKET),
        ("OnSuccess", QUEUE),
        ("OnSuccess", "arn:aws:sns:eu-central-1:123456789012:topic"),
        ("OnSuccess", "arn:aws:events:eu-central-1:123456789012:event-bus/default"),
        ("OnFailure", f"{ARN}:live"),
    ],
)
async def test_the_five_kinds_of_destination_are_taken(
    plane: Plane, condition: str, arn: str
) -> None:
    await plane.create("echo")
    answer = await plane(
        "PutFunctionEventInvokeConfig",
        FunctionName="echo",
        DestinationConfig={condition: {"Destination": arn}},
    )
    assert answer["DestinationConfig"][condition] == {"Destination": arn}
