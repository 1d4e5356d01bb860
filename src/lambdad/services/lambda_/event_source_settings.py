"""The settings of an event source mapping, held against what its source takes.

The gateway has checked the model's constraints, and `lambdad.model.event_source` says what each
source takes; here are the rules between the members.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from lambdad.errors import invalid_parameter
from lambdad.model.event_source import (
    AT_TIMESTAMP,
    COMMON_MEMBERS,
    INFINITE,
    SELF_MANAGED,
    EventSource,
    find_source,
)
from lambdad.services.lambda_.destinations import batch_destinations
from lambdad.services.lambda_.event_filters import check_filters
from lambdad.services.lambda_.event_source_access import check_access, updated_access
from lambdad.services.lambda_.kafka_settings import (
    check_kafka,
    is_queue_mode,
    updated_kafka_config,
    with_kafka_defaults,
)

Settings = dict[str, Any]

# Members of a request that are no settings.
_OTHERS = frozenset({"Enabled", "EventSourceArn", "FunctionName", "Tags", "UUID"})
# Values that ask for nothing, beside empty ones; they may be said to any source.
_HARMLESS: Mapping[str, Any] = MappingProxyType(
    {
        "BisectBatchOnFunctionError": False,
        "MaximumBatchingWindowInSeconds": 0,
        "TumblingWindowInSeconds": 0,
    }
)
_DOCUMENTDB = "DocumentDBEventSourceConfig"
_SQS = frozenset({"sqs", "sqs-fifo"})
_BATCH_WITHOUT_WINDOW = 10
_SHORTEST_RECORD_AGE = 60
_MAXIMUM_POLLERS = 200  # where MaximumPollers was not said


def source_of(request: Mapping[str, Any], region: str) -> EventSource:
    """The kind of source that a new mapping is for."""
    arn = request.get("EventSourceArn")
    is_self_managed = bool(request.get("SelfManagedEventSource", {}).get("Endpoints"))
    if is_self_managed and arn:
        raise invalid_parameter(
            "EventSourceArn and SelfManagedEventSource cannot both be specified."
        )
    source = SELF_MANAGED if is_self_managed else find_source(arn or "")
    if source is None:
        raise invalid_parameter("Unrecognized event source.")
    if arn and arn.split(":")[3] != region:
        raise invalid_parameter(
            f"The event source {arn} must be in the region of the function, {region}."
        )
    return source


def new_settings(
    source: EventSource, request: Mapping[str, Any], uuid: str, now: float
) -> Settings:
    """The settings of a new mapping; `uuid` is the mapping's."""
    asked = with_kafka_defaults(source, _asked(source, request), uuid)
    settings = _with_defaults(source, asked)
    _check_required(source, settings)
    _check_start(source, settings, now)
    return _checked(source, settings)


def changed_settings(
    source: EventSource, current: Mapping[str, Any], request: Mapping[str, Any]
) -> Settings:
    """The settings of a mapping after an update. A structure is replaced as a whole, and an empty
    one removes it; Kafka's and DocumentDB's own settings are merged."""
    asked = _asked(source, request)
    if "SourceAccessConfigurations" in asked:
        asked["SourceAccessConfigurations"] = updated_access(
            current.get("SourceAccessConfigurations", []),
            asked["SourceAccessConfigurations"] or [],
        )
    own = source.kafka_config
    if own in asked:
        asked[own] = updated_kafka_config(current[own], request[own])
    if _DOCUMENTDB in asked:
        asked[_DOCUMENTDB] = {**current[_DOCUMENTDB], **request[_DOCUMENTDB]}
    return _checked(source, _with_defaults(source, {**current, **asked}))


def _asked(source: EventSource, request: Mapping[str, Any]) -> Settings:
    """The settings in a request; None is one that asks for nothing."""
    asked: Settings = {}
    for member, value in request.items():
        if member in _OTHERS:
            continue
        if member in source.members | COMMON_MEMBERS:
            asked[member] = None if _is_empty(value) else _plain(value)
        elif not (_is_empty(value) or value == _HARMLESS.get(member)):
            raise invalid_parameter(f"{member} is not valid for {source.called} event sources.")
    return asked


def _is_empty(value: Any) -> bool:
    """Whether a value asks for nothing, as `{"OnFailure": {"Destination": ""}}` does."""
    if isinstance(value, Mapping):
        return all(map(_is_empty, value.values()))
    return value in ("", [])


def _plain(value: Any) -> Any:
    """A value as a document can hold it."""
    return value.timestamp() if isinstance(value, datetime) else value


