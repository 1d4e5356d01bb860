"""Function URL configs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest

from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
MISSING = "The resource you requested does not exist."


async def test_a_url_keeps_its_address_while_it_changes(
    plane: Plane, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    # Given
    await plane.create("echo")
    created = await plane(
        "CreateFunctionUrlConfig",
        FunctionName="echo",
        AuthType="NONE",
        Cors={"AllowOrigins": ["*"], "MaxAge": 5},
    )
    address = created["FunctionUrl"]
    assert re.fullmatch(r"http://[a-z2-7]{32}\.lambda-url\.eu-central-1\.localhost:4566/", address)
    assert (created["FunctionArn"], created["InvokeMode"]) == (ARN, "BUFFERED")
    assert "LastModifiedTime" not in created
    # When
    updated = await plane(
        "UpdateFunctionUrlConfig",
        FunctionName="echo",
        AuthType="AWS_IAM",
        InvokeMode="RESPONSE_STREAM",
    )
    # Then
    assert updated["FunctionUrl"] == address
    assert updated["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 5}
    assert (updated["AuthType"], updated["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    assert await (await open_plane())("GetFunctionUrlConfig", FunctionName="echo") == updated
    # And a new one has another
    await plane("DeleteFunctionUrlConfig", FunctionName="echo")
    again = await plane("CreateFunctionUrlConfig", FunctionName="echo", AuthType="NONE")
    assert again["FunctionUrl"] != address


async def test_a_function_and_each_alias_have_one(plane: Plane) -> None:
    await plane.create("echo", Publish=True)
    for alias in ("a", "b"):
        await plane("CreateAlias", FunctionName="echo", Name=alias, FunctionVersion="1")
    for name in ("echo", "echo:a", "echo:b"):
        await plane("CreateFunctionUrlConfig", FunctionName=name, AuthType="NONE")
    await refused(
        plane("CreateFunctionUrlConfig", FunctionName="echo:a", AuthType="NONE"),
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {ARN}:a]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function",
    )
    first = await plane("ListFunctionUrlConfigs", FunctionName="echo", MaxItems=2)
    rest = await plane("ListFunctionUrlConfigs", FunctionName="echo", Marker=first["NextMarker"])
    found = [
        each["FunctionArn"] for each in first["FunctionUrlConfigs"] + rest["FunctionUrlConfigs"]
    ]
    assert found == [ARN, f"{ARN}:a", f"{ARN}:b"]
    await plane("DeleteFunction", FunctionName="echo")
    await plane.create("echo")
    assert (await plane("ListFunctionUrlConfigs", FunctionName="echo"))["FunctionUrlConfigs"] == []


@pytest.mark.parametrize("qualifier", ["1", "$LATEST"])
async def test_a_version_has_none(plane: Plane, qualifier: str) -> None:
    await plane.create("echo", Publish=True)
    await refused(
        plane("CreateFunctionUrlConfig", FunctionName=f"echo:{qualifier}", AuthType="NONE"),
        "InvalidParameterValueException",
    )


async def test_what_is_not_there_is_not_found(plane: Plane) -> None:
    await refused(
        plane("CreateFunctionUrlConfig", FunctionName="echo", AuthType="NONE"),
        "ResourceNotFoundException",
        f"Function not found: {ARN}",
    )
    await plane.create("echo")
    for operation in ("Get", "Update", "Delete"):
        await refused(
            plane(f"{operation}FunctionUrlConfig", FunctionName="echo"),
            "ResourceNotFoundException",
            MISSING,
        )
