"""Groups of users, and who is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.group import Group
from lambdad.model.iam.user import User
from lambdad.services.iam.entities import GROUP, USER, beneath_path, find, new_id, refuse_taken
from lambdad.services.iam.errors import delete_conflict, limit_exceeded
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page
from lambdad.services.iam.users import listed_user

MAX_GROUPS = 10  # of one user


async def create_group(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a group that nobody is in."""
    async with iam.lock:
        refuse_taken(iam, context, GROUP, request["GroupName"])
        group = Group(
            account_id=context.caller.account_id,
            name=request["GroupName"],
            id=new_id(GROUP),
            created=iam.now(),
            path=request.get("Path", "/"),
        )
        await iam.resources.save(group)
    return {"Group": _description(group)}


async def get_group(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """A group and a page of its users."""
    group = find(iam, context, GROUP, request)
    users = ((user.key[2], user) for user in _members(iam, group))
    found, following = page(users, request)
    listed = [listed_user(user) for user in found]
    return {"Group": _description(group), "Users": listed, **following}


async def list_groups(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """A page of groups by name, below a path."""
    groups, following = page(beneath_path(iam, context, GROUP, request), request)
    return {"Groups": [_description(group) for group in groups], **following}


async def list_groups_for_user(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the groups that a user is in."""
    user = find(iam, context, USER, request)
    every = iam.resources.list(Group, user.account_id, "")
    groups = ((group.key[2], group) for group in every if group.key[2] in user.groups)
    found, following = page(groups, request)
    return {"Groups": [_description(group) for group in found], **following}


async def update_group(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Give a group another name or path; its users stay in it."""
    async with iam.lock:
        group = find(iam, context, GROUP, request)
        name = request.get("NewGroupName", group.name)
        if name.lower() != group.name.lower():
            refuse_taken(iam, context, GROUP, name)
        changed = replace(group, name=name, path=request.get("NewPath", group.path))
        users = [
            replace(user, groups=(*_groups_without(user, group), changed.key[2]))
            for user in _members(iam, group)
        ]
        await iam.resources.save(changed, *users, deleted=[group])
    return {}


async def delete_group(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a group that has no policies and that nobody is in."""
    async with iam.lock:
        group = find(iam, context, GROUP, request)
        if _members(iam, group):
            raise delete_conflict("Cannot delete entity, must remove users from group first.")
        if group.attached_policies:
            raise delete_conflict("Cannot delete entity, must detach all policies first.")
        if group.inline_policies:
            raise delete_conflict("Cannot delete entity, must delete policies first.")
        await iam.resources.delete(group)
    return {}


async def add_user_to_group(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add a user to a group; it is no error when he already is in it."""
    async with iam.lock:
        group = find(iam, context, GROUP, request)
        user = find(iam, context, USER, request)
        groups = (*_groups_without(user, group), group.key[2])
        if len(groups) > MAX_GROUPS:
            raise limit_exceeded("GroupsPerUser", MAX_GROUPS)
        await iam.resources.save(replace(user, groups=groups))
    return {}


async def remove_user_from_group(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Take a user out of a group; it is no error when he is not in it."""
    async with iam.lock:
        group = find(iam, context, GROUP, request)
        user = find(iam, context, USER, request)
        await iam.resources.save(replace(user, groups=_groups_without(user, group)))
    return {}


def _members(iam: Iam, group: Group) -> list[User]:
    users = iam.resources.list(User, group.account_id, "")
    return [user for user in users if group.key[2] in user.groups]


def _groups_without(user: User, group: Group) -> tuple[str, ...]:
    return tuple(name for name in user.groups if name != group.key[2])


def _description(group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created,
    }


OPERATIONS = {
    "AddUserToGroup": add_user_to_group,
    "CreateGroup": create_group,
    "DeleteGroup": delete_group,
    "GetGroup": get_group,
    "ListGroups": list_groups,
    "ListGroupsForUser": list_groups_for_user,
    "RemoveUserFromGroup": remove_user_from_group,
    "UpdateGroup": update_group,
}
