"""Permissions: statements of the policy of a function, a version or an alias."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.model.policy import Policy
from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
GRANT = {
    "FunctionName": "echo",
    "StatementId": "s3",
    "Action": "lambda:InvokeFunction",
    "Principal": "s3.amazonaws.com",
}
STATEMENT = {
    "Sid": "s3",
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": ARN,
}


@pytest.fixture
async def echo(plane: Plane) -> Plane:
    """A control plane with the function `echo`, its version 1 and its alias `live`."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


async def statements(plane: Plane, **request: Any) -> list[dict[str, Any]]:
    """The statements that GetPolicy tells."""
    found = await plane("GetPolicy", **{"FunctionName": "echo", **request})
    listed: list[dict[str, Any]] = json.loads(found["Policy"])["Statement"]
    return listed


async def test_a_permission_is_added_read_and_removed(echo: Plane) -> None:
    # When
    added = await echo("AddPermission", **GRANT)
    # Then
    assert added == {"Statement": json.dumps(STATEMENT, separators=(",", ":"))}
    found = await echo("GetPolicy", FunctionName=ARN)
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": [STATEMENT]}
    assert found["Policy"] == json.dumps(policy, separators=(",", ":"))
    assert found["RevisionId"]
    # And when
    await echo("RemovePermission", FunctionName="echo", StatementId="s3")
    # Then
    await refused(
        echo("GetPolicy", FunctionName="echo"),
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )


async def test_conditions_are_those_of_aws(echo: Plane) -> None:
    await echo(
        "AddPermission",
        **GRANT,
        SourceAccount="111111111111",
        SourceArn="arn:aws:s3:::bucket",
    )
    assert await statements(echo) == [
        {
            **STATEMENT,
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": "111111111111"},
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
            },
        }
    ]


@pytest.mark.parametrize("qualifier", ["1", "live"])
async def test_a_version_and_an_alias_have_policies_of_their_own(
    echo: Plane, qualifier: str
) -> None:
    await echo("AddPermission", **{**GRANT, "Qualifier": qualifier})
    (found,) = await statements(echo, Qualifier=qualifier)
    assert found["Resource"] == f"{ARN}:{qualifier}"
    assert await statements(echo, FunctionName=f"echo:{qualifier}") == [found]
    await refused(echo("GetPolicy", FunctionName="echo"), "ResourceNotFoundException")
    await refused(
        echo("RemovePermission", FunctionName="echo", StatementId="s3"),
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
    )
    await echo("RemovePermission", FunctionName="echo", StatementId="s3", Qualifier=qualifier)


async def test_a_statement_id_is_used_once(echo: Plane) -> None:
    await echo("AddPermission", **GRANT)
    await refused(
        echo("AddPermission", **{**GRANT, "Principal": "*"}),
        "ResourceConflictException",
        "The statement id (s3) provided already exists. Please provide a new statement id, or "
        "remove the existing statement.",
    )
    await echo("AddPermission", **{**GRANT, "StatementId": "s4"})
    await echo("RemovePermission", FunctionName="echo", StatementId="s3")
    assert [each["Sid"] for each in await statements(echo)] == ["s4"]


async def test_a_revision_guards_a_change(echo: Plane) -> None:
    first = {**GRANT, "RevisionId": "any"}
    await refused(echo("AddPermission", **first), "PreconditionFailedException")
    await echo("AddPermission", **GRANT)
    old = (await echo("GetPolicy", FunctionName="echo"))["RevisionId"]
    more = {**GRANT, "StatementId": "more", "RevisionId": old}
    await echo("AddPermission", **more)
    await refused(
        echo("AddPermission", **{**more, "StatementId": "again"}),
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API "
        "to retrieve the latest Revision Id",
    )
    removal = {"FunctionName": "echo", "StatementId": "more"}
    stale = echo("RemovePermission", **removal, RevisionId=old)
    await refused(stale, "PreconditionFailedException")
    new = (await echo("GetPolicy", FunctionName="echo"))["RevisionId"]
    await echo("RemovePermission", **removal, RevisionId=new)


@pytest.mark.parametrize(
    ("operation", "changes", "code", "message"),
    [
        (
            "AddPermission",
            {"Principal": "nobody"},
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        (
            "AddPermission",
            {"Qualifier": "$LATEST"},
            "InvalidParameterValueException",
            "We currently do not support adding policies for $LATEST.",
        ),
        (
            "AddPermission",
            {"FunctionUrlAuthType": "NONE"},
            "InvalidParameterValueException",
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        ),
        (
            "AddPermission",
            {"FunctionName": "none"},
            "ResourceNotFoundException",
            f"Function not found: {ARN.replace('echo', 'none')}",
        ),
        (
            "AddPermission",
            {"Qualifier": "9"},
            "ResourceNotFoundException",
            f"Function not found: {ARN}:9",
        ),
        ("GetPolicy", {"FunctionName": "none"}, "ResourceNotFoundException", None),
        ("GetPolicy", {"Qualifier": "none"}, "ResourceNotFoundException", None),
        ("GetPolicy", {"Qualifier": "$LATEST"}, "ResourceNotFoundException", None),
        ("RemovePermission", {"FunctionName": "none"}, "ResourceNotFoundException", None),
        (
            "RemovePermission",
            {"FunctionName": "echo:$LATEST"},
            "InvalidParameterValueException",
            None,
        ),
        (
            "RemovePermission",
            {"StatementId": "none"},
            "ResourceNotFoundException",
            "Statement none is not found in resource policy.",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused(
    echo: Plane, operation: str, changes: dict[str, Any], code: str, message: str | None
) -> None:
    await echo("AddPermission", **{**GRANT, "StatementId": "there"})
    await refused(echo(operation, **{**GRANT, **changes}), code, message)


async def test_a_policy_has_at_most_20480_characters(echo: Plane) -> None:
    long = f"arn:aws:s3:::{'x' * 9_000}"
    for sid in ("a", "b"):
        await echo("AddPermission", **{**GRANT, "StatementId": sid, "SourceArn": long})
    error = await refused(
        echo("AddPermission", **{**GRANT, "StatementId": "c", "SourceArn": long}),
        "PolicyLengthExceededException",
    )
    assert error.message.endswith("is bigger than the limit (20480).")
    assert len(await statements(echo)) == 2


async def test_a_policy_goes_with_what_it_belongs_to(echo: Plane) -> None:
    for qualifier in ({}, {"Qualifier": "1"}, {"Qualifier": "live"}):
        await echo("AddPermission", **GRANT, **qualifier)
    await echo("DeleteAlias", FunctionName="echo", Name="live")
    await echo("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="$LATEST")
    await refused(echo("GetPolicy", FunctionName="echo:live"), "ResourceNotFoundException")
    await echo("DeleteFunction", FunctionName="echo:1")
    assert len(await statements(echo)) == 1
    await echo("DeleteFunction", FunctionName="echo")
    assert echo.control.resources.all(Policy) == ()


async def test_policies_survive_a_restart(
    echo: Plane, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    await echo("AddPermission", **GRANT)
    before = await echo("GetPolicy", FunctionName="echo")
    again = await open_plane()
    assert await again("GetPolicy", FunctionName="echo") == before
