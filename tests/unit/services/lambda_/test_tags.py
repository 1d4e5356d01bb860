"""Tags of every resource that can have them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.control_plane import Plane, refused

PREFIX = "arn:aws:lambda:eu-central-1:123456789012"
ARN = f"{PREFIX}:function:echo"
INVALID = "InvalidParameterValueException"


async def make_function(plane: Plane, tags: dict[str, str]) -> str:
    await plane.create(Tags=tags)
    return ARN


async def make_code_signing_config(plane: Plane, tags: dict[str, str]) -> str:
    publishers = {"SigningProfileVersionArns": [f"{PREFIX}:any"]}
    answer = await plane("CreateCodeSigningConfig", AllowedPublishers=publishers, Tags=tags)
    return str(answer["CodeSigningConfig"]["CodeSigningConfigArn"])


async def make_capacity_provider(plane: Plane, tags: dict[str, str]) -> str:
    role = {"CapacityProviderOperatorRoleArn": "arn:aws:iam::123456789012:role/r"}
    answer = await plane(
        "CreateCapacityProvider",
        CapacityProviderName="echo",
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": []},
        PermissionsConfig=role,
        Tags=tags,
    )
    await plane.control.changes.settle()
    return str(answer["CapacityProvider"]["CapacityProviderArn"])


async def make_event_source_mapping(plane: Plane, tags: dict[str, str]) -> str:
    await plane.create()
    queue = "arn:aws:sqs:eu-central-1:123456789012:orders"
    answer = await plane(
        "CreateEventSourceMapping", FunctionName="echo", EventSourceArn=queue, Tags=tags
    )
    await plane.control.changes.settle()
    return str(answer["EventSourceMappingArn"])


MAKERS: dict[str, Callable[[Plane, dict[str, str]], Awaitable[str]]] = {
    "capacity-provider": make_capacity_provider,
    "code-signing-config": make_code_signing_config,
    "event-source-mapping": make_event_source_mapping,
    "function": make_function,
}


@pytest.mark.parametrize("kind", MAKERS)
async def test_tags_are_added_replaced_removed_and_kept(
    kind: str, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    # Given
    plane = await open_plane()
    arn = await MAKERS[kind](plane, {"team": "a", "stage": "test"})
    # When
    await plane("TagResource", Resource=arn, Tags={"stage": "live", "cost": "1"})
    await plane("UntagResource", Resource=arn, TagKeys=["team", "unknown"])
    # Then
    plane = await open_plane()
    assert await plane("ListTags", Resource=arn) == {"Tags": {"stage": "live", "cost": "1"}}


async def test_get_function_tells_the_tags(plane: Plane) -> None:
    await plane.create()
    await plane("TagResource", Resource=ARN, Tags={"team": "a"})
    assert (await plane("GetFunction", FunctionName="echo"))["Tags"] == {"team": "a"}


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        (
            f"{ARN}:1",
            INVALID,
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN.",
        ),
        (f"{ARN}:$LATEST", INVALID, None),
        (f"{ARN}2", "ResourceNotFoundException", f"Function not found: {ARN}2"),
        (
            "arn:aws:lambda:eu-central-1:210987654321:function:echo",
            "AccessDeniedException",
            None,
        ),
        (
            "arn:aws:lambda:us-east-1:123456789012:function:echo",
            "ResourceNotFoundException",
            None,
        ),
        (f"{PREFIX}:code-signing-config:csc-1", "ResourceNotFoundException", None),
        (f"{PREFIX}:capacity-provider:echo2", "ResourceNotFoundException", None),
        (f"{PREFIX}:network-connector:one", INVALID, None),
    ],
)
async def test_other_resources_are_refused(
    plane: Plane, arn: str, code: str, message: str | None
) -> None:
    await plane.create(Publish=True)
    requests: dict[str, dict[str, Any]] = {
        "ListTags": {},
        "TagResource": {"Tags": {"a": "b"}},
        "UntagResource": {"TagKeys": ["a"]},
    }
    for operation, request in requests.items():
        await refused(plane(operation, Resource=arn, **request), code, message)


@pytest.mark.parametrize(
    "tags", [{}, {"aws:mine": "x"}, {f"k{number}": "" for number in range(50)}]
)
async def test_tags_beyond_the_rules_are_refused(plane: Plane, tags: dict[str, str]) -> None:
    await plane.create(Tags={"first": "1"})
    await refused(plane("TagResource", Resource=ARN, Tags=tags), INVALID)
    assert await plane("ListTags", Resource=ARN) == {"Tags": {"first": "1"}}
