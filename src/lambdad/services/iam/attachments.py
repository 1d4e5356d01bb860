"""Managed policies attached to roles, users and groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.group import Group
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.services.iam.entities import BEARERS, POLICY, Bearer, Kind, find
from lambdad.services.iam.errors import limit_exceeded, no_such_entity
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import by_place, page
from lambdad.services.iam.policy_names import (
    bearers,
    boundary_of,
    check_attachable,
    find_policy,
    parse_policy_arn,
)

MAX_ATTACHED = 10  # policies, for one bearer


async def attach_policy(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Attach a policy; it is no error when it already is."""
    async with iam.lock:
        bearer = find(iam, context, kind, request)
        arn = request["PolicyArn"]
        check_attachable(iam, context, arn)
        if arn in bearer.attached_policies:
            return {}
        if len(bearer.attached_policies) >= MAX_ATTACHED:
            raise limit_exceeded(f"PoliciesPer{kind.noun}", MAX_ATTACHED)
        attached = (*bearer.attached_policies, arn)
        await iam.resources.save(replace(bearer, attached_policies=attached))
    return {}


async def detach_policy(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Detach a policy that is attached."""
    arn = request["PolicyArn"]
    parse_policy_arn(arn)
    async with iam.lock:
        bearer = find(iam, context, kind, request)
        if arn not in bearer.attached_policies:
            raise no_such_entity(POLICY.missing.format(arn))
        left = tuple(each for each in bearer.attached_policies if each != arn)
        await iam.resources.save(replace(bearer, attached_policies=left))
    return {}


async def list_attached_policies(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of attached policies, below a path."""
    bearer = find(iam, context, kind, request)
    arns = [parse_policy_arn(text) for text in sorted(bearer.attached_policies)]
    asked_for = [arn for arn in arns if arn.path.startswith(request.get("PathPrefix", "/"))]
    found, following = page(by_place(asked_for), request)
    attached = [{"PolicyName": arn.name, "PolicyArn": str(arn)} for arn in found]
    return {"AttachedPolicies": attached, **following}


async def list_entities_for_policy(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of roles, users and groups that have a policy, attached or as their boundary."""
    find_policy(iam, context, request["PolicyArn"])
    found, following = page(_entities(iam, context, request), request)
    return {
        "PolicyGroups": [_named("Group", each) for each in found if isinstance(each, Group)],
        "PolicyUsers": [_named("User", each) for each in found if isinstance(each, User)],
        "PolicyRoles": [_named("Role", each) for each in found if isinstance(each, Role)],
        **following,
    }


def _entities(
    iam: Iam, context: RequestContext, request: Mapping[str, Any]
) -> Iterator[tuple[str, Bearer]]:
    kind, prefix = request.get("EntityFilter"), request.get("PathPrefix", "/")
    for bearer in bearers(iam, context.caller.account_id):
        noun = type(bearer).__name__
        is_meant = kind in (None, noun) and bearer.path.startswith(prefix)
        if is_meant and _has(bearer, request["PolicyArn"], request.get("PolicyUsageFilter")):
            yield f"{noun}/{bearer.key[2]}", bearer


def _has(bearer: Bearer, arn: str, usage: str | None) -> bool:
    is_attached = usage != "PermissionsBoundary" and arn in bearer.attached_policies
    return is_attached or (usage != "PermissionsPolicy" and boundary_of(bearer) == arn)


def _named(noun: str, bearer: Bearer) -> dict[str, str]:
    return {f"{noun}Name": bearer.name, f"{noun}Id": bearer.id}


OPERATIONS = {
    "ListEntitiesForPolicy": list_entities_for_policy,
    **{
        name: partial(run, kind)
        for kind in BEARERS
        for name, run in (
            (f"Attach{kind.noun}Policy", attach_policy),
            (f"Detach{kind.noun}Policy", detach_policy),
            (f"ListAttached{kind.noun}Policies", list_attached_policies),
        )
    },
}
