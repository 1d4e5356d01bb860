"""Event source mappings: which function gets the records of which source, and how.

Create, update and delete are accepted first and take effect afterwards; until then the mapping is
told as it was, in a state that says what is ahead of it. A mapping outlives its function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.event_source import SOURCE_OF
from lambdad.model.event_source_mapping import (
    AT_REST,
    EventSourceMapping,
    MappingConfiguration,
    deleting,
    updating,
)
from lambdad.model.resource import Key
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.event_source_settings import (
    changed_settings,
    new_settings,
    source_of,
)
from lambdad.services.lambda_.mapping_conflicts import refuse_conflicts
from lambdad.services.lambda_.mapping_transitions import accept
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.parameters import checked_tags

PAGE_SIZE = 100


async def create_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Map a source to a function; the mapping is Creating until it is Enabled or Disabled."""
    name = names.resolve(context, request)
    source = source_of(request, name.region)
    uuid, now = str(uuid4()), control.clock.now()
    mapping = EventSourceMapping(
        account_id=name.account_id,
        region=name.region,
        uuid=uuid,
        source=source.name,
        event_source_arn=request.get("EventSourceArn"),
        configuration=MappingConfiguration(
            function_name=name.name,
            qualifier=name.qualifier,
            is_enabled=request.get("Enabled", True),
            settings=new_settings(source, request, uuid, now),
        ),
        last_modified=now,
        last_processing_result=source.last_processing_result,
        tags=checked_tags(request.get("Tags", {})),
    )
    async with control.changes.lock(*_all_of(context.caller)):
        names.find_version(control.resources, name)
        refuse_conflicts(control.resources, mapping)
        await accept(control, mapping)
    return _configuration(mapping)


async def get_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One mapping."""
    return _configuration(_find(control, _key(context, request)))


async def list_event_source_mappings(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of mappings by UUID: all, or those of a function, of a source, of both.

    A function is meant as it is named: its alias is another one.
    """
    mappings = _listed(control, context, request)
    found, following = page(mappings, request, lambda each: each.uuid, largest=PAGE_SIZE)
    return {"EventSourceMappings": [_listed_configuration(each) for each in found], **following}


async def update_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names; it takes effect when the mapping is Enabled or Disabled."""
    key = _key(context, request)
    lock = control.changes.lock
    async with lock(*_all_of(context.caller)), lock(key, EventSourceMapping.kind):
        mapping = _changeable(control, key, "update")
        wanted = _wanted(control, context, mapping, request)
        changed = updating(mapping, wanted, control.clock.now())
        refuse_conflicts(control.resources, changed)
        await accept(control, changed)
    return _configuration(changed)


async def delete_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let a mapping end; it is Deleting until it is gone."""
    key = _key(context, request)
    async with control.changes.lock(key, EventSourceMapping.kind):
        mapping = deleting(_changeable(control, key, "delete"), control.clock.now())
        await accept(control, mapping)
    return _configuration(mapping)


def _all_of(caller: Caller) -> tuple[Key, str]:
    """The lock of whoever must know that no other mapping is made meanwhile. Taken before a
    mapping's own."""
    return (caller.account_id, caller.region, ""), EventSourceMapping.kind


def _key(context: RequestContext, request: dict[str, Any]) -> Key:
    return (context.caller.account_id, context.caller.region, request["UUID"])


def _find(control: ControlPlane, key: Key) -> EventSourceMapping:
    mapping = control.resources.find(EventSourceMapping, *key)
    if mapping is None:
        message = "The resource you requested does not exist."
        raise ClientError("ResourceNotFoundException", message)
    return mapping


def _changeable(control: ControlPlane, key: Key, act: str) -> EventSourceMapping:
    mapping = _find(control, key)
    if mapping.state not in AT_REST:
        raise ClientError(
            "ResourceInUseException",
            f"Cannot {act} the event source mapping because it is in use.",
        )
    return mapping


def _wanted(
    control: ControlPlane,
    context: RequestContext,
    mapping: EventSourceMapping,
    request: dict[str, Any],
) -> MappingConfiguration:
    """What an update makes of a mapping."""
    current = mapping.configuration
    wanted = replace(
        current,
        is_enabled=request.get("Enabled", current.is_enabled),
        settings=changed_settings(SOURCE_OF[mapping.source], current.settings, request),
    )
    if "FunctionName" not in request:
        return wanted
    name = names.resolve(context, request)
    names.find_version(control.resources, name)
    return replace(wanted, function_name=name.name, qualifier=name.qualifier)


def _listed(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> Iterator[EventSourceMapping]:
    caller, arn = context.caller, request.get("EventSourceArn")
    name = names.resolve(context, request) if "FunctionName" in request else None
    mappings = control.resources.list(
        EventSourceMapping, caller.account_id, caller.region, after=request.get("Marker", "")
    )
    return (
        mapping
        for mapping in mappings
        if (name is None or mapping.function_arn == name.arn)
        and arn in (None, mapping.event_source_arn)
    )


def _configuration(mapping: EventSourceMapping) -> dict[str, Any]:
    """A mapping as AWS's EventSourceMappingConfiguration."""
    members: Mapping[str, Any] = {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping.arn,
        "EventSourceArn": mapping.event_source_arn,
        "FunctionArn": mapping.function_arn,
        "LastModified": mapping.last_modified,
        "LastProcessingResult": mapping.last_processing_result,
        "State": mapping.state,
        "StateTransitionReason": SOURCE_OF[mapping.source].transition_reason,
        **mapping.configuration.settings,
    }
    return {member: value for member, value in members.items() if value is not None}


def _listed_configuration(mapping: EventSourceMapping) -> dict[str, Any]:
    """The same as a list tells it: without filters that have a key of their own."""
    told = _configuration(mapping)
    if "KMSKeyArn" in told:
        told.pop("FilterCriteria", None)
    return told


OPERATIONS = {
    "CreateEventSourceMapping": create_event_source_mapping,
    "DeleteEventSourceMapping": delete_event_source_mapping,
    "GetEventSourceMapping": get_event_source_mapping,
    "ListEventSourceMappings": list_event_source_mappings,
    "UpdateEventSourceMapping": update_event_source_mapping,
}
