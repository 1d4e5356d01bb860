"""Capacity providers: their states, what they keep, and the versions that use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdad.model.caller import Caller, RequestContext
from lambdad.model.function import Function
from lambdad.services.lambda_ import resume
from lambdad.services.lambda_.capacity_providers import held_provider
from support.control_plane import ACCOUNT, REGION, Plane, refused

PREFIX = f"arn:aws:lambda:{REGION}:{ACCOUNT}"
ARN = f"{PREFIX}:capacity-provider:pool"
CPU = "LambdaCapacityProviderAverageCPUUtilization"
NAME = {"CapacityProviderName": "pool"}
REQUEST = {
    "CapacityProviderName": "pool",
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": []},
    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"},
}
CONFLICT, INVALID = "ResourceConflictException", "InvalidParameterValueException"
SCALING = "CapacityProviderScalingConfig"


async def make(plane: Plane, **members: Any) -> dict[str, Any]:
    """Create a provider and wait until it is Active; returns CreateCapacityProvider's answer."""
    answer = await plane("CreateCapacityProvider", **{**REQUEST, **members})
    await plane.control.changes.settle()
    return dict(answer["CapacityProvider"])


async def found(plane: Plane, name: str = "pool") -> dict[str, Any]:
    answer = await plane("GetCapacityProvider", CapacityProviderName=name)
    return dict(answer["CapacityProvider"])


async def let_use(plane: Plane, name: str, arn: str = ARN) -> None:
    """Let a function use the provider, as CreateFunction keeps it."""
    function = plane.control.resources.find(Function, ACCOUNT, REGION, name)
    assert function is not None
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}}
    settings = {**function.latest.settings, "CapacityProviderConfig": config}
    latest = replace(function.latest, settings=settings)
    await plane.control.resources.save(replace(function, latest=latest))


async def test_a_provider_becomes_active_and_goes_in_the_background(plane: Plane) -> None:
    # When
    created = await make(plane)
    # Then
    expected = {
        "CapacityProviderArn": ARN,
        "State": "Pending",
        "LastModified": "2023-11-14T22:13:20.000+0000",
        "VpcConfig": REQUEST["VpcConfig"],
        "PermissionsConfig": REQUEST["PermissionsConfig"],
        SCALING: {"ScalingMode": "Auto"},
    }
    assert created == expected
    assert await found(plane) == await found(plane, ARN) == {**expected, "State": "Active"}
    # When
    deleted = await plane("DeleteCapacityProvider", **NAME)
    # Then
    assert deleted["CapacityProvider"]["State"] == "Deleting"
    assert (await found(plane))["State"] == "Deleting"
    await refused(plane("UpdateCapacityProvider", **NAME), CONFLICT)
    await refused(plane("DeleteCapacityProvider", **NAME), CONFLICT)
    await plane.control.changes.settle()
    await refused(found(plane), "ResourceNotFoundException", "Capacity provider not found: pool")
    await make(plane)


