"""What only Kafka sources have: consumer group, consumption mode, schema registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lambdad.errors import invalid_parameter
from lambdad.model.event_source import INFINITE, QUEUE_MODE, EventSource

_GLUE_REGISTRY = re.compile(r"arn:aws[a-z-]*:glue:[a-z0-9-]+:[0-9]{12}:registry/.+")
_NOT_IN_QUEUE_MODE = (
    "StartingPosition",
    "StartingPositionTimestamp",
    "MaximumBatchingWindowInSeconds",
)
# What a mapping keeps for life, and its default.
_FIXED: Mapping[str, str | None] = MappingProxyType(
    {"ConsumerGroupId": None, "ConsumptionMode": "Stream"}
)


def is_queue_mode(source: EventSource, settings: Mapping[str, Any]) -> bool:
    """Whether the mapping consumes with a share group."""
    return bool(_config(source, settings).get("ConsumptionMode") == QUEUE_MODE)


def with_kafka_defaults(source: EventSource, asked: dict[str, Any], uuid: str) -> dict[str, Any]:
    """What was asked of a new mapping, with Kafka's own settings: the consumer group is named after
    the mapping."""
    if source.kafka_config is None:
        return asked
    config = {"ConsumerGroupId": uuid, **(asked.get(source.kafka_config) or {})}
    retries = {"MaximumRetryAttempts": 0} if config.get("ConsumptionMode") == QUEUE_MODE else {}
    return {**retries, **asked, source.kafka_config: config}


def updated_kafka_config(current: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Kafka's own settings after an update; an empty SchemaRegistryConfig removes it."""
    for member, default in _FIXED.items():
        if member in asked and asked[member] != current.get(member, default):
            raise invalid_parameter(f"{member} cannot be changed. Please create a new mapping.")
    return {member: value for member, value in {**current, **asked}.items() if value != {}}


def check_kafka(source: EventSource, settings: Mapping[str, Any]) -> None:
    """Refuse Kafka's own settings that do not go together."""
    if is_queue_mode(source, settings):
        for member in _NOT_IN_QUEUE_MODE:
            if member in settings:
                raise invalid_parameter(
                    f"{member} is not supported when ConsumptionMode is {QUEUE_MODE}."
                )
        if settings["MaximumRetryAttempts"] == INFINITE:
            raise invalid_parameter(
                "MaximumRetryAttempts cannot be infinite (-1) when ConsumptionMode is "
                f"{QUEUE_MODE}."
            )
    registry = _config(source, settings).get("SchemaRegistryConfig")
    if registry:
        _check_registry(registry)
        if "ProvisionedPollerConfig" not in settings:
            raise invalid_parameter("A schema registry requires ProvisionedPollerConfig.")


def _check_registry(registry: Mapping[str, Any]) -> None:
    for member in ("SchemaRegistryURI", "EventRecordFormat"):
        if member not in registry:
            raise invalid_parameter(f"SchemaRegistryConfig requires {member}.")
    uri, access = registry["SchemaRegistryURI"], registry.get("AccessConfigs", [])
    is_glue = _GLUE_REGISTRY.fullmatch(uri)
    if not is_glue and not uri.startswith("https://"):
        raise invalid_parameter(
            "SchemaRegistryURI must be the ARN of a Glue registry, or the https URL of a "
            f"Confluent registry: {uri}"
        )
    if is_glue and access:
        raise invalid_parameter("AccessConfigs are not valid for a Glue registry.")
    if any("Type" not in each or "URI" not in each for each in access):
        raise invalid_parameter("Each of AccessConfigs requires Type and URI.")
    attributes = [each.get("Attribute") for each in registry.get("SchemaValidationConfigs", [])]
    if not attributes or None in attributes or len(attributes) > len(set(attributes)):
        raise invalid_parameter("SchemaValidationConfigs must name KEY, VALUE or both, each once.")


def _config(source: EventSource, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    config: Mapping[str, Any] = settings.get(source.kafka_config or "", {})
    return config
