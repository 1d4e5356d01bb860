"""Scaling configs: kept as they were given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.control_plane import ACCOUNT, REGION, Plane, refused

OpenPlane = Callable[[], Awaitable[Plane]]
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo:1"
NAME = {"FunctionName": "echo", "Qualifier": "1"}
PUT, GET = "PutFunctionScalingConfig", "GetFunctionScalingConfig"


def bounds(least: int | None = None, most: int | None = None) -> dict[str, int]:
    members = {"MinExecutionEnvironments": least, "MaxExecutionEnvironments": most}
    return {name: value for name, value in members.items() if value is not None}


@pytest.fixture
async def published(plane: Plane) -> Plane:
    await plane.create("echo")
    await plane("PublishVersion", FunctionName="echo")
    return plane


@pytest.mark.parametrize("config", [bounds(1, 3), bounds(most=0), bounds(2), bounds(2, 2)])
async def test_bounds_are_kept_as_they_were_given(
    published: Plane, open_plane: OpenPlane, config: dict[str, Any]
) -> None:
    assert await published(GET, **NAME) == {"FunctionArn": ARN}
    answer = await published(PUT, **NAME, FunctionScalingConfig=config)
    assert answer == {"FunctionState": "Active"}
    for plane in (published, await open_plane()):
        assert await plane(GET, **NAME) == {
            "FunctionArn": ARN,
            "AppliedFunctionScalingConfig": config,
            "RequestedFunctionScalingConfig": config,
        }


@pytest.mark.parametrize("nothing", [{}, {"FunctionScalingConfig": {}}])
async def test_without_bounds_they_are_forgotten(published: Plane, nothing: dict[str, Any]) -> None:
    await published(PUT, **NAME, FunctionScalingConfig=bounds(1, 3))
    await published(PUT, **NAME, **nothing)
    assert await published(GET, **NAME) == {"FunctionArn": ARN}


async def test_latest_published_has_its_own(plane: Plane) -> None:
    await plane.create("echo", PublishTo="LATEST_PUBLISHED")
    name = {"FunctionName": "echo", "Qualifier": "$LATEST.PUBLISHED"}
    await plane(PUT, **name, FunctionScalingConfig=bounds(1, 3))
    found = await plane(GET, **name)
    assert found["FunctionArn"].endswith(":echo:$LATEST.PUBLISHED")
    assert found["AppliedFunctionScalingConfig"] == bounds(1, 3)


async def test_the_least_may_not_be_more_than_the_most(published: Plane) -> None:
    await refused(
        published(PUT, **NAME, FunctionScalingConfig=bounds(4, 3)),
        "InvalidParameterValueException",
    )
    assert await published(GET, **NAME) == {"FunctionArn": ARN}


@pytest.mark.parametrize("operation", [PUT, GET])
async def test_function_and_version_must_exist(published: Plane, operation: str) -> None:
    for name, qualifier in (("no", "1"), ("echo", "2"), ("echo", "$LATEST.PUBLISHED")):
        await refused(
            published(operation, FunctionName=name, Qualifier=qualifier),
            "ResourceNotFoundException",
        )


async def test_they_go_with_their_version(published: Plane) -> None:
    await published(PUT, **NAME, FunctionScalingConfig=bounds(1, 3))
    await published("DeleteFunction", FunctionName="echo")
    await published.create("echo")
    await published("PublishVersion", FunctionName="echo")
    assert await published(GET, **NAME) == {"FunctionArn": ARN}
