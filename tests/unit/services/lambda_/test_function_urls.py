"""Function URLs: one for `$LATEST` and for each alias, at an address that stays."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.model.function_url import FunctionUrl
from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
CORS = {
    "AllowOrigins": ["https://example.com"],
    "AllowMethods": ["GET", "DELETE"],
    "AllowCredentials": True,
    "MaxAge": 86400,
}
GONE = "The resource you requested does not exist."


@pytest.fixture
async def published(plane: Plane) -> Plane:
    """A control plane with `echo`, its version 1 and its alias `live`."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


async def create(plane: Plane, name: str = "echo", **settings: Any) -> dict[str, Any]:
    request = {"FunctionName": name, "AuthType": "NONE", **settings}
    return await plane("CreateFunctionUrlConfig", **request)


async def test_a_url_is_created_found_changed_and_deleted(published: Plane) -> None:
    # Given
    created = await create(published, Cors=CORS)
    address = re.fullmatch(
        r"http://([a-z0-9]{32})\.lambda-url\.eu-central-1\.localhost:4566/", created["FunctionUrl"]
    )
    assert address
    assert created == {
        "FunctionUrl": created["FunctionUrl"],
        "FunctionArn": ARN,
        "AuthType": "NONE",
        "Cors": CORS,
        "CreationTime": "2023-11-14T22:13:20.000+0000",
        "LastModifiedTime": "2023-11-14T22:13:20.000+0000",
        "InvokeMode": "BUFFERED",
    }
    assert await published("GetFunctionUrlConfig", FunctionName="echo") == created
    # When
    published.clock.advance(1)
    update = "UpdateFunctionUrlConfig"
    changed = await published(
        update, FunctionName="echo", AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM"
    )
    # Then
    assert changed == {
        **created,
        "AuthType": "AWS_IAM",
        "InvokeMode": "RESPONSE_STREAM",
        "LastModifiedTime": "2023-11-14T22:13:21.000+0000",
    }
    assert "Cors" not in await published(update, FunctionName="echo", Cors={})
    await published("DeleteFunctionUrlConfig", FunctionName="echo")
    for operation in ("GetFunctionUrlConfig", update, "DeleteFunctionUrlConfig"):
        call = published(operation, FunctionName="echo")
        await refused(call, "ResourceNotFoundException", GONE)


async def test_a_url_is_told_by_the_scheme_and_port_that_it_is_asked_by(published: Plane) -> None:
    created = (await create(published))["FunctionUrl"]
    for at, start, end in (
        ("https://localhost:4567", "https://", ".localhost:4567/"),
        ("https://localhost", "https://", ".localhost/"),
    ):
        told = await published("GetFunctionUrlConfig", FunctionName="echo", endpoint_url=at)
        assert told["FunctionUrl"] == created.replace("http://", start).replace(
            ".localhost:4566/", end
        )


async def test_a_new_url_has_another_address(published: Plane) -> None:
    first = await create(published)
    await published("DeleteFunctionUrlConfig", FunctionName="echo")
    assert (await create(published))["FunctionUrl"] != first["FunctionUrl"]


async def test_latest_and_an_alias_have_a_url_each(published: Plane) -> None:
    latest = await create(published)
    alias = await create(published, Qualifier="live")
    assert alias["FunctionArn"] == f"{ARN}:live"
    assert alias["FunctionUrl"] != latest["FunctionUrl"]
    assert await published("GetFunctionUrlConfig", FunctionName="echo:live") == alias
    list_ = "ListFunctionUrlConfigs"
    first = await published(list_, FunctionName="echo", MaxItems=1)
    rest = await published(list_, FunctionName="echo", Marker=first["NextMarker"])
    assert first["FunctionUrlConfigs"] == [latest]
    assert rest == {"FunctionUrlConfigs": [alias]}


async def test_there_is_one_url_for_each(published: Plane) -> None:
    for qualifier in ({}, {"Qualifier": "live"}):
        arn = (await create(published, **qualifier))["FunctionArn"]
        await refused(
            create(published, **qualifier),
            "ResourceConflictException",
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
            "FunctionUrlConfig exists for this Lambda function",
        )


@pytest.mark.parametrize(
    "request_",
    [
        {"name": "nobody"},
        {"Qualifier": "other"},
        {"Qualifier": "1"},
        {"name": "echo:1"},
        {"Qualifier": "$LATEST"},
    ],
)
async def test_only_latest_and_aliases_can_have_one(
    published: Plane, request_: dict[str, str]
) -> None:
    call = create(published, **request_)
    await refused(call, "ResourceNotFoundException", "Function does not exist")


async def test_a_list_needs_its_function(published: Plane) -> None:
    call = published("ListFunctionUrlConfigs", FunctionName="nobody")
    await refused(call, "ResourceNotFoundException", "Function does not exist")


async def test_a_url_goes_with_what_it_invokes(published: Plane) -> None:
    await create(published)
    await create(published, Qualifier="live")
    await published("DeleteAlias", FunctionName="echo", Name="live")
    assert len(published.control.resources.all(FunctionUrl)) == 1
    await published("DeleteFunction", FunctionName="echo")
    assert published.control.resources.all(FunctionUrl) == ()


async def test_an_address_survives_a_restart(open_plane: Callable[[], Awaitable[Plane]]) -> None:
    first = await open_plane()
    await first.create("echo")
    created = await create(first, Cors=CORS)
    second = await open_plane()
    assert await second("GetFunctionUrlConfig", FunctionName="echo") == created