async def test_what_a_killed_server_left_unfinished_is_taken_up_again(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    # Given a server that was killed while one provider came and another one went
    plane = await open_plane()
    await make(plane, CapacityProviderName="going")
    await plane("CreateCapacityProvider", **REQUEST)
    await plane.control.changes.stop()
    await plane("DeleteCapacityProvider", CapacityProviderName="going")
    await plane.control.changes.stop()
    plane = await open_plane()
    states = [each["State"] for each in await listed(plane)]
    assert states == ["Deleting", "Pending"]
    # When
    await resume(plane.control)
    await plane.control.changes.settle()
    # Then
    states = [each["State"] for each in await listed(plane)]
    assert states == ["Active"]


async def listed(plane: Plane, **request: Any) -> list[dict[str, Any]]:
    return list((await plane("ListCapacityProviders", **request))["CapacityProviders"])


async def test_providers_are_listed_by_state_and_in_pages(plane: Plane) -> None:
    for name in ("a", "b", "c"):
        await make(plane, CapacityProviderName=name)
    await plane("DeleteCapacityProvider", CapacityProviderName="b")
    active = await plane("ListCapacityProviders", State="Active", MaxItems=1)
    rest = await listed(plane, State="Active", MaxItems=1, Marker=active["NextMarker"])
    assert [each["CapacityProviderArn"][-1] for each in active["CapacityProviders"] + rest] == [
        "a",
        "c",
    ]
    assert [each["State"] for each in await listed(plane, State="Deleting")] == ["Deleting"]


async def test_an_update_changes_what_it_names(plane: Plane) -> None:
    # Given
    policies = [{"PredefinedMetricType": CPU, "TargetValue": 50.0}]
    manual = {"ScalingMode": "Manual", "ScalingPolicies": policies, "MaxVCpuCount": 8}
    await make(plane, **{SCALING: manual}, KmsKeyArn="arn:aws:kms:x:1:key/k")
    # When
    tags = {"Mode": "Explicit", "ExplicitTags": {"a": "b"}}
    await plane(
        "UpdateCapacityProvider", **NAME, PropagateTags=tags, **{SCALING: {"MaxVCpuCount": 16}}
    )
    # Then
    provider = await found(plane)
    assert provider[SCALING] == {**manual, "MaxVCpuCount": 16}
    assert (provider["PropagateTags"], provider["KmsKeyArn"][-1]) == (tags, "k")
    # And policies end with their mode
    await plane("UpdateCapacityProvider", **NAME, **{SCALING: {"ScalingMode": "Auto"}})
    assert (await found(plane))[SCALING] == {"ScalingMode": "Auto", "MaxVCpuCount": 16}


@pytest.mark.parametrize(
    "members",
    [
        {"CapacityProviderName": "x" * 65},
        {SCALING: {"ScalingMode": "Manual"}},
        {SCALING: {"ScalingPolicies": [{"PredefinedMetricType": CPU, "TargetValue": 1}]}},
        {
            SCALING: {
                "ScalingMode": "Manual",
                "ScalingPolicies": [{"PredefinedMetricType": CPU, "TargetValue": 1}] * 2,
            }
        },
        {"PropagateTags": {"Mode": "None", "ExplicitTags": {"a": "b"}}},
        {"Tags": {"aws:x": ""}},
    ],
)
async def test_what_cannot_be_is_refused(plane: Plane, members: dict[str, Any]) -> None:
    await refused(make(plane, **members), INVALID)
    assert await listed(plane) == []


async def test_names_are_unique_and_those_of_others_unknown(plane: Plane) -> None:
    await make(plane)
    await refused(make(plane), CONFLICT)
    elsewhere = f"arn:aws:lambda:us-east-1:{ACCOUNT}:capacity-provider:pool"
    for operation in (
        "GetCapacityProvider",
        "UpdateCapacityProvider",
        "DeleteCapacityProvider",
        "ListFunctionVersionsByCapacityProvider",
    ):
        for name in ("other", elsewhere):
            call = plane(operation, CapacityProviderName=name)
            await refused(call, "ResourceNotFoundException")


async def test_the_versions_that_use_a_provider_are_listed_and_hold_it(plane: Plane) -> None:
    # Given two functions that use it, one with versions, and one that does not
    await make(plane)
    for name in ("a", "b", "c"):
        await plane.create(name)
    await let_use(plane, "a")
    await let_use(plane, "c")
    for timeout in (5, 6):
        await plane.update("a", Timeout=timeout)
        await plane("PublishVersion", FunctionName="a")
    # When
    first = await plane("ListFunctionVersionsByCapacityProvider", **NAME, MaxItems=2)
    second = await plane(
        "ListFunctionVersionsByCapacityProvider", **NAME, Marker=first["NextMarker"]
    )
    # Then
    versions = first["FunctionVersions"] + second["FunctionVersions"]
    ids = ("a:$LATEST", "a:1", "a:2", "c:$LATEST")
    assert versions == [{"FunctionArn": f"{PREFIX}:function:{id}", "State": "Active"} for id in ids]
    assert first["CapacityProviderArn"] == ARN
    await refused(plane("DeleteCapacityProvider", **NAME), CONFLICT)
    # When they are gone
    for name in ("a", "c"):
        await plane("DeleteFunction", FunctionName=name)
    # Then it can go
    await plane("DeleteCapacityProvider", **NAME)


async def test_a_function_can_only_ask_for_a_provider_that_is_active(plane: Plane) -> None:
    context = RequestContext("r", "lambda", "CreateFunction", Caller(ACCOUNT, REGION), "")
    await plane("CreateCapacityProvider", **REQUEST)
    for arn, code in ((ARN, CONFLICT), (f"{ARN}x", "ResourceNotFoundException")):
        await refused(_check(plane, context, arn), code)
    await plane.control.changes.settle()
    await _check(plane, context, ARN)


async def _check(plane: Plane, context: RequestContext, arn: str) -> None:
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}}
    async with held_provider(plane.control, context, {"CapacityProviderConfig": config}):
        pass


async def test_a_function_runs_on_a_provider_that_is_there(plane: Plane) -> None:
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": ARN}}
    await refused(plane.create("echo", CapacityProviderConfig=config), "ResourceNotFoundException")
    await plane("CreateCapacityProvider", **REQUEST)
    await plane.control.changes.settle()
    await plane.create("echo", CapacityProviderConfig=config)
    found = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert found["CapacityProviderConfig"] == config
