"""Users: create, get, list, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.access_key import AccessKey
from lambdad.model.iam.arns import parse_iam_arn
from lambdad.model.iam.user import User
from lambdad.services.iam.boundaries import boundary_member, checked_boundary
from lambdad.services.iam.entities import USER, beneath_path, find, new_id, refuse_taken
from lambdad.services.iam.errors import delete_conflict, validation_error
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page
from lambdad.services.iam.tags import checked_tags, tags_member


async def create_user(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Create a user without policies and keys."""
    tags = checked_tags(request.get("Tags", ()))
    async with iam.lock:
        refuse_taken(iam, context, USER, request["UserName"])
        user = User(
            account_id=context.caller.account_id,
            name=request["UserName"],
            id=new_id(USER),
            created=iam.now(),
            path=request.get("Path", "/"),
            permissions_boundary=checked_boundary(iam, context, request),
            tags=tags,
        )
        await iam.resources.save(user)
    return {"User": _description(user)}


async def get_user(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """A user, or whoever asks when none is named."""
    user = find_named_or_self(iam, context, request)
    return {"User": _root(context) if user is None else _description(user)}


async def list_users(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """A page of users by name, below a path."""
    users, following = page(beneath_path(iam, context, USER, request), request)
    return {"Users": [listed_user(user) for user in users], **following}


async def update_user(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Give a user another name or path; keys and groups stay."""
    async with iam.lock:
        user = find(iam, context, USER, request)
        name = request.get("NewUserName", user.name)
        if name.lower() != user.name.lower():
            refuse_taken(iam, context, USER, name)
        changed = replace(user, name=name, path=request.get("NewPath", user.path))
        keys = [replace(key, user_name=name) for key in keys_of(iam, context, user)]
        await iam.resources.save(changed, *keys, deleted=[user])
    return {}


async def delete_user(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Delete a user who has no policies, no keys and is in no group."""
    async with iam.lock:
        user = find(iam, context, USER, request)
        if user.groups:
            raise delete_conflict("Cannot delete entity, must remove users from group first.")
        if user.attached_policies:
            raise delete_conflict("Cannot delete entity, must detach all policies first.")
        if user.inline_policies:
            raise delete_conflict("Cannot delete entity, must delete policies first.")
        if keys_of(iam, context, user):
            raise delete_conflict("Cannot delete entity, must delete access keys first.")
        await iam.resources.delete(user)
    return {}


def find_named_or_self(
    iam: Iam, context: RequestContext, request: Mapping[str, Any]
) -> User | None:
    """The user that a request names, else the user who asks; None is the account itself."""
    if "UserName" in request:
        return find(iam, context, USER, request)
    caller = context.caller
    arn = parse_iam_arn(caller.user) if caller.user else None
    if arn is not None:
        return find(iam, context, USER, {"UserName": arn.name})
    if caller.user or caller.role:
        raise validation_error("Must specify userName when calling with non-User credentials")
    return None


def keys_of(iam: Iam, context: RequestContext, user: User | None) -> list[AccessKey]:
    """The keys of a user, or of the account itself."""
    name = None if user is None else user.name
    keys = iam.resources.list(AccessKey, context.caller.account_id, "")
    return [key for key in keys if key.user_name == name]


def listed_user(user: User) -> dict[str, Any]:
    """A user as lists have it."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created,
    }


def _description(user: User) -> dict[str, Any]:
    return {
        **listed_user(user),
        **boundary_member(user.permissions_boundary),
        **tags_member(user.tags),
    }


def _root(context: RequestContext) -> dict[str, Any]:
    """The account itself, which nobody has created: it has no date."""
    return {"UserId": context.caller.account_id, "Arn": context.caller.arn}


OPERATIONS = {
    "CreateUser": create_user,
    "DeleteUser": delete_user,
    "GetUser": get_user,
    "ListUsers": list_users,
    "UpdateUser": update_user,
}
