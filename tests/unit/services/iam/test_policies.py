"""Managed policies, their versions, and what they are attached to."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest

from support.control_plane import refused
from support.identity import ALLOWED, Identity

ARN = "arn:aws:iam::123456789012:policy/reading"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
UNKNOWN = "arn:aws:iam::aws:policy/SomethingElse"


async def test_a_policy_is_described_in_full(iam: Identity) -> None:
    created = await iam(
        "CreatePolicy",
        PolicyName="reading",
        PolicyDocument=ALLOWED,
        Path="/app/",
        Description="d",
        Tags=[{"Key": "k", "Value": "v"}],
    )
    policy = created["Policy"]
    found = (await iam("GetPolicy", PolicyArn=policy["Arn"]))["Policy"]
    assert found == {**policy, "Description": "d"}
    assert re.fullmatch("ANPA[A-Z2-7]{17}", policy.pop("PolicyId"))
    assert policy == {
        "PolicyName": "reading",
        "Arn": "arn:aws:iam::123456789012:policy/app/reading",
        "Path": "/app/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": int(iam.clock.now()),
        "UpdateDate": int(iam.clock.now()),
        "Tags": [{"Key": "k", "Value": "v"}],
    }


async def test_a_policy_is_named_by_its_whole_arn(iam: Identity) -> None:
    await iam.create_policy(Path="/app/")
    for arn, code in (
        (ARN, "NoSuchEntityException"),
        (ARN.replace("policy/", "role/"), "InvalidInputException"),
        ("arn:aws:iam::nobody", "InvalidInputException"),
        (ARN.replace("123456789012", "999999999999"), "AccessDeniedException"),
    ):
        await refused(iam("GetPolicy", PolicyArn=arn), code)
    await refused(iam.create_policy(), "EntityAlreadyExistsException")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{}", "MalformedPolicyDocumentException"),
        (ALLOWED.replace("2012-10-17", "2008-10-17"), "MalformedPolicyDocumentException"),
        (ALLOWED.replace("GetObject", "G" * 6144), "LimitExceededException"),
    ],
)
async def test_a_document_that_cannot_be_is_refused(
    iam: Identity, document: str, code: str
) -> None:
    await refused(iam.create_policy(PolicyDocument=document), code)
    assert (await iam("ListPolicies", Scope="Local"))["Policies"] == []


async def test_versions_come_and_go(iam: Identity) -> None:
    # Given five versions
    await iam.create_policy()
    for number in range(2, 6):
        answer = await iam(
            "CreatePolicyVersion",
            PolicyArn=ARN,
            PolicyDocument=ALLOWED.replace("GetObject", f"GetObject{number}"),
            SetAsDefault=number == 3,
        )
        assert answer["PolicyVersion"]["VersionId"] == f"v{number}"
    # Then a sixth is too many
    await refused(
        iam("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOWED),
        "LimitExceededException",
        "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version.",
    )
    # And one of them counts, which cannot be deleted
    listed = (await iam("ListPolicyVersions", PolicyArn=ARN))["Versions"]
    assert [version["VersionId"] for version in listed] == ["v5", "v4", "v3", "v2", "v1"]
    assert [version["IsDefaultVersion"] for version in listed].index(True) == 2
    found = await iam("GetPolicyVersion", PolicyArn=ARN, VersionId="v3")
    assert "GetObject3" in unquote(found["PolicyVersion"]["Document"])
    await refused(
        iam("DeletePolicyVersion", PolicyArn=ARN, VersionId="v3"),
        "DeleteConflictException",
        "Cannot delete the default version of a policy.",
    )
    # And a number is never given twice
    await iam("DeletePolicyVersion", PolicyArn=ARN, VersionId="v5")
    again = await iam("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOWED)
    assert again["PolicyVersion"]["VersionId"] == "v6"
    assert again["PolicyVersion"]["IsDefaultVersion"] is False
    # And another one may count
    await iam("SetDefaultPolicyVersion", PolicyArn=ARN, VersionId="v6")
    assert (await iam("GetPolicy", PolicyArn=ARN))["Policy"]["DefaultVersionId"] == "v6"
    await refused(
        iam("SetDefaultPolicyVersion", PolicyArn=ARN, VersionId="v9"), "NoSuchEntityException"
    )


async def test_a_policy_in_use_or_with_versions_stays(iam: Identity) -> None:
    await iam.create_policy()
    await iam.create_role()
    await iam("AttachRolePolicy", RoleName="orders", PolicyArn=ARN)
    await iam("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOWED)
    await refused(
        iam("DeletePolicy", PolicyArn=ARN),
        "DeleteConflictException",
        "Cannot delete a policy attached to entities.",
    )
    await iam("DetachRolePolicy", RoleName="orders", PolicyArn=ARN)
    await refused(iam("DeletePolicy", PolicyArn=ARN), "DeleteConflictException")
    await iam("DeletePolicyVersion", PolicyArn=ARN, VersionId="v2")
    await iam("DeletePolicy", PolicyArn=ARN)
    await refused(
        iam("GetPolicy", PolicyArn=ARN), "NoSuchEntityException", f"Policy {ARN} was not found."
    )


@pytest.mark.parametrize("noun", ["Role", "User", "Group"])
async def test_policies_are_attached_listed_and_detached(iam: Identity, noun: str) -> None:
    # Given
    name = {f"{noun}Name": "orders"}
    await (iam.create_role() if noun == "Role" else iam(f"Create{noun}", **name))
    await iam.create_policy(Path="/app/")
    own = ARN.replace("policy/", "policy/app/")
    # When
    for arn in (BASIC, own, own):
        await iam(f"Attach{noun}Policy", **name, PolicyArn=arn)
    # Then
    listed = await iam(f"ListAttached{noun}Policies", **name)
    assert listed == {
        "AttachedPolicies": [
            {"PolicyName": "reading", "PolicyArn": own},
            {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC},
        ],
        "IsTruncated": False,
    }
    below = await iam(f"ListAttached{noun}Policies", **name, PathPrefix="/app/")
    assert len(below["AttachedPolicies"]) == 1
    assert (await iam("GetPolicy", PolicyArn=own))["Policy"]["AttachmentCount"] == 1
    entities = await iam("ListEntitiesForPolicy", PolicyArn=own)
    assert [each[f"{noun}Name"] for each in entities[f"Policy{noun}s"]] == ["orders"]
    others = await iam(
        "ListEntitiesForPolicy", PolicyArn=own, PolicyUsageFilter="PermissionsBoundary"
    )
    assert others == {
        "PolicyGroups": [],
        "PolicyRoles": [],
        "PolicyUsers": [],
        "IsTruncated": False,
    }
    await iam(f"Detach{noun}Policy", **name, PolicyArn=own)
    await refused(
        iam(f"Detach{noun}Policy", **name, PolicyArn=own),
        "NoSuchEntityException",
        f"Policy {own} was not found.",
    )
    await refused(
        iam(f"Attach{noun}Policy", **name, PolicyArn=ARN),
        "NoSuchEntityException",
        f"Policy {ARN} does not exist or is not attachable.",
    )
    await refused(
        iam(f"Attach{noun}Policy", **name, PolicyArn="arn:aws:iam::policy/x"),
        "InvalidInputException",
        "ARN arn:aws:iam::policy/x is not valid.",
    )


async def test_ten_policies_are_enough_for_a_role(iam: Identity) -> None:
    await iam.create_role()
    for number in range(10):
        await iam("AttachRolePolicy", RoleName="orders", PolicyArn=f"{UNKNOWN}{number}")
    await refused(
        iam("AttachRolePolicy", RoleName="orders", PolicyArn=BASIC),
        "LimitExceededException",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )
    first = await iam("ListAttachedRolePolicies", RoleName="orders", MaxItems=6)
    second = await iam(
        "ListAttachedRolePolicies", RoleName="orders", MaxItems=6, Marker=first["Marker"]
    )
    assert len(first["AttachedPolicies"] + second["AttachedPolicies"]) == 10


async def test_awss_own_policies_are_there_and_nobodys_to_change(iam: Identity) -> None:
    # Given
    known = (await iam("GetPolicy", PolicyArn=BASIC))["Policy"]
    # Then a document that is known is told
    assert (known["PolicyName"], known["Path"]) == ("AWSLambdaBasicExecutionRole", "/service-role/")
    version = await iam("GetPolicyVersion", PolicyArn=BASIC, VersionId="v1")
    document = json.loads(unquote(version["PolicyVersion"]["Document"]))
    assert "logs:PutLogEvents" in document["Statement"][0]["Action"]
    # And of another one nothing is made up
    unknown = (await iam("GetPolicy", PolicyArn=UNKNOWN))["Policy"]
    assert not unknown.keys() & {"PolicyId", "CreateDate"}
    version = await iam("GetPolicyVersion", PolicyArn=UNKNOWN, VersionId="v1")
    assert version["PolicyVersion"] == {"VersionId": "v1", "IsDefaultVersion": True}
    assert len((await iam("ListPolicyVersions", PolicyArn=UNKNOWN))["Versions"]) == 1
    await refused(
        iam("GetPolicyVersion", PolicyArn=UNKNOWN, VersionId="v2"), "NoSuchEntityException"
    )
    for operation, more in (
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": ALLOWED}),
        ("TagPolicy", {"Tags": []}),
    ):
        await refused(iam(operation, PolicyArn=BASIC, **more), "AccessDeniedException")


async def test_the_list_knows_scopes_and_use(iam: Identity) -> None:
    # Given
    await iam.create_policy()
    await iam.create_policy("bounding", Path="/app/")
    bounding = ARN.replace("reading", "app/bounding")
    await iam.create_role(PermissionsBoundary=bounding)
    await iam("AttachRolePolicy", RoleName="orders", PolicyArn=UNKNOWN)

    async def listed(**request: Any) -> list[str]:
        policies: list[dict[str, Any]] = []
        while True:
            page = await iam("ListPolicies", MaxItems=2, **request)
            policies += page["Policies"]
            if not page["IsTruncated"]:
                return [policy["PolicyName"] for policy in policies]
            request["Marker"] = page["Marker"]

    # Then
    assert await listed(Scope="Local") == ["bounding", "reading"]
    assert await listed(Scope="Local", PathPrefix="/app/") == ["bounding"]
    assert await listed(OnlyAttached=True) == ["SomethingElse", "bounding"]
    assert await listed(PolicyUsageFilter="PermissionsBoundary") == ["bounding"]
    assert await listed(PolicyUsageFilter="PermissionsPolicy") == ["SomethingElse"]
    aws = await listed(Scope="AWS")
    assert {"AdministratorAccess", "SomethingElse"} < set(aws)
    assert await listed() == [*aws, "bounding", "reading"]


@pytest.mark.parametrize("noun", ["Role", "User", "Group"])
async def test_inline_policies_belong_to_one_bearer(iam: Identity, noun: str) -> None:
    name = {f"{noun}Name": "orders"}
    await (iam.create_role() if noun == "Role" else iam(f"Create{noun}", **name))
    for policy in ("b", "a", "c", "a"):
        await iam(f"Put{noun}Policy", **name, PolicyName=policy, PolicyDocument=ALLOWED)
    first = await iam(f"List{noun}Policies", **name, MaxItems=2)
    assert first == {"PolicyNames": ["a", "b"], "IsTruncated": True, "Marker": "b"}
    second = await iam(f"List{noun}Policies", **name, Marker="b")
    assert second == {"PolicyNames": ["c"], "IsTruncated": False}
    found = await iam(f"Get{noun}Policy", **name, PolicyName="a")
    assert unquote(found.pop("PolicyDocument")) == ALLOWED
    assert found == {**name, "PolicyName": "a"}
    await iam(f"Delete{noun}Policy", **name, PolicyName="a")
    for operation in (f"Get{noun}Policy", f"Delete{noun}Policy"):
        await refused(
            iam(operation, **name, PolicyName="a"),
            "NoSuchEntityException",
            f"The {noun.lower()} policy with name a cannot be found.",
        )
    await refused(
        iam(f"Put{noun}Policy", **name, PolicyName="d", PolicyDocument="no"),
        "MalformedPolicyDocumentException",
    )
    large = ALLOWED.replace("GetObject", "G" * 10_240)
    await refused(
        iam(f"Put{noun}Policy", **name, PolicyName="d", PolicyDocument=large),
        "LimitExceededException",
    )
    assert (await iam(f"List{noun}Policies", **name))["PolicyNames"] == ["b", "c"]
