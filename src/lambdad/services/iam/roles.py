"""Roles: create, get, list, change, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.role import Role
from lambdad.model.policy_document import fault_of_trust_policy
from lambdad.services.iam import documents
from lambdad.services.iam.boundaries import boundary_member, checked_boundary
from lambdad.services.iam.entities import ROLE, beneath_path, find, new_id, refuse_taken
from lambdad.services.iam.errors import delete_conflict
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page
from lambdad.services.iam.tags import checked_tags, tags_member


async def create_role(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Create a role without policies."""
    trust_policy = _checked_trust_policy(request["AssumeRolePolicyDocument"])
    tags = checked_tags(request.get("Tags", ()))
    async with iam.lock:
        refuse_taken(iam, context, ROLE, request["RoleName"])
        role = Role(
            account_id=context.caller.account_id,
            name=request["RoleName"],
            id=new_id(ROLE),
            created=iam.now(),
            trust_policy=trust_policy,
            path=request.get("Path", "/"),
            description=request.get("Description", ""),
            max_session_duration=request.get("MaxSessionDuration", 3600),
            permissions_boundary=checked_boundary(iam, context, request),
            tags=tags,
        )
        await iam.resources.save(role)
    return {"Role": role_description(role)}


async def get_role(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """All of a role but its policies."""
    role = find(iam, context, ROLE, request)
    return {"Role": {**role_description(role), "RoleLastUsed": {}}}


async def list_roles(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """A page of roles by name, below a path."""
    roles, following = page(beneath_path(iam, context, ROLE, request), request)
    return {"Roles": [listed_role(role) for role in roles], **following}


async def update_role(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Change the description or how long a session may be, and nothing else."""
    async with iam.lock:
        role = find(iam, context, ROLE, request)
        changed = replace(
            role,
            description=request.get("Description", role.description),
            max_session_duration=request.get("MaxSessionDuration", role.max_session_duration),
        )
        await iam.resources.save(changed)
    return {}


async def update_role_description(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change the description, and answer with the role."""
    await update_role(iam, context, request)
    return {"Role": role_description(find(iam, context, ROLE, request))}


async def update_assume_role_policy(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Replace the trust policy."""
    trust_policy = _checked_trust_policy(request["PolicyDocument"])
    async with iam.lock:
        role = find(iam, context, ROLE, request)
        await iam.resources.save(replace(role, trust_policy=trust_policy))
    return {}


async def delete_role(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Delete a role that has no policies and is in no instance profile."""
    async with iam.lock:
        role = find(iam, context, ROLE, request)
        if any(profile.role == role.key[2] for profile in _profiles(iam, context)):
            raise delete_conflict(
                "Cannot delete entity, must remove roles from instance profile first."
            )
        if role.attached_policies:
            raise delete_conflict("Cannot delete entity, must detach all policies first.")
        if role.inline_policies:
            raise delete_conflict("Cannot delete entity, must delete policies first.")
        await iam.resources.delete(role)
    return {}


def role_description(role: Role) -> dict[str, Any]:
    """A role as AWS's Role."""
    return {
        **listed_role(role),
        **boundary_member(role.permissions_boundary),
        **tags_member(role.tags),
    }


def listed_role(role: Role) -> dict[str, Any]:
    """The same without what lists leave out."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": documents.encoded(role.trust_policy),
        **({"Description": role.description} if role.description else {}),
        "MaxSessionDuration": role.max_session_duration,
    }


def _profiles(iam: Iam, context: RequestContext) -> list[InstanceProfile]:
    return list(iam.resources.list(InstanceProfile, context.caller.account_id, ""))


def _checked_trust_policy(text: str) -> str:
    documents.checked(text, fault_of_trust_policy)
    documents.check_size(text, "ACLSizePerRole", documents.TRUST_POLICY_SIZE)
    return text


OPERATIONS = {
    "CreateRole": create_role,
    "DeleteRole": delete_role,
    "GetRole": get_role,
    "ListRoles": list_roles,
    "UpdateAssumeRolePolicy": update_assume_role_policy,
    "UpdateRole": update_role,
    "UpdateRoleDescription": update_role_description,
}
