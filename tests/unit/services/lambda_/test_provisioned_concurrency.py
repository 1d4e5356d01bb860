"""Provisioned concurrency: on which versions it may be, how much, and how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.model.concurrency import UNCLAIMED, Provisioned
from lambdad.services.lambda_ import resume
from support.control_plane import ACCOUNT, REGION, Plane, creation, refused

OpenPlane = Callable[[], Awaitable[Plane]]
KEY = (ACCOUNT, REGION, "echo")
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
INVALID, CONFLICT = "InvalidParameterValueException", "ResourceConflictException"
MISSING = "ProvisionedConcurrencyConfigNotFoundException"


async def put(plane: Plane, qualifier: str, count: int = 1) -> dict[str, Any]:
    return await plane(
        "PutProvisionedConcurrencyConfig",
        FunctionName="echo",
        Qualifier=qualifier,
        ProvisionedConcurrentExecutions=count,
    )


async def get(plane: Plane, qualifier: str) -> dict[str, Any]:
    return await plane("GetProvisionedConcurrencyConfig", FunctionName="echo", Qualifier=qualifier)


async def delete(plane: Plane, qualifier: str) -> dict[str, Any]:
    return await plane(
        "DeleteProvisionedConcurrencyConfig", FunctionName="echo", Qualifier=qualifier
    )


async def alias(plane: Plane, name: str, version: str, **more: Any) -> None:
    await plane("CreateAlias", FunctionName="echo", Name=name, FunctionVersion=version, **more)


async def move(plane: Plane, name: str, **changes: Any) -> dict[str, Any]:
    return await plane("UpdateAlias", FunctionName="echo", Name=name, **changes)


def heard(plane: Plane) -> dict[str, int]:
    """What the data plane was told last: how many are wanted, by version."""
    concurrency = plane.invoker.concurrency.get(KEY, UNCLAIMED)
    return {each.version.version: each.wanted for each in concurrency.provisioned}


@pytest.fixture
async def published(plane: Plane) -> Plane:
    """A function with two versions, and the alias `live` for the first."""
    await plane.create("echo")
    await plane("PublishVersion", FunctionName="echo")
    await plane.update(Timeout=9)
    await plane("PublishVersion", FunctionName="echo")
    await alias(plane, "live", "1")
    return plane


@pytest.mark.parametrize(("qualifier", "version"), [("2", "2"), ("live", "1")])
async def test_it_is_asked_for_and_comes_about(
    published: Plane, qualifier: str, version: str
) -> None:
    # When
    answer = await put(published, qualifier, 3)
    # Then
    assert answer == {
        "RequestedProvisionedConcurrentExecutions": 3,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": "2023-11-14T22:13:20+0000",
    }
    assert heard(published) == {version: 3}
    # And when some are there, and all
    published.invoker.progress[f"echo:{version}"] = Provisioned(2)
    found = await get(published, qualifier)
    assert found["AvailableProvisionedConcurrentExecutions"] == 2
    assert found["Status"] == "IN_PROGRESS"
    published.invoker.progress[f"echo:{version}"] = Provisioned(3)
    found = await get(published, qualifier)
    assert found["AllocatedProvisionedConcurrentExecutions"] == 3
    assert found["Status"] == "READY"


async def test_a_failure_is_told_with_its_reason(published: Plane) -> None:
    await put(published, "1", 2)
    published.invoker.progress["echo:1"] = Provisioned(0, "FUNCTION_ERROR_INIT_FAILURE")
    found = await get(published, "1")
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


async def test_the_function_may_be_named_with_its_qualifier(published: Plane) -> None:
    await published(
        "PutProvisionedConcurrencyConfig",
        FunctionName=f"{ARN}:live",
        Qualifier="live",
        ProvisionedConcurrentExecutions=1,
    )
    assert heard(published) == {"1": 1}


async def test_the_last_word_counts(published: Plane) -> None:
    await put(published, "live", 5)
    await put(published, "live", 2)
    assert heard(published) == {"1": 2}
    assert (await get(published, "live"))["RequestedProvisionedConcurrentExecutions"] == 2


async def test_it_goes_when_it_is_deleted(published: Plane) -> None:
    await put(published, "live")
    assert await delete(published, "live") == {}
    assert heard(published) == {}
    await refused(
        get(published, "live"),
        MISSING,
        "No Provisioned Concurrency Config found for this function",
    )
    assert await delete(published, "live") == {}


@pytest.mark.parametrize("operation", [put, get, delete])
async def test_what_is_meant_must_exist(
    published: Plane, operation: Callable[[Plane, str], Awaitable[Any]]
) -> None:
    await refused(
        operation(published, "7"), "ResourceNotFoundException", f"Function not found: {ARN}:7"
    )
    await refused(
        operation(published, "other"),
        "ResourceNotFoundException",
        f"Cannot find alias arn: {ARN}:other",
    )
    await published("DeleteFunction", FunctionName="echo")
    await refused(operation(published, "1"), "ResourceNotFoundException")


@pytest.mark.parametrize("qualifier", ["$LATEST", "$LATEST.PUBLISHED"])
async def test_what_is_not_published_has_none(published: Plane, qualifier: str) -> None:
    await refused(put(published, qualifier), INVALID, UNPUBLISHED)
    await refused(get(published, qualifier), INVALID)
    await refused(delete(published, qualifier), INVALID)


async def test_an_alias_of_latest_has_none(published: Plane) -> None:
    await alias(published, "newest", "$LATEST")
    await refused(put(published, "newest"), INVALID, UNPUBLISHED)


async def test_an_alias_with_weights_has_none(published: Plane) -> None:
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    await move(published, "live", RoutingConfig=weights)
    await refused(put(published, "live"), INVALID)
    await move(published, "live", RoutingConfig={})
    await put(published, "live")
    await refused(move(published, "live", RoutingConfig=weights), INVALID)


async def test_a_version_has_it_only_once(published: Plane) -> None:
    # Given
    await put(published, "live")
    await alias(published, "also", "1")
    await alias(published, "second", "2")
    # Then
    await refused(put(published, "1"), CONFLICT)
    await refused(put(published, "also"), CONFLICT)
    await put(published, "2")
    await refused(put(published, "second"), CONFLICT)
    await refused(move(published, "live", FunctionVersion="2"), CONFLICT)
    assert heard(published) == {"1": 1, "2": 1}
    found = await published("GetAlias", FunctionName="echo", Name="live")
    assert found["FunctionVersion"] == "1"


async def test_it_moves_with_its_alias(published: Plane) -> None:
    await put(published, "live", 4)
    await move(published, "live", FunctionVersion="2")
    assert heard(published) == {"2": 4}
    await refused(move(published, "live", FunctionVersion="$LATEST"), INVALID, UNPUBLISHED)
    assert heard(published) == {"2": 4}


async def test_it_goes_with_its_alias_its_version_its_function(published: Plane) -> None:
    await put(published, "live")
    await put(published, "2")
    await published("DeleteAlias", FunctionName="echo", Name="live")
    assert heard(published) == {"2": 1}
    await published("DeleteFunction", FunctionName="echo", Qualifier="2")
    assert heard(published) == {}
    await put(published, "1")
    await published("DeleteFunction", FunctionName="echo")
    assert heard(published) == {}
    await published.create("echo")
    await published("PublishVersion", FunctionName="echo")
    await refused(get(published, "1"), MISSING)


async def test_a_version_must_be_active(plane: Plane) -> None:
    # Given
    plane.preparation.gate.clear()
    await plane("CreateFunction", **creation("echo"), Publish=True)
    # When
    await refused(
        put(plane, "1"),
        CONFLICT,
        "The operation cannot be performed at this time. The function is currently in the "
        "following state: Pending",
    )
    # Then
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    await put(plane, "1")


async def test_it_waits_for_a_version_that_is_not_active_yet(published: Plane) -> None:
    # Given
    await put(published, "live")
    published.preparation.gate.clear()
    package = creation("echo")["Code"]["ZipFile"]
    await published(
        "UpdateFunctionCode", FunctionName="echo", Publish=True, ZipFile=package + b"\0"
    )
    await move(published, "live", FunctionVersion="3")
    (pending,) = published.invoker.concurrency[KEY].provisioned
    assert pending.version.state.value == "Pending"
    # When
    published.preparation.gate.set()
    await published.control.changes.settle()
    # Then
    (active,) = published.invoker.concurrency[KEY].provisioned
    assert active.version.state.value == "Active"


# How much


async def reserve(plane: Plane, amount: int) -> None:
    await plane("PutFunctionConcurrency", FunctionName="echo", ReservedConcurrentExecutions=amount)


async def test_it_is_covered_by_what_is_reserved(published: Plane) -> None:
    await reserve(published, 5)
    await put(published, "1", 3)
    await refused(put(published, "2", 3), INVALID)
    await put(published, "2", 2)
    await put(published, "2", 1)
    await refused(reserve(published, 3), INVALID)
    await reserve(published, 4)


async def test_it_leaves_enough_to_the_others(published: Plane) -> None:
    await refused(
        put(published, "1", 1001),
        INVALID,
        "Specified ConcurrentExecutions for function is greater than account's unreserved "
        "concurrency [1000].",
    )
    await refused(
        put(published, "1", 901),
        INVALID,
        "Specified ConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100].",
    )
    await put(published, "1", 900)
    await refused(put(published, "2", 1), INVALID)
    await put(published, "1", 899)
    await put(published, "2", 1)


async def test_it_is_claimed_from_the_account_as_far_as_nothing_is_reserved(
    published: Plane,
) -> None:
    async def unreserved() -> int:
        limits = (await published("GetAccountSettings"))["AccountLimit"]
        return int(limits["UnreservedConcurrentExecutions"])

    await put(published, "1", 10)
    assert await unreserved() == 990
    await reserve(published, 50)
    assert await unreserved() == 950
    await published("DeleteFunctionConcurrency", FunctionName="echo")
    assert await unreserved() == 990


# Lists and restarts


async def test_configs_are_listed_by_qualifier(published: Plane) -> None:
    await put(published, "live")
    await put(published, "2", 3)
    await published.create("echo-2")
    operation, name = "ListProvisionedConcurrencyConfigs", {"FunctionName": "echo"}
    first = await published(operation, **name, MaxItems=1)
    second = await published(operation, **name, Marker=first["NextMarker"])
    listed = first["ProvisionedConcurrencyConfigs"] + second["ProvisionedConcurrencyConfigs"]
    assert [each["FunctionArn"] for each in listed] == [f"{ARN}:2", f"{ARN}:live"]
    assert listed[0]["RequestedProvisionedConcurrentExecutions"] == 3
    assert "NextMarker" not in second
    empty = await published(operation, FunctionName="echo-2")
    assert empty == {"ProvisionedConcurrencyConfigs": []}
    await refused(published(operation, FunctionName="no"), "ResourceNotFoundException")
    await refused(published(operation, FunctionName="echo:1"), INVALID)


async def test_a_restart_asks_for_it_again(published: Plane, open_plane: OpenPlane) -> None:
    await put(published, "live", 2)
    again = await open_plane()
    await resume(again.control)
    assert heard(again) == {"1": 2}
    assert (await get(again, "live"))["Status"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "tenant isolation"),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.12"},
            "SnapStart enabled functions",
        ),
        (
            {
                "PackageType": "Image",
                "Runtime": None,
                "Handler": None,
                "Code": {"ImageUri": "registry.example/app:1"},
            },
            "container images",
        ),
    ],
)
async def test_what_cannot_be_initialized_ahead_is_not_provisioned(
    plane: Plane, settings: dict[str, Any], what: str
) -> None:
    await plane.create("other", Publish=True, **settings)
    error = await refused(
        plane(
            "PutProvisionedConcurrencyConfig",
            FunctionName="other",
            Qualifier="1",
            ProvisionedConcurrentExecutions=1,
        ),
        "InvalidParameterValueException",
    )
    assert what in error.message
