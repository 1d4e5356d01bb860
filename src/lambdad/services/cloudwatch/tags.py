"""Tags of alarms and dashboards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lambdad.model.alarm_document import Alarm
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.dashboard import Dashboard
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.errors import invalid_value, not_found

MAX_TAGS = 50


async def tag_resource(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add tags, or change those that are there."""
    async with cloudwatch.lock:
        tagged = _find(cloudwatch, context.caller, request["ResourceARN"])
        tags = within_limit({**tagged.tags, **checked_tags(request["Tags"])})
        await cloudwatch.resources.save(replace(tagged, tags=tags))
    return {}


async def untag_resource(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove tags; it is no error when one is not there."""
    async with cloudwatch.lock:
        tagged = _find(cloudwatch, context.caller, request["ResourceARN"])
        gone = set(request["TagKeys"])
        tags = {key: value for key, value in tagged.tags.items() if key not in gone}
        await cloudwatch.resources.save(replace(tagged, tags=tags))
    return {}


async def list_tags_for_resource(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """All tags."""
    tags = _find(cloudwatch, context.caller, request["ResourceARN"]).tags
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}


def checked_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a request by key."""
    found = {tag["Key"]: tag["Value"] for tag in tags}
    if any(key.lower().startswith("aws:") for key in found):
        raise invalid_value("Tag keys that start with aws: are reserved.")
    return within_limit(found)


def within_limit(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise invalid_value(f"A resource has {MAX_TAGS} tags at most.")
    return tags


def _find(cloudwatch: CloudWatch, caller: Caller, arn: str) -> Alarm | Dashboard:
    parts = arn.split(":", 5)
    found: Alarm | Dashboard | None = None
    if len(parts) == 6 and parts[2] == "cloudwatch" and parts[4] == caller.account_id:
        noun, _, rest = parts[5].partition(":")
        if noun == "alarm":
            found = cloudwatch.resources.find(Alarm, caller.account_id, parts[3], rest)
        elif parts[5].startswith("dashboard/"):
            name = parts[5].removeprefix("dashboard/")
            found = cloudwatch.resources.find(Dashboard, caller.account_id, "", name)
    if found is None:
        raise not_found(f"There is no alarm or dashboard {arn}.")
    return found


OPERATIONS = {
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
