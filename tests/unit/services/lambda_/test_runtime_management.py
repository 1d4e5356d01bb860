"""Runtime management: an update mode for each version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from lambdad.model.runtime_management import RuntimeManagementConfig
from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
RUNTIME = "arn:aws:lambda:eu-central-1::runtime:python3.11"
INVALID = "InvalidParameterValueException"


async def test_a_runtime_is_managed_automatically_until_told_otherwise(plane: Plane) -> None:
    await plane.create()
    assert await plane("GetRuntimeManagementConfig", FunctionName="echo") == {
        "UpdateRuntimeOn": "Auto",
        "FunctionArn": ARN,
    }


async def test_each_version_has_a_mode_of_its_own(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    # Given a function whose version 1 keeps its runtime
    plane = await open_plane()
    await plane.create(Publish=True)
    put = await plane(
        "PutRuntimeManagementConfig",
        FunctionName="echo",
        Qualifier="1",
        UpdateRuntimeOn="Manual",
        RuntimeVersionArn=RUNTIME,
    )
    expected = {
        "UpdateRuntimeOn": "Manual",
        "FunctionArn": f"{ARN}:1",
        "RuntimeVersionArn": RUNTIME,
    }
    assert put == expected
    # When the server starts again
    plane = await open_plane()
    # Then version 1 has its mode, and $LATEST its own
    assert await plane("GetRuntimeManagementConfig", FunctionName="echo:1") == expected
    latest = await plane("GetRuntimeManagementConfig", FunctionName="echo", Qualifier="$LATEST")
    assert latest == {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:$LATEST"}
    # When it is changed, the ARN goes
    changed = await plane(
        "PutRuntimeManagementConfig", FunctionName="echo:1", UpdateRuntimeOn="FunctionUpdate"
    )
    assert changed == {"UpdateRuntimeOn": "FunctionUpdate", "FunctionArn": f"{ARN}:1"}


async def test_a_mode_goes_with_its_function(plane: Plane) -> None:
    await plane.create()
    for qualifier in ({}, {"Qualifier": "$LATEST"}):
        await plane(
            "PutRuntimeManagementConfig",
            FunctionName="echo",
            UpdateRuntimeOn="FunctionUpdate",
            **qualifier,
        )
    await plane("DeleteFunction", FunctionName="echo")
    await plane.create()
    found = await plane("GetRuntimeManagementConfig", FunctionName="echo")
    assert found["UpdateRuntimeOn"] == "Auto"


async def test_a_mode_goes_with_its_version(plane: Plane) -> None:
    # Given
    await plane.create(Publish=True)
    await plane(
        "PutRuntimeManagementConfig", FunctionName="echo:1", UpdateRuntimeOn="FunctionUpdate"
    )
    # When
    await plane("DeleteFunction", FunctionName="echo", Qualifier="1")
    # Then
    await refused(
        plane("GetRuntimeManagementConfig", FunctionName="echo:1"),
        "ResourceNotFoundException",
        f"Function not found: {ARN}:1",
    )
    assert plane.control.resources.all(RuntimeManagementConfig) == ()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"FunctionName": "echo", "UpdateRuntimeOn": "Manual"}, INVALID),
        (
            {"FunctionName": "echo", "UpdateRuntimeOn": "Auto", "RuntimeVersionArn": RUNTIME},
            INVALID,
        ),
        ({"FunctionName": "echo:live", "UpdateRuntimeOn": "Auto"}, INVALID),
        ({"FunctionName": "echo:9", "UpdateRuntimeOn": "Auto"}, "ResourceNotFoundException"),
        ({"FunctionName": "other", "UpdateRuntimeOn": "Auto"}, "ResourceNotFoundException"),
    ],
)
async def test_what_cannot_be_managed_is_refused(
    plane: Plane, request_: dict[str, str], code: str
) -> None:
    await plane.create()
    await refused(plane("PutRuntimeManagementConfig", **request_), code)
