"""What a mapping's settings must obey, beyond what the model says of each member alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lambdad.model.event_pattern import InvalidPattern, parse_pattern
from lambdad.model.event_source import COMMON, SQS, SQS_FIFO, EventSource

MAX_FILTERS = 10
LEAST_RECORD_AGE = 60  # seconds, when there is one at all

Settings = Mapping[str, Any]
_FOR_FAILURES = ("sqs", "sns", "s3")


def unsupported_member(source: EventSource, request: Settings) -> str | None:
    """The sentence about the first member that mappings of this source do not have."""
    for member, value in request.items():
        if value not in (None, [], {}) and member not in COMMON | source.members:
            return f"Unsupported {member} parameter for given event source mapping type."
    return None


def broken_rule(source: EventSource, settings: Settings, now: float) -> str | None:
    """The sentence about the first rule that the settings break; None when they keep all."""
    return next((sentence for rule in _RULES for sentence in rule(source, settings, now)), None)


def _required(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    for member in source.required:
        if not settings.get(member):
            yield _null(member)
    needs_position = source.positions and not _is_queue_mode(settings)
    if needs_position and not settings.get("StartingPosition"):
        yield _null("StartingPosition")


def _positions(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    position, moment = settings.get("StartingPosition"), settings.get("StartingPositionTimestamp")
    if position and position not in source.positions:
        yield f"Unsupported starting position for given event source mapping type: {position}."
    if position == "AT_TIMESTAMP" and moment is None:
        yield _null("StartingPositionTimestamp")
    if position != "AT_TIMESTAMP" and moment is not None:
        yield "StartingPositionTimestamp can only be used with the starting position AT_TIMESTAMP."
    if moment is not None and moment > now:
        yield "StartingPositionTimestamp cannot be in the future."
    if position and _is_queue_mode(settings):
        yield "StartingPosition is not supported when ConsumptionMode is Queue."


def _batches(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    size, window = settings["BatchSize"], settings.get("MaximumBatchingWindowInSeconds", 0)
    if size > source.largest_batch:
        yield (
            f"1 validation error detected: Value '{size}' at 'batchSize' failed to satisfy "
            f"constraint: Member must have value less than or equal to {source.largest_batch}"
        )
    if window and not source.has_window:
        yield "Batching window is not supported for FIFO queues"
    if source.window_above is not None and size > source.window_above and not window:
        yield (
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {source.window_above}"
        )


def _filters(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    filters = settings.get("FilterCriteria", {}).get("Filters", [])
    if len(filters) > MAX_FILTERS:
        yield f"An event source mapping cannot have more than {MAX_FILTERS} filters."
    for each in filters:
        try:
            parse_pattern(each.get("Pattern", ""))
        except InvalidPattern as error:
            yield f"Invalid filter pattern definition: {error}."


def _retries(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    age = settings.get("MaximumRecordAgeInSeconds", -1)
    if -1 < age < LEAST_RECORD_AGE:
        yield f"MaximumRecordAgeInSeconds must be -1 or at least {LEAST_RECORD_AGE}."
    if _is_queue_mode(settings) and settings.get("MaximumRetryAttempts") == -1:
        yield "Infinite retries are not supported when ConsumptionMode is Queue."


def _destination(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    config = settings.get("DestinationConfig", {})
    if config.get("OnSuccess", {}).get("Destination"):
        yield "Event source mappings have a destination for failures only, OnFailure."
    arn = config.get("OnFailure", {}).get("Destination", "")
    is_topic = arn.startswith("kafka://") and "Topics" in source.members
    if arn and not is_topic and arn.split(":")[2:3] not in [[name] for name in _FOR_FAILURES]:
        yield f"The destination {arn} is no SQS queue, SNS topic or S3 bucket."
    if arn.endswith(".fifo"):
        yield f"The destination {arn} is a FIFO one; only standard ones are supported."


def _access(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    for each in settings.get("SourceAccessConfigurations", []):
        if each.get("Type") not in source.access_types:
            yield (
                f"Unsupported source access configuration type {each.get('Type')} for given event "
                "source mapping type."
            )
    if "Queues" in source.required and "BASIC_AUTH" not in _types(settings):
        yield "A mapping of an Amazon MQ broker needs a BASIC_AUTH secret."


def _self_managed(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    if "SelfManagedEventSource" not in source.members:
        return
    endpoints = settings.get("SelfManagedEventSource", {}).get("Endpoints", {})
    servers = endpoints.get("KAFKA_BOOTSTRAP_SERVERS", [])
    if not servers or endpoints.keys() != {"KAFKA_BOOTSTRAP_SERVERS"}:
        yield "SelfManagedEventSource must have the endpoints KAFKA_BOOTSTRAP_SERVERS."
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and int(port) < 65_536):
            yield f"The bootstrap server {server} is not of the form host:port."


def _scaling(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    pollers = settings.get("ProvisionedPollerConfig", {})
    least, most = pollers.get("MinimumPollers", 1), pollers.get("MaximumPollers", 10_000)
    if least > most:
        yield "MinimumPollers must not be greater than MaximumPollers."
    if source in (SQS, SQS_FIFO) and pollers:
        if settings.get("ScalingConfig", {}).get("MaximumConcurrency"):
            yield "ScalingConfig and ProvisionedPollerConfig cannot be used together."
        if "MinimumPollers" in pollers and least < 2:
            yield "MinimumPollers must be at least 2 for Amazon SQS."


def _window(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    if settings.get("TumblingWindowInSeconds") and settings.get("ParallelizationFactor", 1) > 1:
        yield "TumblingWindowInSeconds cannot be used with a ParallelizationFactor above 1."


def _documents(source: EventSource, settings: Settings, now: float) -> Iterator[str]:
    if "DocumentDBEventSourceConfig" in source.members and not settings.get(
        "DocumentDBEventSourceConfig", {}
    ).get("DatabaseName"):
        yield _null("DocumentDBEventSourceConfig.DatabaseName")


def _is_queue_mode(settings: Settings) -> bool:
    """Whether a Kafka topic is read as a queue: without order, and without a position."""
    config = settings.get("SelfManagedKafkaEventSourceConfig", {})
    return bool(config.get("ConsumptionMode") == "Queue")


def _types(settings: Settings) -> set[str]:
    return {each.get("Type") for each in settings.get("SourceAccessConfigurations", [])}


def _null(member: str) -> str:
    path = ".".join(part[:1].lower() + part[1:] for part in member.split("."))
    return (
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
        "Member must not be null."
    )


_RULES: tuple[Callable[[EventSource, Settings, float], Iterator[str]], ...] = (
    *(_required, _positions, _batches, _filters, _retries, _destination),
    *(_access, _self_managed, _scaling, _window, _documents),
)
