"""Permissions boundaries of roles and users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.services.iam.entities import ROLE, USER, Kind, find
from lambdad.services.iam.errors import no_such_entity
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.policy_names import check_attachable

Bounded = Kind[Role | User]


async def put_boundary(
    kind: Bounded, iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Bound what the policies of a role or user may allow."""
    async with iam.lock:
        bounded = find(iam, context, kind, request)
        boundary = checked_boundary(iam, context, request)
        await iam.resources.save(replace(bounded, permissions_boundary=boundary))
    return {}


async def delete_boundary(
    kind: Bounded, iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove the boundary."""
    async with iam.lock:
        bounded = find(iam, context, kind, request)
        if bounded.permissions_boundary is None:
            raise no_such_entity(
                f"The {kind.noun.lower()} with name {bounded.name} has no permissions boundary."
            )
        await iam.resources.save(replace(bounded, permissions_boundary=None))
    return {}


def checked_boundary(iam: Iam, context: RequestContext, request: Mapping[str, Any]) -> str | None:
    """The boundary that a request names, which must be there."""
    boundary: str | None = request.get("PermissionsBoundary")
    if boundary is not None:
        check_attachable(iam, context, boundary)
    return boundary


def boundary_member(boundary: str | None) -> dict[str, Any]:
    """The member of a description, which is not there without a boundary."""
    if boundary is None:
        return {}
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": boundary,
        }
    }


OPERATIONS = {
    name: partial(run, kind)
    for kind in (ROLE, USER)
    for name, run in (
        (f"Delete{kind.noun}PermissionsBoundary", delete_boundary),
        (f"Put{kind.noun}PermissionsBoundary", put_boundary),
    )
}
