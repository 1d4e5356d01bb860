"""Resource-based policies as documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"


def policy(resource: str = ARN, **changes: Any) -> str:
    statement = {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": resource,
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


@pytest.fixture
async def echo(plane: Plane) -> Plane:
    """A control plane with the function `echo`, its version 1 and its alias `live`."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


@pytest.mark.parametrize("arn", [ARN, f"{ARN}:1", f"{ARN}:live"])
async def test_a_policy_is_put_got_and_deleted(echo: Plane, arn: str) -> None:
    put = await echo("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn))
    assert put["Policy"] == policy(arn)
    assert await echo("GetResourcePolicy", ResourceArn=arn) == put
    assert await echo("GetPolicy", FunctionName=arn) == put
    assert await echo("DeleteResourcePolicy", ResourceArn=arn) == {}
    for operation in ("GetResourcePolicy", "DeleteResourcePolicy"):
        await refused(
            echo(operation, ResourceArn=arn),
            "ResourceNotFoundException",
            "No policy is associated with the given resource.",
        )


async def test_it_replaces_what_add_permission_wrote_and_can_be_added_to(echo: Plane) -> None:
    grant = {"FunctionName": "echo", "Action": "lambda:InvokeFunction", "Principal": "*"}
    await echo("AddPermission", **grant, StatementId="old")
    await echo("PutResourcePolicy", ResourceArn=ARN, Policy=policy())
    await echo("AddPermission", **grant, StatementId="new")
    found = await echo("GetResourcePolicy", ResourceArn=ARN)
    assert [each["Sid"] for each in json.loads(found["Policy"])["Statement"]] == ["one", "new"]


async def test_a_revision_guards_a_change(echo: Plane) -> None:
    put = {"ResourceArn": ARN, "Policy": policy()}
    old = (await echo("PutResourcePolicy", **put))["RevisionId"]
    new = (await echo("PutResourcePolicy", **put, RevisionId=old))["RevisionId"]
    await refused(echo("PutResourcePolicy", **put, RevisionId=old), "PreconditionFailedException")
    await refused(
        echo("DeleteResourcePolicy", ResourceArn=ARN, RevisionId=old),
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetResourcePolicy API to retrieve the latest Revision Id",
    )
    await echo("DeleteResourcePolicy", ResourceArn=ARN, RevisionId=new)
    await refused(echo("PutResourcePolicy", **put, RevisionId=new), "PreconditionFailedException")


async def test_what_is_public_is_refused(echo: Plane) -> None:
    await refused(
        echo("PutResourcePolicy", ResourceArn=ARN, Policy=policy(Principal="*")),
        "PublicPolicyException",
        "The resource-based policy you tried to add to the Lambda resource would grant public "
        "access to it, which isn't allowed.",
    )
    narrowed = {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    text = policy(Principal="*", Condition=narrowed)
    await echo("PutResourcePolicy", ResourceArn=ARN, Policy=text)


@pytest.mark.parametrize(
    ("arn", "text", "code"),
    [
        (ARN, "{", "InvalidParameterValueException"),
        (ARN, policy(f"{ARN}:live"), "InvalidParameterValueException"),
        (f"{ARN}:$LATEST", policy(f"{ARN}:$LATEST"), "InvalidParameterValueException"),
        (f"{ARN}:9", policy(f"{ARN}:9"), "ResourceNotFoundException"),
        (f"{ARN}x", policy(f"{ARN}x"), "ResourceNotFoundException"),
        (
            "arn:aws:lambda:eu-central-1:123456789012:runtime/x",
            policy(),
            "ResourceNotFoundException",
        ),
        (ARN.replace("central", "west"), policy(), "ResourceNotFoundException"),
        (ARN, policy(Sid="x" * 20_480), "PolicyLengthExceededException"),
    ],
)
async def test_what_cannot_be_put_is_refused(echo: Plane, arn: str, text: str, code: str) -> None:
    await refused(echo("PutResourcePolicy", ResourceArn=arn, Policy=text), code)
    await refused(echo("GetResourcePolicy", ResourceArn=ARN), "ResourceNotFoundException")


async def test_a_policy_in_any_characters_is_kept(echo: Plane) -> None:
    text = policy(Sid="größer \ud83d 🐍")
    put = await echo("PutResourcePolicy", ResourceArn=ARN, Policy=text)
    assert json.loads(put["Policy"]) == json.loads(text)
