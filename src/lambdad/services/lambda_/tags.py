"""Tags of every resource that can have them.

An ARN names the kind and the id of what is tagged: `arn:aws:lambda:REGION:ACCOUNT:KIND:ID`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.capacity_provider import CapacityProvider
from lambdad.model.code_signing import CodeSigningConfig
from lambdad.model.event_source_mapping import EventSourceMapping
from lambdad.model.function import Function
from lambdad.model.resource import Key
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.parameters import checked_tags

# What an ARN calls a resource that has a field `tags`, and whose own id is that of its ARN.
TAGGABLE: Mapping[str, Any] = MappingProxyType(
    {
        "capacity-provider": CapacityProvider,
        "code-signing-config": CodeSigningConfig,
        "event-source-mapping": EventSourceMapping,
        "function": Function,
    }
)


async def tag_resource(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add tags; one with the same key is replaced."""
    if not request["Tags"]:
        raise invalid_parameter("Please provide at least one tag.")
    kind, key = _resolve(context, request["Resource"])
    async with control.changes.lock(key, TAGGABLE[kind].kind):
        resource = _find(control, kind, key)
        tags = checked_tags({**resource.tags, **request["Tags"]})
        await control.resources.save(replace(resource, tags=tags))
    return {}


async def untag_resource(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove tags; a key that is not there is no error."""
    kind, key = _resolve(context, request["Resource"])
    async with control.changes.lock(key, TAGGABLE[kind].kind):
        resource = _find(control, kind, key)
        gone = frozenset(request["TagKeys"])
        tags = {name: value for name, value in resource.tags.items() if name not in gone}
        await control.resources.save(replace(resource, tags=tags))
    return {}


async def list_tags(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """All tags of a resource."""
    return {"Tags": _find(control, *_resolve(context, request["Resource"])).tags}


def _resolve(context: RequestContext, arn: str) -> tuple[str, Key]:
    """The kind that an ARN speaks of, and the key under which it lives. The gateway has held the
    ARN against the model's pattern."""
    _, _, _, region, account_id, kind, id = arn.split(":", 6)
    if kind == "function":
        name = names.resolve(context, {"FunctionName": arn})
        if name.qualifier is not None:
            raise invalid_parameter(
                "Tags on function aliases and versions are not supported. Please specify a "
                "function ARN."
            )
        return kind, name.key
    if kind not in TAGGABLE:
        raise invalid_parameter(f"lambdad has no {kind}: {arn}")
    if (account_id, region) != (context.caller.account_id, context.caller.region):
        raise _not_found()
    return kind, (account_id, region, id)


def _find(control: ControlPlane, kind: str, key: Key) -> Any:
    resource = control.resources.find(TAGGABLE[kind], *key)
    if resource is not None:
        return resource
    if kind == "function":
        raise names.not_found(names.FunctionName(*key, qualifier=None))
    raise _not_found()


def _not_found() -> ClientError:
    return ClientError("ResourceNotFoundException", "The resource you requested does not exist.")


OPERATIONS = {
    "ListTags": list_tags,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
