"""What two event source mappings cannot share."""

from __future__ import annotations

from typing import Any

from lambdad.errors import ClientError
from lambdad.model.event_source import SOURCE_OF
from lambdad.model.event_source_mapping import EventSourceMapping
from lambdad.store.resources import Resources

# Members that tell one source from another where the ARN does not.
_WITHIN_SOURCE = ("DocumentDBEventSourceConfig", "Queues", "SelfManagedEventSource", "Topics")


def refuse_conflicts(resources: Resources, mapping: EventSourceMapping) -> None:
    """Refuse a mapping that another one of the same account and region stands in the way of."""
    for other in resources.list(EventSourceMapping, mapping.account_id, mapping.region):
        if other.uuid == mapping.uuid:
            continue
        if _purpose(other) == _purpose(mapping):
            raise ClientError("ResourceConflictException", _already_exists(mapping, other))
        group = _consumer_group(mapping)
        if group is not None and group == _consumer_group(other):
            raise ClientError(
                "InvalidParameterValueException",
                f"The ConsumerGroupId {group} is that of the mapping with UUID {other.uuid}. "
                "Please use another one.",
            )


def _purpose(mapping: EventSourceMapping) -> tuple[Any, ...]:
    """The source, and the function that gets its records."""
    wanted = mapping.newest
    within = [wanted.settings.get(member) for member in _WITHIN_SOURCE]
    return (mapping.event_source_arn, within, wanted.function_name, wanted.qualifier)


def _consumer_group(mapping: EventSourceMapping) -> str | None:
    config = SOURCE_OF[mapping.source].kafka_config
    if config is None:
        return None
    group: str | None = mapping.newest.settings.get(config, {}).get("ConsumerGroupId")
    return group


def _already_exists(mapping: EventSourceMapping, other: EventSourceMapping) -> str:
    """AWS's words for queues and for streams; those for the others are like them."""
    wanted, arn = mapping.newest, mapping.event_source_arn or "self-managed"
    qualifier = f":{wanted.qualifier}" if wanted.qualifier else ""
    function = f'function (" {wanted.function_name}{qualifier} ")'
    advice = f"Please update or delete the existing mapping with UUID {other.uuid}"
    if mapping.source.startswith("sqs"):
        return (
            f'An event source mapping with SQS arn (" {arn} ") and {function} already exists. '
            f"{advice}"
        )
    return (
        f'The event source arn (" {arn} ") and {function} provided mapping already exists. {advice}'
    )
