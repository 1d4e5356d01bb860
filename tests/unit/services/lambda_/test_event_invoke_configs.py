"""Event invoke configs: put, merged, listed, gone with what they belong to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
AT = "eu-central-1:123456789012"
QUEUE = f"arn:aws:sqs:{AT}:failed"
TOPIC = f"arn:aws:sns:{AT}:done"


@pytest.fixture
async def published(plane: Plane) -> Plane:
    """A control plane with `echo`, its version 1 and its alias `live`."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


async def put(plane: Plane, name: str = "echo", **settings: Any) -> dict[str, Any]:
    return await plane("PutFunctionEventInvokeConfig", FunctionName=name, **settings)


async def update(plane: Plane, name: str = "echo", **settings: Any) -> dict[str, Any]:
    return await plane("UpdateFunctionEventInvokeConfig", FunctionName=name, **settings)


async def get(plane: Plane, name: str = "echo", **settings: Any) -> dict[str, Any]:
    return await plane("GetFunctionEventInvokeConfig", FunctionName=name, **settings)


def destinations(**sides: str) -> dict[str, Any]:
    return {side: {"Destination": arn} for side, arn in sides.items()}


async def test_put_replaces_everything(published: Plane) -> None:
    # Given
    config = destinations(OnSuccess=TOPIC, OnFailure=QUEUE)
    first = await put(published, MaximumRetryAttempts=0, DestinationConfig=config)
    assert first == {
        "FunctionArn": f"{ARN}:$LATEST",
        "LastModified": published.clock.now(),
        "MaximumRetryAttempts": 0,
        "DestinationConfig": config,
    }
    # When
    published.clock.advance(5)
    second = await put(published, MaximumEventAgeInSeconds=60)
    # Then
    assert second == {
        "FunctionArn": f"{ARN}:$LATEST",
        "LastModified": published.clock.now(),
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }
    assert await get(published) == second


async def test_update_changes_what_it_names(published: Plane) -> None:
    await put(published, MaximumRetryAttempts=1, DestinationConfig=destinations(OnFailure=QUEUE))
    changed = await update(published, MaximumEventAgeInSeconds=120)
    assert changed["MaximumRetryAttempts"] == 1
    assert changed["MaximumEventAgeInSeconds"] == 120
    assert changed["DestinationConfig"]["OnFailure"] == {"Destination": QUEUE}
    cleared = await update(published, DestinationConfig={"OnFailure": {"Destination": ""}})
    assert cleared["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    assert cleared["MaximumRetryAttempts"] == 1


async def test_latest_version_and_alias_have_configs_of_their_own(published: Plane) -> None:
    for attempts, qualifier in enumerate(("$LATEST", "1", "live")):
        await put(published, Qualifier=qualifier, MaximumRetryAttempts=attempts)
    assert (await get(published))["MaximumRetryAttempts"] == 0
    assert (await get(published, "echo:1"))["FunctionArn"] == f"{ARN}:1"
    assert (await get(published, f"{ARN}:live"))["MaximumRetryAttempts"] == 2


async def test_configs_are_listed_in_pages(published: Plane) -> None:
    for qualifier in ("live", "1", "$LATEST"):
        await put(published, Qualifier=qualifier, MaximumRetryAttempts=0)
    list_ = "ListFunctionEventInvokeConfigs"
    first = await published(list_, FunctionName="echo", MaxItems=2)
    rest = await published(list_, FunctionName="echo", Marker=first["NextMarker"])
    listed = first["FunctionEventInvokeConfigs"] + rest["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"] for each in listed] == [
        f"{ARN}:{qualifier}" for qualifier in ("$LATEST", "1", "live")
    ]
    assert "NextMarker" not in rest