def _with_defaults(source: EventSource, settings: Mapping[str, Any]) -> Settings:
    """The settings with the source's defaults, and those of provisioned pollers."""
    said = {member: value for member, value in settings.items() if value is not None}
    complete = {**source.defaults, **said}
    if "ProvisionedPollerConfig" in complete:
        least = {"MinimumPollers": source.fewest_pollers, "MaximumPollers": _MAXIMUM_POLLERS}
        complete["ProvisionedPollerConfig"] = {**least, **complete["ProvisionedPollerConfig"]}
    if _DOCUMENTDB in complete:
        complete[_DOCUMENTDB] = {"FullDocument": "Default", **complete[_DOCUMENTDB]}
    return complete


def _check_required(source: EventSource, settings: Mapping[str, Any]) -> None:
    """What a new mapping of this source must have; AWS tells it as the model's constraints are
    told."""
    required = source.required
    if source.starting_positions and not is_queue_mode(source, settings):
        required = (*required, "StartingPosition")
    for member in required:
        if member not in settings:
            path = member[0].lower() + member[1:]
            raise invalid_parameter(
                f"1 validation error detected: Value null at '{path}' failed to satisfy "
                "constraint: Member must not be null."
            )


def _check_start(source: EventSource, settings: Mapping[str, Any], now: float) -> None:
    """Where reading begins."""
    position, moment = settings.get("StartingPosition"), settings.get("StartingPositionTimestamp")
    if position is not None and position not in source.starting_positions:
        raise invalid_parameter(
            f"StartingPosition {position} is not valid for {source.called} event sources."
        )
    if position == AT_TIMESTAMP and moment is None:
        raise invalid_parameter(
            f"StartingPosition {AT_TIMESTAMP} requires StartingPositionTimestamp."
        )
    if position != AT_TIMESTAMP and moment is not None:
        raise invalid_parameter(
            f"StartingPositionTimestamp requires StartingPosition {AT_TIMESTAMP}."
        )
    if moment is not None and moment > now:
        raise invalid_parameter("StartingPositionTimestamp cannot be in the future.")


def _checked(source: EventSource, settings: Settings) -> Settings:
    """The settings, after the rules that hold at any time."""
    _check_batch(source, settings)
    _check_pollers(source, settings)
    _check_observation(source, settings)
    age = settings.get("MaximumRecordAgeInSeconds", INFINITE)
    if age != INFINITE and age < _SHORTEST_RECORD_AGE:
        raise invalid_parameter(
            f"MaximumRecordAgeInSeconds must be infinite (-1), or at least {_SHORTEST_RECORD_AGE}."
        )
    if _DOCUMENTDB in settings and "DatabaseName" not in settings[_DOCUMENTDB]:
        raise invalid_parameter(f"{_DOCUMENTDB} requires DatabaseName.")
    check_filters(source, settings.get("FilterCriteria", {}))
    check_access(source, settings.get("SourceAccessConfigurations", []))
    check_kafka(source, settings)
    if "DestinationConfig" in settings:
        return {**settings, "DestinationConfig": batch_destinations(settings["DestinationConfig"])}
    return settings


def _check_batch(source: EventSource, settings: Mapping[str, Any]) -> None:
    size = settings["BatchSize"]
    if size > source.largest_batch:
        raise invalid_parameter(
            f"BatchSize must not be greater than {source.largest_batch} for {source.called} event "
            "sources."
        )
    window = settings.get("MaximumBatchingWindowInSeconds", 0)
    if source.name in _SQS and size > _BATCH_WITHOUT_WINDOW and window == 0:
        raise invalid_parameter(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {_BATCH_WITHOUT_WINDOW}"
        )


def _check_pollers(source: EventSource, settings: Mapping[str, Any]) -> None:
    pollers = settings.get("ProvisionedPollerConfig")
    if pollers is None:
        return
    if "ScalingConfig" in settings:
        raise invalid_parameter(
            "ScalingConfig and ProvisionedPollerConfig cannot both be specified."
        )
    if source.name in _SQS and pollers.get("PollerGroupName"):
        raise invalid_parameter(f"PollerGroupName is not valid for {source.called} event sources.")
    least, most = pollers["MinimumPollers"], pollers["MaximumPollers"]
    if not source.fewest_pollers <= least <= most <= source.most_pollers:
        raise invalid_parameter(
            f"For {source.called} event sources MinimumPollers must be at least "
            f"{source.fewest_pollers}, MaximumPollers at most {source.most_pollers} and not less "
            "than MinimumPollers."
        )


def _check_observation(source: EventSource, settings: Mapping[str, Any]) -> None:
    for metric in settings.get("MetricsConfig", {}).get("Metrics", []):
        if metric not in source.metrics:
            raise invalid_parameter(
                f"The metric {metric} is not valid for {source.called} event sources."
            )
