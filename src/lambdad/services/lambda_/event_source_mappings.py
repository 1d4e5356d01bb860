"""Event source mappings: what is read, how it is batched, which function gets it.

The configuration and its states are here; what polls the sources comes later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.event_source import SELF_MANAGED_KAFKA, EventSource, source_of
from lambdad.model.event_source_mapping import CHANGING, EventSourceMapping, changed, settled
from lambdad.model.event_source_rules import broken_rule, unsupported_member
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.parameters import checked_tags
from lambdad.services.lambda_.saving import save_at_last

PAGE_SIZE = 100

# Members of a request that are not settings of the mapping.
_NO_SETTINGS = frozenset({"FunctionName", "Enabled", "Tags", "UUID"})


async def create_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Accept a mapping; it is Creating until it is Enabled or Disabled."""
    name = names.resolve(context, request)
    source = _source(request)
    _refuse(unsupported_member(source, request))
    settings = _checked(control, source, {**source.defaults, **_settings(request)})
    names.find_version(control.resources, name)
    mapping = EventSourceMapping(
        account_id=name.account_id,
        region=name.region,
        uuid=str(uuid4()),
        function_arn=name.arn,
        is_enabled=request.get("Enabled", True),
        state="Creating",
        last_modified=control.clock.now(),
        settings=settings,
        tags=checked_tags(request.get("Tags", {})),
    )
    async with control.changes.lock((name.account_id, name.region, "event-source-mappings")):
        _refuse_twin(control, source, mapping)
        return await _accept(control, mapping)


async def get_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One mapping."""
    return _configuration(_find(control, context, request["UUID"]))


async def list_event_source_mappings(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of mappings: all, or those of one function (qualified as written) or source."""
    caller = context.caller
    source = request.get("EventSourceArn")
    function = names.resolve(context, request).arn if request.get("FunctionName") else None
    marker = request.get("Marker", "")
    mappings = (
        mapping
        for mapping in control.resources.list(
            EventSourceMapping, caller.account_id, caller.region, after=marker
        )
        if source in (None, mapping.settings.get("EventSourceArn"))
        and function in (None, mapping.function_arn)
    )
    found, following = page(mappings, request, lambda each: each.uuid, largest=PAGE_SIZE)
    return {"EventSourceMappings": [_configuration(each) for each in found], **following}


async def update_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names. What the source is never changes."""
    caller = context.caller
    async with control.changes.lock((caller.account_id, caller.region, "event-source-mappings")):
        mapping = _changeable(control, context, request["UUID"], "update")
        function_arn = mapping.function_arn
        if request.get("FunctionName"):
            name = names.resolve(context, request)
            names.find_version(control.resources, name)
            function_arn = name.arn
        source = _source(mapping.settings)
        _refuse(unsupported_member(source, request))
        is_enabled = request.get("Enabled", mapping.is_enabled)
        mapping = replace(
            mapping,
            function_arn=function_arn,
            settings=_checked(control, source, {**mapping.settings, **_settings(request)}),
            state=changed(mapping, is_enabled),
            is_enabled=is_enabled,
            last_modified=control.clock.now(),
        )
        _refuse_twin(control, source, mapping)
        return await _accept(control, mapping)


async def delete_event_source_mapping(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Accept the deletion; the mapping is Deleting until it is gone."""
    caller = context.caller
    async with control.changes.lock((caller.account_id, caller.region, "event-source-mappings")):
        mapping = _changeable(control, context, request["UUID"], "delete")
        return await _accept(control, replace(mapping, state="Deleting"))


async def resume_mappings(control: ControlPlane) -> None:
    """Take up every change that the last server left unfinished."""
    for mapping in control.resources.all(EventSourceMapping):
        if mapping.state in CHANGING:
            control.changes.start(_settle(control, mapping))


async def _accept(control: ControlPlane, mapping: EventSourceMapping) -> dict[str, Any]:
    """Save a mapping that has a change ahead of it, and set the change going."""
    await control.resources.save(mapping)
    control.changes.start(_settle(control, mapping))
    return _configuration(mapping)


