"""Tags of log groups, by ARN and, as older clients do it, by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import group_arn, invalid_parameter, require_group
from lambdad.services.logs.settings import settings_of

MAX_TAGS = 50
MAX_VALUE_LENGTH = 256


async def tag_resource(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add tags, or change those that are there."""
    await _add(logs, context, _named(context, request), request["tags"])
    return {}


async def untag_resource(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove tags; it is no error when one is not there."""
    await _remove(logs, context, _named(context, request), request["tagKeys"])
    return {}


async def list_tags_for_resource(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """All tags."""
    return _tags(logs, context, _named(context, request))


async def tag_log_group(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The same as TagResource."""
    await _add(logs, context, request, request["tags"])
    return {}


async def untag_log_group(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The same as UntagResource."""
    await _remove(logs, context, request, request["tags"])
    return {}


async def list_tags_log_group(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The same as ListTagsForResource."""
    return _tags(logs, context, request)


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a request."""
    if any(key.lower().startswith("aws:") for key in tags):
        raise invalid_parameter("aws: prefixed tag key names are not allowed for external use.")
    if any(len(value) > MAX_VALUE_LENGTH for value in tags.values()):
        raise invalid_parameter(f"A tag's value has {MAX_VALUE_LENGTH} characters at most.")
    return dict(tags)


async def _add(
    logs: Logs, context: RequestContext, request: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    async with logs.lock:
        group = require_group(logs.store, context.caller, request)
        settings = settings_of(logs, context.caller, group)
        settings = replace(settings, tags={**settings.tags, **checked_tags(tags)})
        if len(settings.tags) > MAX_TAGS:
            message = f"A resource can have no more than {MAX_TAGS} tags."
            is_old = context.operation == "TagLogGroup"
            raise invalid_parameter(message) if is_old else _too_many(message)
        await logs.resources.save(settings)


async def _remove(
    logs: Logs, context: RequestContext, request: Mapping[str, Any], keys: Collection[str]
) -> None:
    async with logs.lock:
        group = require_group(logs.store, context.caller, request)
        settings = settings_of(logs, context.caller, group)
        tags = {key: value for key, value in settings.tags.items() if key not in keys}
        await logs.resources.save(replace(settings, tags=tags))


def _tags(logs: Logs, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
    group = require_group(logs.store, context.caller, request)
    return {"tags": dict(settings_of(logs, context.caller, group).tags)}


def _named(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
    """The group that a resource's ARN names."""
    arn = request["resourceArn"]
    if not arn.startswith(group_arn(context.caller, "")):
        raise ClientError("ResourceNotFoundException", "The specified resource does not exist.")
    return {"logGroupIdentifier": arn}


def _too_many(message: str) -> ClientError:
    return ClientError("TooManyTagsException", message)


OPERATIONS = {
    "ListTagsForResource": list_tags_for_resource,
    "ListTagsLogGroup": list_tags_log_group,
    "TagLogGroup": tag_log_group,
    "TagResource": tag_resource,
    "UntagLogGroup": untag_log_group,
    "UntagResource": untag_resource,
}
