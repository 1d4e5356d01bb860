"""Aliases: names for versions, weights between two of them."""

from __future__ import annotations

import pytest

from support.control_plane import Plane, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"


@pytest.fixture
async def published(plane: Plane) -> Plane:
    """A control plane with the function `echo` and its versions 1 and 2."""
    await plane.create("echo", Publish=True, Timeout=1)
    await plane.update(Timeout=2)
    await plane("PublishVersion", FunctionName="echo")
    return plane


async def test_an_alias_is_created_found_changed_and_deleted(published: Plane) -> None:
    created = await published(
        "CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1", Description="d"
    )
    assert created.pop("RevisionId")
    assert created == {
        "AliasArn": f"{ARN}:live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "d",
    }
    updated = await published("UpdateAlias", FunctionName="echo", Name="live", FunctionVersion="2")
    assert (updated["FunctionVersion"], updated["Description"]) == ("2", "d")
    assert await published("GetAlias", FunctionName="echo", Name="live") == updated
    listed = await published("ListAliases", FunctionName="echo", FunctionVersion="1")
    assert listed["Aliases"] == []
    await published("DeleteAlias", FunctionName="echo", Name="live")
    await published("DeleteAlias", FunctionName="echo", Name="live")
    await refused(
        published("GetAlias", FunctionName="echo", Name="live"),
        "ResourceNotFoundException",
        f"Cannot find alias arn: {ARN}:live",
    )


async def test_an_alias_is_a_qualifier(published: Plane) -> None:
    await published("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    for request in ({"FunctionName": "echo:live"}, {"FunctionName": "echo", "Qualifier": "live"}):
        found = await published("GetFunctionConfiguration", **request)
        assert (found["FunctionArn"], found["Version"]) == (f"{ARN}:live", "1")
        assert found["Timeout"] == 1


async def test_an_invocation_by_an_alias_runs_its_version(published: Plane) -> None:
    await published("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    answer = await published("Invoke", FunctionName="echo:live", Payload=b"{}")
    assert answer["ExecutedVersion"] == "1"
    version, invocation = published.invoker.invoked[-1]
    assert (version.timeout, invocation.invoked_arn) == (1, f"{ARN}:live")


async def test_weights_decide_by_the_draw(published: Plane) -> None:
    await published(
        "CreateAlias",
        FunctionName="echo",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}},
    )
    executed = []
    for draw in (0.0, 0.2499, 0.25, 0.99):
        published.draws.append(draw)
        answer = await published("Invoke", FunctionName="echo:live", Payload=b"{}")
        executed.append(answer["ExecutedVersion"])
    assert executed == ["2", "2", "1", "1"]
    reset = await published(
        "UpdateAlias",
        FunctionName="echo",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    assert "RoutingConfig" not in reset


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"FunctionVersion": "9"}, "ResourceNotFoundException", f"Function not found: {ARN}:9"),
        (
            {"FunctionVersion": "live"},
            "ResourceNotFoundException",
            f"Function not found: {ARN}:live",
        ),
        (
            {"FunctionVersion": "$LATEST", "weights": {"1": 0.5}},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        (
            {"FunctionVersion": "1", "weights": {"$LATEST": 0.5}},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        ({"FunctionVersion": "1", "weights": {"9": 0.5}}, "ResourceNotFoundException", None),
        ({"FunctionVersion": "1", "weights": {"1": 0.5}}, "InvalidParameterValueException", None),
        (
            {"FunctionVersion": "1", "weights": {"2": 0.5, "3": 0.1}},
            "InvalidParameterValueException",
            "An alias can have at most one additional version.",
        ),
    ],
)
async def test_what_an_alias_cannot_point_to_is_refused(
    published: Plane, request_: dict[str, object], code: str, message: str | None
) -> None:
    weights = request_.pop("weights", None)
    routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
    await published("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    call = published("CreateAlias", FunctionName="echo", Name="new", **request_, **routing)
    await refused(call, code, message)
    assert len((await published("ListAliases", FunctionName="echo"))["Aliases"]) == 1


async def test_versions_of_one_alias_share_their_role(published: Plane) -> None:
    await published.update(Role="arn:aws:iam::123456789012:role/other")
    await published("PublishVersion", FunctionName="echo")
    await refused(
        published(
            "CreateAlias",
            FunctionName="echo",
            Name="live",
            FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"3": 0.5}},
        ),
        "InvalidParameterValueException",
        "The versions of an alias must have the same execution role.",
    )


async def test_an_alias_is_created_once(published: Plane) -> None:
    await published("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    await refused(
        published("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="2"),
        "ResourceConflictException",
        f"Alias already exists: {ARN}:live",
    )
    await refused(
        published("UpdateAlias", FunctionName="echo", Name="live", RevisionId="old"),
        "PreconditionFailedException",
    )


async def test_a_function_is_named_without_a_qualifier(published: Plane) -> None:
    await refused(
        published("CreateAlias", FunctionName="echo:1", Name="live", FunctionVersion="1"),
        "InvalidParameterValueException",
        "This operation is permitted on Lambda functions only. Aliases and versions do not "
        "support this operation. Please specify either a function name or an unqualified "
        "function ARN.",
    )


async def test_weights_are_between_numbered_versions(published: Plane) -> None:
    await published("PublishVersion", FunctionName="echo", PublishTo="LATEST_PUBLISHED")
    await refused(
        published(
            "CreateAlias",
            FunctionName="echo",
            Name="live",
            FunctionVersion="$LATEST.PUBLISHED",
            RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
        ),
        "InvalidParameterValueException",
    )