async def _settle(control: ControlPlane, mapping: EventSourceMapping) -> None:
    lock = control.changes.lock((mapping.account_id, mapping.region, "event-source-mappings"))
    async with lock:
        found = control.resources.find(EventSourceMapping, *mapping.key)
        if found is None or found.state not in CHANGING:
            return
        after = settled(found)
        if after is None:
            await save_at_last(control, deleted=[found])
        else:
            await save_at_last(control, after)


def _source(members: dict[str, Any]) -> EventSource:
    """The kind of source that a request or a mapping names."""
    arn = members.get("EventSourceArn")
    if arn and members.get("SelfManagedEventSource"):
        raise _invalid("Only one of EventSourceArn and SelfManagedEventSource can be given.")
    if members.get("SelfManagedEventSource"):
        return SELF_MANAGED_KAFKA
    if not arn:
        raise _invalid("EventSourceArn or SelfManagedEventSource is required.")
    source = source_of(arn)
    if source is None:
        raise _invalid(f"Unrecognized event source, or not the ARN of one: {arn}")
    return source


def _settings(request: dict[str, Any]) -> dict[str, Any]:
    """The members that are kept as they were given; moments as seconds since the epoch."""
    return {
        member: value.timestamp() if isinstance(value, datetime) else value
        for member, value in request.items()
        if member not in _NO_SETTINGS
    }


def _checked(
    control: ControlPlane, source: EventSource, settings: dict[str, Any]
) -> dict[str, Any]:
    _refuse(broken_rule(source, settings, control.clock.now()))
    return settings


def _refuse_twin(control: ControlPlane, source: EventSource, mapping: EventSourceMapping) -> None:
    """One function reads a source only once."""
    mappings = control.resources.list(EventSourceMapping, mapping.account_id, mapping.region)
    for other in mappings:
        is_twin = (other.source, other.function_arn) == (mapping.source, mapping.function_arn)
        if is_twin and other.uuid != mapping.uuid and mapping.settings.get("EventSourceArn"):
            arn = mapping.settings["EventSourceArn"]
            raise ClientError(
                "ResourceConflictException",
                f'An event source mapping with {source.name} arn (" {arn} ") and function '
                f'(" {_name_in(mapping.function_arn)} ") already exists. Please update or delete '
                f"the existing mapping with UUID {other.uuid}",
            )


def _name_in(function_arn: str) -> str:
    return function_arn.split(":function:", 1)[1]


def _find(control: ControlPlane, context: RequestContext, uuid: str) -> EventSourceMapping:
    caller = context.caller
    mapping = control.resources.find(EventSourceMapping, caller.account_id, caller.region, uuid)
    if mapping is None:
        raise ClientError("ResourceNotFoundException", "The resource you requested does not exist.")
    return mapping


def _changeable(
    control: ControlPlane, context: RequestContext, uuid: str, verb: str
) -> EventSourceMapping:
    mapping = _find(control, context, uuid)
    if mapping.state in CHANGING:
        raise ClientError(
            "ResourceInUseException",
            f"Cannot {verb} the event source mapping because it is in use.",
        )
    return mapping


def _configuration(mapping: EventSourceMapping) -> dict[str, Any]:
    """A mapping as AWS's EventSourceMappingConfiguration."""
    is_stream = "ParallelizationFactor" in mapping.settings
    result = {"LastProcessingResult": "No records processed"} if is_stream else {}
    return {
        **mapping.settings,
        **result,
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping.arn,
        "FunctionArn": mapping.function_arn,
        "LastModified": mapping.last_modified,
        "State": mapping.state,
        "StateTransitionReason": "User action" if is_stream else "USER_INITIATED",
    }


def _refuse(sentence: str | None) -> None:
    if sentence:
        raise _invalid(sentence)


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidParameterValueException", message)


OPERATIONS = {
    "CreateEventSourceMapping": create_event_source_mapping,
    "DeleteEventSourceMapping": delete_event_source_mapping,
    "GetEventSourceMapping": get_event_source_mapping,
    "ListEventSourceMappings": list_event_source_mappings,
    "UpdateEventSourceMapping": update_event_source_mapping,
}
