"""Roles: create, get, list, change, delete."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

import pytest

from support.control_plane import refused
from support.identity import ALLOWED, TRUSTING, Identity


async def test_a_role_is_described_in_full(iam: Identity) -> None:
    # Given
    boundary = await iam.create_policy("boundary")
    # When
    role = await iam.create_role(
        Path="/service-role/",
        Description="d",
        MaxSessionDuration=7200,
        PermissionsBoundary=boundary,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    # Then
    assert (await iam("GetRole", RoleName="orders"))["Role"] == {**role, "RoleLastUsed": {}}
    assert re.fullmatch("AROA[A-Z2-7]{17}", role.pop("RoleId"))
    document = role.pop("AssumeRolePolicyDocument")
    assert document.startswith("%7B%22Version%22%3A")
    assert unquote(document) == TRUSTING
    assert role == {
        "Path": "/service-role/",
        "RoleName": "orders",
        "Arn": "arn:aws:iam::123456789012:role/service-role/orders",
        "CreateDate": int(iam.clock.now()),
        "Description": "d",
        "MaxSessionDuration": 7200,
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": boundary,
        },
        "Tags": [{"Key": "team", "Value": "a"}],
    }


async def test_a_name_is_taken_once_in_whichever_case(iam: Identity) -> None:
    await iam.create_role("Orders")
    for name in ("Orders", "orders"):
        await refused(
            iam.create_role(name),
            "EntityAlreadyExistsException",
            f"Role with name {name} already exists.",
        )


@pytest.mark.parametrize(
    "operation",
    ["GetRole", "UpdateRole", "DeleteRole", "ListRolePolicies", "ListAttachedRolePolicies"],
)
async def test_a_missing_role_is_told_in_awss_words(iam: Identity, operation: str) -> None:
    await refused(
        iam(operation, RoleName="ghost"),
        "NoSuchEntityException",
        "The role with name ghost cannot be found.",
    )


async def test_what_an_update_does_not_name_stays(iam: Identity) -> None:
    await iam.create_role(Description="d", MaxSessionDuration=7200)
    await iam("UpdateRole", RoleName="orders", MaxSessionDuration=3600)
    await iam("UpdateAssumeRolePolicy", RoleName="orders", PolicyDocument=TRUSTING + " ")
    answer = await iam("UpdateRoleDescription", RoleName="orders", Description="new")
    role = (await iam("GetRole", RoleName="orders"))["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3600)
    assert answer["Role"] == {name: role[name] for name in role if name != "RoleLastUsed"}
    assert unquote(role["AssumeRolePolicyDocument"]) == TRUSTING + " "


async def test_a_trust_policy_must_be_one(iam: Identity) -> None:
    await refused(
        iam.create_role(AssumeRolePolicyDocument=ALLOWED),
        "MalformedPolicyDocumentException",
        "Has prohibited field Resource",
    )
    await iam.create_role()
    await refused(
        iam("UpdateAssumeRolePolicy", RoleName="orders", PolicyDocument="{"),
        "MalformedPolicyDocumentException",
        "Syntax errors in policy.",
    )
    large = TRUSTING.replace("lambda", "l" * 2048)
    await refused(
        iam("UpdateAssumeRolePolicy", RoleName="orders", PolicyDocument=large),
        "LimitExceededException",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    )


async def test_the_list_is_sorted_paged_and_below_a_path(iam: Identity) -> None:
    # Given
    for name, path in (("b", "/"), ("A", "/x/"), ("c", "/x/y/")):
        await iam.create_role(name, Path=path, Tags=[{"Key": "k", "Value": "v"}])
    # When
    first = await iam("ListRoles", MaxItems=2)
    second = await iam("ListRoles", MaxItems=2, Marker=first["Marker"])
    below = await iam("ListRoles", PathPrefix="/x/")
    # Then
    assert [role["RoleName"] for role in first["Roles"]] == ["A", "b"]
    assert first["IsTruncated"] is True
    assert [role["RoleName"] for role in second["Roles"]] == ["c"]
    assert second["IsTruncated"] is False
    assert "Marker" not in second
    assert [role["RoleName"] for role in below["Roles"]] == ["A", "c"]
    assert "Tags" not in first["Roles"][0]


async def test_a_role_with_anything_on_it_cannot_be_deleted(iam: Identity) -> None:
    # Given
    policy = await iam.create_policy()
    await iam.create_role()
    await iam("AttachRolePolicy", RoleName="orders", PolicyArn=policy)
    await iam("PutRolePolicy", RoleName="orders", PolicyName="p", PolicyDocument=ALLOWED)
    await iam("CreateInstanceProfile", InstanceProfileName="profile")
    names = {"InstanceProfileName": "profile", "RoleName": "orders"}
    await iam("AddRoleToInstanceProfile", **names)
    prefix = "Cannot delete entity, must "
    # When each is removed, Then the next one is named
    for reason, removal, request in (
        ("remove roles from instance profile first.", "RemoveRoleFromInstanceProfile", names),
        ("detach all policies first.", "DetachRolePolicy", {"PolicyArn": policy}),
        ("delete policies first.", "DeleteRolePolicy", {"PolicyName": "p"}),
    ):
        deletion = iam("DeleteRole", RoleName="orders")
        await refused(deletion, "DeleteConflictException", prefix + reason)
        await iam(removal, **{"RoleName": "orders", **request})
    await iam("DeleteRole", RoleName="orders")
    assert (await iam("ListRoles"))["Roles"] == []


async def test_a_new_role_of_an_old_name_has_another_id(iam: Identity) -> None:
    old = await iam.create_role()
    await iam("DeleteRole", RoleName="orders")
    assert (await iam.create_role())["RoleId"] != old["RoleId"]


async def test_boundaries_are_set_and_removed(iam: Identity) -> None:
    await iam.create_role()
    boundary = await iam.create_policy("boundary")
    await iam("PutRolePermissionsBoundary", RoleName="orders", PermissionsBoundary=boundary)
    assert "PermissionsBoundary" in (await iam("GetRole", RoleName="orders"))["Role"]
    assert (await iam("GetPolicy", PolicyArn=boundary))["Policy"][
        "PermissionsBoundaryUsageCount"
    ] == 1
    await refused(iam("DeletePolicy", PolicyArn=boundary), "DeleteConflictException")
    await iam("DeleteRolePermissionsBoundary", RoleName="orders")
    assert "PermissionsBoundary" not in (await iam("GetRole", RoleName="orders"))["Role"]
    await refused(iam("DeleteRolePermissionsBoundary", RoleName="orders"), "NoSuchEntityException")
    await refused(
        iam.create_role("other", PermissionsBoundary=boundary + "x"), "NoSuchEntityException"
    )
    assert len((await iam("ListRoles"))["Roles"]) == 1


async def test_roles_outlive_a_restart(open_iam: Callable[[], Awaitable[Identity]]) -> None:
    # Given
    before = await open_iam()
    await before.create_role(Tags=[{"Key": "team", "Value": "a"}])
    await before("PutRolePolicy", RoleName="orders", PolicyName="p", PolicyDocument=ALLOWED)
    policy = await before.create_policy()
    await before("AttachRolePolicy", RoleName="orders", PolicyArn=policy)
    # When
    after = await open_iam()
    # Then
    for operation in ("GetRole", "ListRolePolicies", "ListAttachedRolePolicies", "ListRoleTags"):
        answer = await after(operation, RoleName="orders")
        assert answer == await before(operation, RoleName="orders")


async def test_an_account_sees_its_own_in_every_region_and_nothing_else(iam: Identity) -> None:
    await iam.create_role()
    assert (await iam("ListRoles", region="us-west-2"))["Roles"]
    assert (await iam("ListRoles", account_id="999999999999"))["Roles"] == []
    other = await iam("CreateRole", account_id="999999999999", RoleName="orders",
                      AssumeRolePolicyDocument=TRUSTING)  # fmt: skip
    assert other["Role"]["Arn"] == "arn:aws:iam::999999999999:role/orders"
