"""Tags of roles, users, managed policies and instance profiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.managed_policy import ManagedPolicy
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.services.iam.entities import INSTANCE_PROFILE, ROLE, USER, find
from lambdad.services.iam.errors import invalid_input
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import by_place, page
from lambdad.services.iam.policy_names import find_own_policy

MAX_TAGS = 50

Tagged = Role | User | ManagedPolicy | InstanceProfile


async def tag(
    noun: str, iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add tags, or change those that are there."""
    async with iam.lock:
        tagged = _find(noun, iam, context, request)
        tags = {**_without(tagged.tags, _keys(request["Tags"])), **checked_tags(request["Tags"])}
        await iam.resources.save(replace(tagged, tags=_within_limit(tags)))
    return {}


async def untag(
    noun: str, iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove tags; it is no error when one is not there."""
    async with iam.lock:
        tagged = _find(noun, iam, context, request)
        await iam.resources.save(replace(tagged, tags=_without(tagged.tags, request["TagKeys"])))
    return {}


async def list_tags(
    noun: str, iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of tags by key."""
    tagged = _find(noun, iam, context, request)
    tags, following = page(by_place(tag_list(tagged.tags)), request)
    return {"Tags": tags, **following}


def checked_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a request by key, within AWS's rules: upper and lower case are one."""
    keys = _keys(tags)
    if len({key.lower() for key in keys}) != len(keys):
        raise invalid_input(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid_input("Tag keys that start with aws: are reserved.")
    return _within_limit({tag["Key"]: tag["Value"] for tag in tags})


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as answers have them."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def tags_member(tags: Mapping[str, str]) -> dict[str, Any]:
    """The member of a description, which is not there without tags."""
    return {"Tags": tag_list(tags)} if tags else {}


def _keys(tags: Iterable[Mapping[str, str]]) -> list[str]:
    return [tag["Key"] for tag in tags]


def _without(tags: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = {key.lower() for key in keys}
    return {key: value for key, value in tags.items() if key.lower() not in gone}


def _within_limit(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise ClientError(
            "LimitExceededException", "The number of tags has reached the maximum limit."
        )
    return tags


def _find(noun: str, iam: Iam, context: RequestContext, request: Mapping[str, Any]) -> Tagged:
    match noun:
        case "Role":
            return find(iam, context, ROLE, request)
        case "User":
            return find(iam, context, USER, request)
        case "InstanceProfile":
            return find(iam, context, INSTANCE_PROFILE, request)
    return find_own_policy(iam, context, request["PolicyArn"])


OPERATIONS = {
    name: partial(run, noun)
    for noun in ("InstanceProfile", "Policy", "Role", "User")
    for name, run in (
        (f"List{noun}Tags", list_tags),
        (f"Tag{noun}", tag),
        (f"Untag{noun}", untag),
    )
}
