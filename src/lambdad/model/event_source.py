"""The kinds of sources that a mapping reads from: what each takes and what holds where nothing was
said. The one table of it; who validates a mapping or polls its source looks here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# Members that every source takes.
COMMON_MEMBERS = frozenset({"BatchSize", "KMSKeyArn"})

INFINITE = -1  # of MaximumRecordAgeInSeconds and MaximumRetryAttempts
TRIM_HORIZON, LATEST, AT_TIMESTAMP = "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"
QUEUE_MODE = "Queue"  # of a Kafka source: share groups instead of a consumer group


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """One kind of source.

    `called` is its name in sentences, `resource` the pattern of the last part of its ARN.
    `members` are those of a request that it takes beside `COMMON_MEMBERS`, `required` those that a
    new mapping must have, `defaults` what holds where nothing was said. `starting_positions` are
    empty where reading begins nowhere in particular; else a new mapping must say one.
    `access_types` may be in SourceAccessConfigurations. `fewest_pollers` and `most_pollers` bound
    ProvisionedPollerConfig. `filtered_data` is the key of an event whose pattern must be one for
    JSON. `kafka_config` is the member with Kafka's own settings.
    """

    name: str
    called: str
    service: str | None  # in its ARN; None for a cluster of one's own, which has no ARN
    resource: str = ""
    members: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    largest_batch: int = 10_000
    starting_positions: frozenset[str] = frozenset()
    access_types: frozenset[str] = frozenset()
    fewest_pollers: int = 1
    most_pollers: int = 0
    filtered_data: str | None = None
    kafka_config: str | None = None
    metrics: frozenset[str] = frozenset({"EventCount"})
    transition_reason: str = "USER_INITIATED"
    last_processing_result: str | None = "No records processed"


_OBSERVED = frozenset({"FilterCriteria", "MetricsConfig"})
_START = frozenset({"StartingPosition", "StartingPositionTimestamp"})
_RETRIES = frozenset(
    {
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "FunctionResponseTypes",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
    }
)
_RETRY_DEFAULTS = {
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "MaximumRecordAgeInSeconds": INFINITE,
    "MaximumRetryAttempts": INFINITE,
}

_QUEUE = frozenset(
    {*_OBSERVED, "FunctionResponseTypes", "ProvisionedPollerConfig", "ScalingConfig"}
)
_QUEUE_DEFAULTS = {
    "BatchSize": 10,
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
}

_STREAM = frozenset(
    {
        *_OBSERVED,
        *_RETRIES,
        "MaximumBatchingWindowInSeconds",
        "ParallelizationFactor",
        "StartingPosition",
        "TumblingWindowInSeconds",
    }
)
_STREAM_DEFAULTS = {
    **_RETRY_DEFAULTS,
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}

# Without MaximumBatchingWindowInSeconds: the default of these sources is half a second, which the
# member cannot say.
_KAFKA = frozenset(
    {
        *_OBSERVED,
        *_RETRIES,
        *_START,
        "LoggingConfig",
        "MaximumBatchingWindowInSeconds",
        "ProvisionedPollerConfig",
        "SourceAccessConfigurations",
        "Topics",
    }
)
_KAFKA_DEFAULTS = {**_RETRY_DEFAULTS, "BatchSize": 100}
_KAFKA_METRICS = frozenset({"EventCount", "ErrorCount", "KafkaMetrics"})

_ANYWHERE = frozenset({TRIM_HORIZON, LATEST, AT_TIMESTAMP})

SOURCES = (
    EventSource(
        name="sqs-fifo",
        called="SQS FIFO",
        service="sqs",
        resource=r"[A-Za-z0-9_-]+\.fifo",
        members=_QUEUE,
        defaults=_QUEUE_DEFAULTS,
        largest_batch=10,
        fewest_pollers=2,
        most_pollers=10_000,
        last_processing_result=None,
    ),
    EventSource(
        name="sqs",
        called="SQS",
        service="sqs",
        resource=r"[A-Za-z0-9_-]+",
        members=_QUEUE | {"MaximumBatchingWindowInSeconds"},
        defaults=_QUEUE_DEFAULTS,
        fewest_pollers=2,
        most_pollers=10_000,
        last_processing_result=None,
    ),
    EventSource(
        name="kinesis",
        called="Kinesis",
        service="kinesis",
        resource=r"stream/[A-Za-z0-9_.-]+(/consumer/[A-Za-z0-9_.-]+(:[0-9]+)?)?",
        members=_STREAM | _START,
        defaults=_STREAM_DEFAULTS,
        starting_positions=_ANYWHERE,
        filtered_data="data",
        transition_reason="User action",
    ),
    EventSource(
        name="dynamodb",
        called="DynamoDB",
        service="dynamodb",
        resource=r"table/[A-Za-z0-9_.-]+/stream/.+",
        members=_STREAM,
        defaults=_STREAM_DEFAULTS,
        starting_positions=_ANYWHERE - {AT_TIMESTAMP},
        filtered_data="dynamodb",
        transition_reason="User action",
    ),
    EventSource(
        name="msk",
        called="Amazon MSK",
        service="kafka",
        resource=r"(cluster|vpc-connection)/.+",
        members=_KAFKA | {"AmazonManagedKafkaEventSourceConfig"},
        required=("Topics",),
        defaults=_KAFKA_DEFAULTS,
        starting_positions=_ANYWHERE,
        access_types=frozenset({"SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"}),
        most_pollers=2_000,
        kafka_config="AmazonManagedKafkaEventSourceConfig",
        metrics=_KAFKA_METRICS,
    ),
    EventSource(
        name="self-managed-kafka",
        called="self-managed Apache Kafka",
        service=None,
        members=_KAFKA | {"SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig"},
        required=("SelfManagedEventSource", "Topics"),
        defaults=_KAFKA_DEFAULTS,
        starting_positions=_ANYWHERE,
        access_types=frozenset(
            {
                "BASIC_AUTH",
                "CLIENT_CERTIFICATE_TLS_AUTH",
                "IAM_AUTH",
                "IAM_OAUTHBEARER_AUTH",
                "OAUTHBEARER_AUDIENCE",
                "OAUTHBEARER_AUTH",
                "OAUTHBEARER_IDENTITY_POOL",
                "OAUTHBEARER_LOGICAL_CLUSTER",
                "OAUTHBEARER_SCOPE",
                "SASL_SCRAM_256_AUTH",
                "SASL_SCRAM_512_AUTH",
                "SERVER_ROOT_CA_CERTIFICATE",
                "VPC_SECURITY_GROUP",
                "VPC_SUBNET",
            }
        ),
        most_pollers=2_000,
        kafka_config="SelfManagedKafkaEventSourceConfig",
        metrics=_KAFKA_METRICS,
    ),
    EventSource(
        name="mq",
        called="Amazon MQ",
        service="mq",
        resource=r"broker:.+",
        members=frozenset(
            {
                "FilterCriteria",
                "MaximumBatchingWindowInSeconds",
                "Queues",
                "SourceAccessConfigurations",
            }
        ),
        required=("Queues", "SourceAccessConfigurations"),
        defaults={"BatchSize": 100},
        access_types=frozenset({"BASIC_AUTH", "VIRTUAL_HOST"}),
    ),
    EventSource(
        name="documentdb",
        called="DocumentDB",
        service="rds",
        resource=r"cluster:.+",
        members=frozenset(
            {
                *_START,
                "DocumentDBEventSourceConfig",
                "MaximumBatchingWindowInSeconds",
                "SourceAccessConfigurations",
            }
        ),
        required=("DocumentDBEventSourceConfig", "SourceAccessConfigurations"),
        defaults={"BatchSize": 100},
        starting_positions=_ANYWHERE,
        access_types=frozenset({"BASIC_AUTH"}),
    ),
)

SOURCE_OF: Mapping[str, EventSource] = MappingProxyType({each.name: each for each in SOURCES})
SELF_MANAGED = SOURCE_OF["self-managed-kafka"]


def find_source(arn: str) -> EventSource | None:
    """The kind of source that an ARN names, if there is one."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return None
    service, resource = parts[2], parts[5]
    for source in SOURCES:
        if source.service == service and re.fullmatch(source.resource, resource):
            return source
    return None
