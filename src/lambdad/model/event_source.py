"""Event sources: which there are, and what a mapping of each may set.

The table is the developer guide's, source by source; lengths and ranges are the model's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# What every mapping may set.
COMMON = frozenset(
    {
        *("FunctionName", "EventSourceArn", "Enabled", "BatchSize", "FilterCriteria", "KMSKeyArn"),
        *("MaximumBatchingWindowInSeconds", "MetricsConfig", "Tags", "UUID"),
    }
)
_POSITION = {"StartingPosition", "StartingPositionTimestamp"}
_RETRIES = {
    *("BisectBatchOnFunctionError", "DestinationConfig", "FunctionResponseTypes"),
    *("MaximumRecordAgeInSeconds", "MaximumRetryAttempts"),
}
_SHARDS = {*_POSITION, *_RETRIES, "ParallelizationFactor", "TumblingWindowInSeconds"}
_KAFKA = {
    *(*_POSITION, *_RETRIES, "LoggingConfig", "ProvisionedPollerConfig"),
    *("SourceAccessConfigurations", "Topics"),
}
# The types of SourceAccessConfigurations that a message broker or document database has nothing of.
_KAFKA_ACCESS = frozenset(
    {
        *("BASIC_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH", "IAM_AUTH"),
        *("CLIENT_CERTIFICATE_TLS_AUTH", "SERVER_ROOT_CA_CERTIFICATE", "IAM_OAUTHBEARER_AUTH"),
        *("OAUTHBEARER_AUTH", "OAUTHBEARER_SCOPE", "OAUTHBEARER_AUDIENCE"),
        *("OAUTHBEARER_LOGICAL_CLUSTER", "OAUTHBEARER_IDENTITY_POOL"),
        *("VPC_SUBNET", "VPC_SECURITY_GROUP"),
    }
)
_SHARD_DEFAULTS = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
}
_ALL_POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


@dataclass(frozen=True, slots=True)
class EventSource:
    """One kind of source.

    `members` are those of CreateEventSourceMapping that it takes beside the common ones, `required`
    those that it cannot do without. `positions` are the starting positions it knows.
    `largest_batch` is the highest BatchSize, `has_window` whether there is a batching window, and
    `window_above` the BatchSize beyond which one is needed.
    """

    name: str
    members: frozenset[str]
    defaults: Mapping[str, Any]
    required: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()
    largest_batch: int = 10_000
    has_window: bool = True
    window_above: int | None = None
    access_types: frozenset[str] = field(default=frozenset())


def _source(name: str, members: set[str], defaults: dict[str, Any], **more: Any) -> EventSource:
    return EventSource(name, frozenset(members), MappingProxyType(defaults), **more)


_QUEUE = {"FunctionResponseTypes", "ProvisionedPollerConfig", "ScalingConfig"}
_QUEUE_DEFAULTS = {"BatchSize": 10, "FunctionResponseTypes": []}
_WINDOWED = {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0}

SQS = _source(
    "SQS", _QUEUE, {**_QUEUE_DEFAULTS, "MaximumBatchingWindowInSeconds": 0}, window_above=10
)
SQS_FIFO = _source("SQS", _QUEUE, _QUEUE_DEFAULTS, largest_batch=10, has_window=False)
KINESIS = _source(
    "Kinesis", _SHARDS, _SHARD_DEFAULTS, required=("StartingPosition",), positions=_ALL_POSITIONS
)
DYNAMODB = _source(
    "DynamoDB",
    _SHARDS,
    _SHARD_DEFAULTS,
    required=("StartingPosition",),
    positions=("TRIM_HORIZON", "LATEST"),
)
MSK = _source(
    "MSK",
    {*_KAFKA, "AmazonManagedKafkaEventSourceConfig"},
    {"BatchSize": 100},
    required=("Topics",),
    positions=_ALL_POSITIONS,
    access_types=_KAFKA_ACCESS,
)
SELF_MANAGED_KAFKA = _source(
    "Kafka",
    {*_KAFKA, "SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig"},
    {"BatchSize": 100},
    required=("Topics",),
    positions=_ALL_POSITIONS,
    access_types=_KAFKA_ACCESS,
)
MQ = _source(
    "MQ",
    {"Queues", "SourceAccessConfigurations"},
    {"BatchSize": 100},
    required=("Queues", "SourceAccessConfigurations"),
    access_types=frozenset({"BASIC_AUTH", "VIRTUAL_HOST"}),
)
DOCUMENTDB = _source(
    "DocumentDB",
    {*_POSITION, "DocumentDBEventSourceConfig", "SourceAccessConfigurations"},
    _WINDOWED,
    required=("StartingPosition", "DocumentDBEventSourceConfig", "SourceAccessConfigurations"),
    positions=_ALL_POSITIONS,
    access_types=frozenset({"BASIC_AUTH"}),
)

# By the service in the ARN, and what the resource begins with.
_BY_ARN: tuple[tuple[str, str, EventSource], ...] = (
    ("sqs", "", SQS),
    ("kinesis", "stream/", KINESIS),
    ("dynamodb", "table/", DYNAMODB),
    ("kafka", "cluster/", MSK),
    ("mq", "broker:", MQ),
    ("rds", "cluster:", DOCUMENTDB),
)


def source_of(arn: str) -> EventSource | None:
    """The kind of source that an ARN names; None for what is no source."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return None
    service, resource = parts[2], parts[5]
    if service == "sqs" and resource.endswith(".fifo"):
        return SQS_FIFO
    if service == "dynamodb" and "/stream/" not in resource:
        return None
    return next(
        (
            source
            for name, prefix, source in _BY_ARN
            if name == service and resource.startswith(prefix) and len(resource) > len(prefix)
        ),
        None,
    )
