"""Instance profiles, and the role in each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.role import Role
from lambdad.services.iam.entities import (
    INSTANCE_PROFILE,
    ROLE,
    beneath_path,
    find,
    new_id,
    refuse_taken,
)
from lambdad.services.iam.errors import delete_conflict, limit_exceeded, no_such_entity
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page
from lambdad.services.iam.roles import role_description
from lambdad.services.iam.tags import checked_tags, tags_member


async def create_instance_profile(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a profile without a role."""
    tags = checked_tags(request.get("Tags", ()))
    async with iam.lock:
        refuse_taken(iam, context, INSTANCE_PROFILE, request["InstanceProfileName"])
        profile = InstanceProfile(
            account_id=context.caller.account_id,
            name=request["InstanceProfileName"],
            id=new_id(INSTANCE_PROFILE),
            created=iam.now(),
            path=request.get("Path", "/"),
            tags=tags,
        )
        await iam.resources.save(profile)
    return {"InstanceProfile": _description(iam, profile)}


async def get_instance_profile(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A profile with its role."""
    profile = find(iam, context, INSTANCE_PROFILE, request)
    return {"InstanceProfile": _description(iam, profile)}


async def list_instance_profiles(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of profiles by name, below a path."""
    found, following = page(beneath_path(iam, context, INSTANCE_PROFILE, request), request)
    return {"InstanceProfiles": [_listed(iam, profile) for profile in found], **following}


async def list_instance_profiles_for_role(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the profiles that a role is in."""
    role = find(iam, context, ROLE, request)
    every = beneath_path(iam, context, INSTANCE_PROFILE, {})
    profiles = ((mark, profile) for mark, profile in every if profile.role == role.key[2])
    found, following = page(profiles, request)
    return {"InstanceProfiles": [_listed(iam, profile) for profile in found], **following}


async def add_role_to_instance_profile(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Put a role into a profile that has none."""
    async with iam.lock:
        profile = find(iam, context, INSTANCE_PROFILE, request)
        role = find(iam, context, ROLE, request)
        if profile.role is not None:
            raise limit_exceeded("InstanceSessionsPerInstanceProfile", 1)
        await iam.resources.save(replace(profile, role=role.key[2]))
    return {}


async def remove_role_from_instance_profile(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Take the role out of a profile."""
    async with iam.lock:
        profile = find(iam, context, INSTANCE_PROFILE, request)
        if profile.role != request["RoleName"].lower():
            raise no_such_entity(ROLE.missing.format(request["RoleName"]))
        await iam.resources.save(replace(profile, role=None))
    return {}


async def delete_instance_profile(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a profile without a role."""
    async with iam.lock:
        profile = find(iam, context, INSTANCE_PROFILE, request)
        if profile.role is not None:
            raise delete_conflict(
                "Cannot delete entity, must remove roles from instance profile first."
            )
        await iam.resources.delete(profile)
    return {}


def _description(iam: Iam, profile: InstanceProfile) -> dict[str, Any]:
    return {**_listed(iam, profile), **tags_member(profile.tags)}


def _listed(iam: Iam, profile: InstanceProfile) -> dict[str, Any]:
    role = iam.resources.find(Role, profile.account_id, "", profile.role or "")
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [] if role is None else [role_description(role)],
    }


OPERATIONS = {
    "AddRoleToInstanceProfile": add_role_to_instance_profile,
    "CreateInstanceProfile": create_instance_profile,
    "DeleteInstanceProfile": delete_instance_profile,
    "GetInstanceProfile": get_instance_profile,
    "ListInstanceProfiles": list_instance_profiles,
    "ListInstanceProfilesForRole": list_instance_profiles_for_role,
    "RemoveRoleFromInstanceProfile": remove_role_from_instance_profile,
}
