"""Users, their groups and their keys."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest

from lambdad.model.caller import Caller
from support.control_plane import refused
from support.identity import ALLOWED, Identity

READING = "arn:aws:iam::123456789012:policy/reading"


async def test_a_user_is_created_found_and_listed(iam: Identity) -> None:
    created = await iam(
        "CreateUser", UserName="ann", Path="/team/", Tags=[{"Key": "k", "Value": "v"}]
    )
    user = created["User"]
    assert (await iam("GetUser", UserName="ANN"))["User"] == user
    assert user.pop("Tags") == [{"Key": "k", "Value": "v"}]
    assert (await iam("ListUsers", PathPrefix="/team/"))["Users"] == [user]
    assert re.fullmatch("AIDA[A-Z2-7]{17}", user["UserId"])
    assert user["Arn"] == "arn:aws:iam::123456789012:user/team/ann"
    await refused(
        iam("CreateUser", UserName="ann"),
        "EntityAlreadyExistsException",
        "User with name ann already exists.",
    )
    await refused(
        iam("GetUser", UserName="bob"),
        "NoSuchEntityException",
        "The user with name bob cannot be found.",
    )


async def test_who_names_no_user_means_himself(iam: Identity) -> None:
    # Given
    await iam("CreateUser", UserName="ann")
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    role = "arn:aws:iam::123456789012:role/orders"
    # Then
    assert (await iam("GetUser", key=key))["User"]["UserName"] == "ann"
    assert (await iam("ListAccessKeys", key=key))["AccessKeyMetadata"][0]["AccessKeyId"] == key
    assert (await iam("GetUser"))["User"] == {
        "UserId": "123456789012",
        "Arn": "arn:aws:iam::123456789012:root",
    }
    await refused(
        iam("GetUser", caller=Caller("123456789012", "us-east-1", role=role, session_name="s")),
        "ValidationException",
        "Must specify userName when calling with non-User credentials",
    )


async def test_a_key_tells_its_secret_once_and_names_its_account(iam: Identity) -> None:
    await iam("CreateUser", UserName="ann")
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key["AccessKeyId"])
    assert len(key.pop("SecretAccessKey")) == 40
    assert key == {
        "UserName": "ann",
        "AccessKeyId": key["AccessKeyId"],
        "Status": "Active",
        "CreateDate": int(iam.clock.now()),
    }
    assert (await iam("ListAccessKeys", UserName="ann")) == {
        "AccessKeyMetadata": [key],
        "IsTruncated": False,
    }
    assert (await iam("GetAccessKeyInfo", AccessKeyId=key["AccessKeyId"])) == {
        "Account": "123456789012"
    }
    used = await iam("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])
    assert used["UserName"] == "ann"
    assert used["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}


async def test_a_user_has_two_keys_at_most(iam: Identity) -> None:
    await iam("CreateUser", UserName="ann")
    for _ in range(2):
        await iam("CreateAccessKey", UserName="ann")
    await refused(
        iam("CreateAccessKey", UserName="ann"),
        "LimitExceededException",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    )


async def test_a_key_is_made_inactive_and_deleted(iam: Identity) -> None:
    # Given
    await iam("CreateUser", UserName="ann")
    await iam("CreateUser", UserName="bob")
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    # Then only its owner has it
    for operation in ("DeleteAccessKey", "UpdateAccessKey"):
        await refused(
            iam(operation, UserName="bob", AccessKeyId=key, Status="Inactive"),
            "NoSuchEntityException",
            f"The Access Key with id {key} cannot be found.",
        )
    await refused(
        iam("GetAccessKeyLastUsed", account_id="999999999999", AccessKeyId=key),
        "NoSuchEntityException",
    )
    # And nobody gets in with one that is inactive
    await iam("UpdateAccessKey", UserName="ann", AccessKeyId=key, Status="Inactive")
    await refused(
        iam("GetCallerIdentity", key=key),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
    await iam("UpdateAccessKey", UserName="ann", AccessKeyId=key, Status="Active")
    assert (await iam("GetCallerIdentity", key=key))["Arn"].endswith(":user/ann")
    await iam("DeleteAccessKey", UserName="ann", AccessKeyId=key)
    assert (await iam("ListAccessKeys", UserName="ann"))["AccessKeyMetadata"] == []


async def test_the_account_itself_may_have_keys(iam: Identity) -> None:
    key = (await iam("CreateAccessKey", account_id="999999999999"))["AccessKey"]
    assert "UserName" not in key
    identity = await iam("GetCallerIdentity", key=key["AccessKeyId"])
    assert identity["Arn"] == "arn:aws:iam::999999999999:root"
    assert (await iam("ListAccessKeys"))["AccessKeyMetadata"] == []


async def test_a_user_of_another_name_keeps_keys_and_groups(
    open_iam: Callable[[], Awaitable[Identity]],
) -> None:
    # Given
    iam = await open_iam()
    await iam("CreateUser", UserName="ann")
    await iam("CreateUser", UserName="bob")
    await iam("CreateGroup", GroupName="Team")
    await iam("AddUserToGroup", GroupName="team", UserName="ann")
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    # When
    await refused(
        iam("UpdateUser", UserName="ann", NewUserName="bob"), "EntityAlreadyExistsException"
    )
    await iam("UpdateUser", UserName="ann", NewUserName="Anna", NewPath="/x/")
    await iam("UpdateUser", UserName="Anna", NewUserName="anna")
    await iam("UpdateGroup", GroupName="Team", NewGroupName="Crew")
    # Then
    iam = await open_iam()
    identity = await iam("GetCallerIdentity", key=key)
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/x/anna"
    assert [user["UserName"] for user in (await iam("GetGroup", GroupName="Crew"))["Users"]] == [
        "anna"
    ]
    groups = (await iam("ListGroupsForUser", UserName="anna"))["Groups"]
    assert [group["GroupName"] for group in groups] == ["Crew"]
    assert [user["UserName"] for user in (await iam("ListUsers"))["Users"]] == ["anna", "bob"]


async def test_a_user_or_group_with_anything_on_it_cannot_be_deleted(iam: Identity) -> None:
    # Given
    await iam.create_policy()
    for noun, name in (("User", {"UserName": "ann"}), ("Group", {"GroupName": "team"})):
        await iam(f"Create{noun}", **name)
        await iam(f"Attach{noun}Policy", **name, PolicyArn=READING)
        await iam(f"Put{noun}Policy", **name, PolicyName="p", PolicyDocument=ALLOWED)
    both = {"GroupName": "team", "UserName": "ann"}
    await iam("AddUserToGroup", **both)
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    # When each is removed, Then the next one is named
    for noun, reason, removal, request in (
        ("Group", "remove users from group", "RemoveUserFromGroup", both),
        ("User", "detach all policies", "DetachUserPolicy", {"PolicyArn": READING}),
        ("User", "delete policies", "DeleteUserPolicy", {"PolicyName": "p"}),
        ("User", "delete access keys", "DeleteAccessKey", {"AccessKeyId": key}),
        ("Group", "detach all policies", "DetachGroupPolicy", {"PolicyArn": READING}),
        ("Group", "delete policies", "DeleteGroupPolicy", {"PolicyName": "p"}),
    ):
        await refused(
            iam(f"Delete{noun}", **both),
            "DeleteConflictException",
            f"Cannot delete entity, must {reason} first.",
        )
        await iam(removal, **both, **{k: v for k, v in request.items() if k not in both})
    await iam("DeleteUser", UserName="ann")
    await iam("DeleteGroup", GroupName="team")
    assert (await iam("ListUsers"))["Users"] == (await iam("ListGroups"))["Groups"] == []


async def test_a_user_in_a_group_cannot_be_deleted(iam: Identity) -> None:
    await iam("CreateUser", UserName="ann")
    await iam("CreateGroup", GroupName="team")
    for _ in range(2):
        await iam("AddUserToGroup", GroupName="team", UserName="ann")
    await refused(iam("DeleteUser", UserName="ann"), "DeleteConflictException")
    for _ in range(2):
        await iam("RemoveUserFromGroup", GroupName="team", UserName="ann")
    await iam("DeleteUser", UserName="ann")


async def test_ten_groups_are_enough_for_a_user(iam: Identity) -> None:
    await iam("CreateUser", UserName="ann")
    for number in range(11):
        await iam("CreateGroup", GroupName=f"g{number:02}")
    for number in range(10):
        await iam("AddUserToGroup", GroupName=f"g{number:02}", UserName="ann")
    await refused(
        iam("AddUserToGroup", GroupName="g10", UserName="ann"),
        "LimitExceededException",
        "Cannot exceed quota for GroupsPerUser: 10",
    )
    await refused(
        iam("UpdateGroup", GroupName="g10", NewGroupName="g01"), "EntityAlreadyExistsException"
    )


@pytest.mark.parametrize(
    ("noun", "member"),
    [
        ("Role", {"RoleName": "orders"}),
        ("User", {"UserName": "ann"}),
        ("InstanceProfile", {"InstanceProfileName": "profile"}),
        ("Policy", {"PolicyArn": READING}),
    ],
)
async def test_tags_are_added_listed_and_removed(
    iam: Identity, noun: str, member: dict[str, str]
) -> None:
    # Given
    if noun == "Role":
        await iam.create_role()
    elif noun == "Policy":
        await iam.create_policy()
    else:
        await iam(f"Create{noun}", **member)
    # When
    tags = [{"Key": "b", "Value": "1"}, {"Key": "Ä", "Value": ""}, {"Key": "a", "Value": "1"}]
    await iam(f"Tag{noun}", **member, Tags=tags)
    await iam(f"Tag{noun}", **member, Tags=[{"Key": "B", "Value": "2"}])
    # Then
    first = await iam(f"List{noun}Tags", **member, MaxItems=2)
    assert first["Tags"] == [{"Key": "B", "Value": "2"}, {"Key": "a", "Value": "1"}]
    second = await iam(f"List{noun}Tags", **member, Marker=first["Marker"])
    assert second == {"Tags": [{"Key": "Ä", "Value": ""}], "IsTruncated": False}
    await iam(f"Untag{noun}", **member, TagKeys=["A", "ghost", "ä"])
    assert (await iam(f"List{noun}Tags", **member))["Tags"] == [{"Key": "B", "Value": "2"}]
    await refused(
        iam(f"Tag{noun}", **member, Tags=[{"Key": key, "Value": ""} for key in "xX"]),
        "InvalidInputException",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
    await refused(
        iam(f"Tag{noun}", **member, Tags=[{"Key": "aws:x", "Value": ""}]), "InvalidInputException"
    )
    await refused(
        iam(f"Tag{noun}", **member, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)]),
        "LimitExceededException",
        "The number of tags has reached the maximum limit.",
    )


async def test_an_instance_profile_has_one_role(iam: Identity) -> None:
    # Given
    role = await iam.create_role()
    name = {"InstanceProfileName": "profile"}
    created = (await iam("CreateInstanceProfile", **name, Path="/x/"))["InstanceProfile"]
    assert created["Roles"] == []
    assert re.fullmatch("AIPA[A-Z2-7]{17}", created["InstanceProfileId"])
    assert created["Arn"] == "arn:aws:iam::123456789012:instance-profile/x/profile"
    # When
    await iam("AddRoleToInstanceProfile", **name, RoleName="orders")
    # Then
    found = (await iam("GetInstanceProfile", **name))["InstanceProfile"]
    assert found == {**created, "Roles": [role]}
    assert (await iam("ListInstanceProfiles"))["InstanceProfiles"] == [found]
    by_role = await iam("ListInstanceProfilesForRole", RoleName="orders")
    assert by_role == {"InstanceProfiles": [found], "IsTruncated": False}
    await refused(
        iam("AddRoleToInstanceProfile", **name, RoleName="orders"),
        "LimitExceededException",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    )
    await refused(
        iam("DeleteInstanceProfile", **name),
        "DeleteConflictException",
        "Cannot delete entity, must remove roles from instance profile first.",
    )
    await iam("RemoveRoleFromInstanceProfile", **name, RoleName="orders")
    await refused(
        iam("RemoveRoleFromInstanceProfile", **name, RoleName="orders"), "NoSuchEntityException"
    )
    await iam("DeleteInstanceProfile", **name)
    await refused(
        iam("GetInstanceProfile", **name),
        "NoSuchEntityException",
        "Instance Profile profile cannot be found.",
    )


async def test_an_account_has_one_alias_that_no_other_has(iam: Identity) -> None:
    await iam("CreateAccountAlias", AccountAlias="first")
    await iam("CreateAccountAlias", AccountAlias="second")
    assert (await iam("ListAccountAliases"))["AccountAliases"] == ["second"]
    await refused(
        iam("CreateAccountAlias", account_id="999999999999", AccountAlias="second"),
        "EntityAlreadyExistsException",
        "The account alias second already exists.",
    )
    await iam("DeleteAccountAlias", AccountAlias="second")
    await refused(iam("DeleteAccountAlias", AccountAlias="second"), "NoSuchEntityException")
    assert (await iam("ListAccountAliases"))["AccountAliases"] == []


async def test_the_summary_counts(iam: Identity) -> None:
    await iam.create_role()
    await iam.create_policy()
    await iam("CreatePolicyVersion", PolicyArn=READING, PolicyDocument=ALLOWED)
    await iam("CreateUser", UserName="ann")
    summary = (await iam("GetAccountSummary"))["SummaryMap"]
    expected = {"Roles": 1, "Policies": 1, "PolicyVersionsInUse": 2, "Users": 1, "Groups": 0}
    assert {name: summary[name] for name in expected} == expected
    assert summary["VersionsPerPolicyQuota"] == 5
