"""Permissions of layer versions."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.model.function import Code
from lambdad.model.layer import LayerVersion
from lambdad.services.lambda_.layer_permissions import may_use_layer
from support.control_plane import ACCOUNT, REGION, Plane, refused

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:tools"
LAYER_VERSION = LayerVersion(ACCOUNT, REGION, "tools", 1, Code("00", 1), 0.0)
NAMED = {"LayerName": "tools", "VersionNumber": 1}
OTHER = "222222222222"
GRANT = {**NAMED, "StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": OTHER}


@pytest.fixture
async def tools(plane: Plane) -> Plane:
    """A control plane with version 1 of the layer `tools`."""
    await plane.control.resources.save(LAYER_VERSION)
    return plane


def may_use(plane: Plane, account_id: str) -> bool:
    return may_use_layer(plane.control, account_id, LAYER_VERSION)


@pytest.mark.parametrize("layer", ["tools", ARN])
async def test_a_permission_is_added_read_and_removed(tools: Plane, layer: str) -> None:
    # When
    added = await tools("AddLayerVersionPermission", **{**GRANT, "LayerName": layer})
    # Then
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{ARN}:1",
    }
    assert added["Statement"] == json.dumps(statement, separators=(",", ":"))
    found = await tools("GetLayerVersionPolicy", LayerName=layer, VersionNumber=1)
    assert found["RevisionId"] == added["RevisionId"]
    assert json.loads(found["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [statement],
    }
    # And when
    removal = {"LayerName": layer, "VersionNumber": 1, "StatementId": "s"}
    await tools("RemoveLayerVersionPermission", **removal)
    # Then
    await refused(
        tools("GetLayerVersionPolicy", **NAMED),
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
    )


@pytest.mark.parametrize(
    ("changes", "users"),
    [
        ({}, {OTHER}),
        ({"Principal": f"arn:aws:iam::{OTHER}:root"}, {OTHER}),
        ({"Principal": "*"}, {OTHER, "333333333333"}),
        ({"Principal": "*", "OrganizationId": "o-1234567890"}, set()),
    ],
)
async def test_who_may_use_a_layer(tools: Plane, changes: dict[str, Any], users: set[str]) -> None:
    assert may_use(tools, ACCOUNT)
    assert not may_use(tools, OTHER)
    await tools("AddLayerVersionPermission", **{**GRANT, **changes})
    assert {each for each in (OTHER, "333333333333") if may_use(tools, each)} == users
    assert may_use(tools, ACCOUNT)


async def test_an_organization_is_a_condition(tools: Plane) -> None:
    grant = {**GRANT, "Principal": "*", "OrganizationId": "o-1234567890"}
    added = await tools("AddLayerVersionPermission", **grant)
    statement = json.loads(added["Statement"])
    assert statement["Principal"] == "*"
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    await refused(
        tools("AddLayerVersionPermission", **{**grant, "Principal": OTHER}),
        "InvalidParameterValueException",
    )


async def test_a_revision_guards_a_change(tools: Plane) -> None:
    first = {**GRANT, "RevisionId": "any"}
    await refused(tools("AddLayerVersionPermission", **first), "PreconditionFailedException")
    old = (await tools("AddLayerVersionPermission", **GRANT))["RevisionId"]
    more = {**GRANT, "StatementId": "more", "RevisionId": old}
    new = (await tools("AddLayerVersionPermission", **more))["RevisionId"]
    removal = {**NAMED, "StatementId": "more"}
    await refused(
        tools("RemoveLayerVersionPermission", **removal, RevisionId=old),
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy "
        "API to retrieve the latest Revision Id",
    )
    await tools("RemoveLayerVersionPermission", **removal, RevisionId=new)
    found = json.loads((await tools("GetLayerVersionPolicy", **NAMED))["Policy"])
    assert [each["Sid"] for each in found["Statement"]] == ["s"]


@pytest.mark.parametrize(
    ("operation", "changes", "code", "message"),
    [
        (
            "AddLayerVersionPermission",
            {"VersionNumber": 2},
            "ResourceNotFoundException",
            f"Layer version {ARN}:2 does not exist.",
        ),
        ("RemoveLayerVersionPermission", {"LayerName": "x"}, "ResourceNotFoundException", None),
        ("GetLayerVersionPolicy", {"LayerName": "x"}, "ResourceNotFoundException", None),
        (
            "RemoveLayerVersionPermission",
            {},
            "ResourceNotFoundException",
            "Statement s is not found in resource policy.",
        ),
        (
            "AddLayerVersionPermission",
            {"StatementId": "there"},
            "ResourceConflictException",
            "The statement id (there) provided already exists. Please provide a new statement "
            "id, or remove the existing statement.",
        ),
        (
            "GetLayerVersionPolicy",
            {"LayerName": ARN.replace("central", "west")},
            "ResourceNotFoundException",
            None,
        ),
        (
            "GetLayerVersionPolicy",
            {"LayerName": ARN.replace(ACCOUNT, OTHER)},
            "AccessDeniedException",
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: "
            f"lambda:GetLayerVersionPolicy on resource: {ARN.replace(ACCOUNT, OTHER)} because "
            "no resource-based policy allows the lambda:GetLayerVersionPolicy action",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused(
    tools: Plane, operation: str, changes: dict[str, Any], code: str, message: str | None
) -> None:
    await tools("AddLayerVersionPermission", **{**GRANT, "StatementId": "there"})
    await refused(tools(operation, **{**GRANT, **changes}), code, message)


async def test_permissions_survive_a_restart(
    tools: Plane, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    await tools("AddLayerVersionPermission", **GRANT)
    assert may_use(await open_plane(), OTHER)