async def test_a_config_is_deleted_once(published: Plane) -> None:
    await put(published, MaximumRetryAttempts=0)
    await published("DeleteFunctionEventInvokeConfig", FunctionName="echo")
    message = f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"
    for call in (
        published("DeleteFunctionEventInvokeConfig", FunctionName="echo"),
        get(published),
        update(published, MaximumRetryAttempts=0),
    ):
        await refused(call, "ResourceNotFoundException", message)


@pytest.mark.parametrize("name", ["nobody", "echo:2", "echo:other"])
async def test_a_config_needs_what_it_configures(published: Plane, name: str) -> None:
    call = put(published, name, MaximumRetryAttempts=0)
    await refused(call, "ResourceNotFoundException", "The function doesn't exist.")


async def test_a_list_needs_its_function(published: Plane) -> None:
    call = published("ListFunctionEventInvokeConfigs", FunctionName="nobody")
    await refused(call, "ResourceNotFoundException", "The function doesn't exist.")


async def test_a_config_must_set_something(published: Plane) -> None:
    message = "You must specify at least one of error handling or destination setting."
    await refused(put(published), "InvalidParameterValueException", message)
    await refused(update(published), "InvalidParameterValueException", message)


@pytest.mark.parametrize(
    ("side", "arn"),
    [
        ("OnFailure", "arn:aws:s3:::failed"),
        ("OnSuccess", QUEUE),
        ("OnSuccess", TOPIC),
        ("OnSuccess", f"arn:aws:events:{AT}:event-bus/default"),
        ("OnFailure", f"arn:aws:lambda:{AT}:function:other"),
        ("OnFailure", f"arn:aws:lambda:{AT}:function:other:live"),
    ],
)
async def test_destinations_that_are_taken(published: Plane, side: str, arn: str) -> None:
    await published.create("other")
    answer = await put(published, DestinationConfig=destinations(**{side: arn}))
    assert answer["DestinationConfig"][side] == {"Destination": arn}


@pytest.mark.parametrize(
    ("side", "arn", "message"),
    [
        ("OnSuccess", "arn:aws:s3:::done", None),
        ("OnFailure", f"{QUEUE}.fifo", None),
        ("OnSuccess", f"{TOPIC}.fifo", None),
        ("OnFailure", "kafka://topic", "The destination ARN kafka://topic is invalid."),
        ("OnFailure", f"arn:aws:kinesis:{AT}:stream/s", None),
        ("OnFailure", ARN, "You can't specify the function as a destination for itself."),
        ("OnFailure", f"{ARN}:live", "You can't specify the function as a destination for itself."),
        (
            "OnFailure",
            f"arn:aws:lambda:{AT}:function:nobody",
            f"The destination ARN arn:aws:lambda:{AT}:function:nobody is invalid.",
        ),
        ("OnFailure", f"arn:aws:lambda:{AT}:layer:x", None),
    ],
)
async def test_destinations_that_are_refused(
    published: Plane, side: str, arn: str, message: str | None
) -> None:
    call = put(published, DestinationConfig=destinations(**{side: arn}))
    await refused(call, "InvalidParameterValueException", message)
    await refused(get(published), "ResourceNotFoundException")


async def test_a_config_goes_with_what_it_configures(published: Plane) -> None:
    for qualifier in ("$LATEST", "1", "live"):
        await put(published, Qualifier=qualifier, MaximumRetryAttempts=0)
    await published("DeleteAlias", FunctionName="echo", Name="live")
    await published("DeleteFunction", FunctionName="echo", Qualifier="1")
    listed = await published("ListFunctionEventInvokeConfigs", FunctionName="echo")
    assert [c["FunctionArn"] for c in listed["FunctionEventInvokeConfigs"]] == [f"{ARN}:$LATEST"]
    await published("DeleteFunction", FunctionName="echo")
    await published.create("echo")
    await refused(get(published), "ResourceNotFoundException")


async def test_a_config_survives_a_restart(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    first = await open_plane()
    await first.create("echo")
    saved = await put(first, DestinationConfig=destinations(OnFailure=QUEUE))
    assert await get(await open_plane()) == saved
