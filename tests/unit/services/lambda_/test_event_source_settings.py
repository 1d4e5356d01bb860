"""What each kind of source takes, and what a mapping of it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.services.lambda_.event_source_settings import (
    changed_settings,
    new_settings,
    source_of,
)

NOW = 1_700_000_000.0
REGION = "eu-central-1"
AT = f"{REGION}:123456789012"
SECRET = f"arn:aws:secretsmanager:{AT}:secret:broker"
REGISTRY = f"arn:aws:glue:{AT}:registry/r"
UUID = "00000000-0000-0000-0000-000000000000"
BASIC = [{"Type": "BASIC_AUTH", "URI": SECRET}]

# The least that a new mapping of each source says.
LEAST: dict[str, dict[str, Any]] = {
    "sqs": {"EventSourceArn": f"arn:aws:sqs:{AT}:jobs"},
    "fifo": {"EventSourceArn": f"arn:aws:sqs:{AT}:jobs.fifo"},
    "kinesis": {
        "EventSourceArn": f"arn:aws:kinesis:{AT}:stream/clicks",
        "StartingPosition": "LATEST",
    },
    "dynamodb": {
        "EventSourceArn": f"arn:aws:dynamodb:{AT}:table/t/stream/2026-01-01T00:00:00.000",
        "StartingPosition": "TRIM_HORIZON",
    },
    "msk": {
        "EventSourceArn": f"arn:aws:kafka:{AT}:cluster/c/1",
        "StartingPosition": "LATEST",
        "Topics": ["orders"],
    },
    "kafka": {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a.example:9092"]}},
        "StartingPosition": "LATEST",
        "Topics": ["orders"],
    },
    "mq": {
        "EventSourceArn": f"arn:aws:mq:{AT}:broker:b:b-1",
        "Queues": ["jobs"],
        "SourceAccessConfigurations": BASIC,
    },
    "documentdb": {
        "EventSourceArn": f"arn:aws:rds:{AT}:cluster:docs",
        "StartingPosition": "LATEST",
        "DocumentDBEventSourceConfig": {"DatabaseName": "shop"},
        "SourceAccessConfigurations": BASIC,
    },
}
KAFKA_CONFIG = {
    "msk": "AmazonManagedKafkaEventSourceConfig",
    "kafka": "SelfManagedKafkaEventSourceConfig",
}
QUEUE_MODE = {"SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"}}
SCHEMA = {
    "SchemaRegistryURI": REGISTRY,
    "EventRecordFormat": "JSON",
    "SchemaValidationConfigs": [{"Attribute": "VALUE"}],
}


def new(kind: str, **request: Any) -> dict[str, Any]:
    """The settings of a new mapping that asks for the least and `request`; None leaves out."""
    asked = {**LEAST[kind], **request}
    asked = {member: value for member, value in asked.items() if value is not None}
    return new_settings(source_of(asked, REGION), asked, UUID, NOW)


def changed(kind: str, before: dict[str, Any], **request: Any) -> dict[str, Any]:
    return changed_settings(source_of(LEAST[kind], REGION), new(kind, **before), request)


def filters(*patterns: str) -> dict[str, Any]:
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]}


def access(*types: str) -> list[dict[str, str]]:
    """Access of these types, each with a URI if it takes one."""
    return [
        {"Type": type} if type.startswith("IAM_") else {"Type": type, "URI": SECRET}
        for type in types
    ]


def registry(**members: Any) -> dict[str, Any]:
    """Settings of MSK with a schema registry; None leaves out."""
    schema = {**SCHEMA, **members}
    return {
        "AmazonManagedKafkaEventSourceConfig": {
            "SchemaRegistryConfig": {k: v for k, v in schema.items() if v is not None}
        },
        "ProvisionedPollerConfig": {"MinimumPollers": 1},
    }


def refusal(kind: str, **request: Any) -> str:
    """AWS's message for a new mapping that is refused."""
    with pytest.raises(ClientError) as caught:
        new(kind, **request)
    assert caught.value.code == "InvalidParameterValueException"
    return caught.value.message


# Sources


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"SelfManagedEventSource": {}},
        {"EventSourceArn": f"arn:aws:dynamodb:{AT}:table/t"},
        {"EventSourceArn": "arn:aws:s3:::bucket"},
    ],
)
def test_other_sources_are_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="Unrecognized event source"):
        source_of(request_, REGION)


def test_a_source_is_one_and_of_the_functions_region() -> None:
    with pytest.raises(ClientError, match="cannot both"):
        source_of({**LEAST["sqs"], **LEAST["kafka"]}, REGION)
    with pytest.raises(ClientError, match="region"):
        source_of(LEAST["sqs"], "us-east-1")


# Defaults


@pytest.mark.parametrize("kind", LEAST)
def test_the_least_is_enough(kind: str) -> None:
    settings = new(kind)
    assert settings["BatchSize"] == (10 if kind in ("sqs", "fifo") else 100)
    for member, value in LEAST[kind].items():
        if member not in ("EventSourceArn", "DocumentDBEventSourceConfig"):
            assert settings[member] == value


def test_defaults_of_kafka_and_documentdb() -> None:
    for kind, config in KAFKA_CONFIG.items():
        settings = new(kind)
        assert settings[config] == {"ConsumerGroupId": UUID}
        assert settings["MaximumRetryAttempts"] == settings["MaximumRecordAgeInSeconds"] == -1
        assert "MaximumBatchingWindowInSeconds" not in settings  # half a second cannot be said
    config = new("documentdb")["DocumentDBEventSourceConfig"]
    assert config == {"DatabaseName": "shop", "FullDocument": "Default"}
    assert new("kafka", StartingPosition=None, **QUEUE_MODE)["MaximumRetryAttempts"] == 0


def test_provisioned_pollers_have_defaults() -> None:
    for kind, least in (("sqs", 2), ("fifo", 2), ("msk", 1), ("kafka", 1)):
        pollers = new(kind, ProvisionedPollerConfig={"MaximumPollers": 5})
        assert pollers["ProvisionedPollerConfig"] == {"MinimumPollers": least, "MaximumPollers": 5}
    pollers = new("msk", ProvisionedPollerConfig={"MinimumPollers": 3, "PollerGroupName": "g"})
    assert pollers["ProvisionedPollerConfig"]["MaximumPollers"] == 200


# Which members a source takes

MEMBERS: dict[str, tuple[Any, set[str]]] = {
    "MaximumBatchingWindowInSeconds": (1, set(LEAST) - {"fifo"}),
    "ScalingConfig": ({"MaximumConcurrency": 2}, {"sqs", "fifo"}),
    "ParallelizationFactor": (2, {"kinesis", "dynamodb"}),
    "TumblingWindowInSeconds": (5, {"kinesis", "dynamodb"}),
    "BisectBatchOnFunctionError": (True, {"kinesis", "dynamodb", "msk", "kafka"}),
    "MaximumRetryAttempts": (0, {"kinesis", "dynamodb", "msk", "kafka"}),
    "MaximumRecordAgeInSeconds": (60, {"kinesis", "dynamodb", "msk", "kafka"}),
    "DestinationConfig": (
        {"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
        {"kinesis", "dynamodb", "msk", "kafka"},
    ),
    "FunctionResponseTypes": (["ReportBatchItemFailures"], set(LEAST) - {"mq", "documentdb"}),
    "FilterCriteria": (filters('{"a": ["b"]}'), set(LEAST) - {"documentdb"}),
    "MetricsConfig": ({"Metrics": ["EventCount"]}, set(LEAST) - {"mq", "documentdb"}),
    "LoggingConfig": ({"SystemLogLevel": "DEBUG"}, {"msk", "kafka"}),
    "KMSKeyArn": (f"arn:aws:kms:{AT}:key/1", set(LEAST)),
    "ProvisionedPollerConfig": (
        {"MinimumPollers": 2, "MaximumPollers": 4},
        {"sqs", "fifo", "msk", "kafka"},
    ),
    "AmazonManagedKafkaEventSourceConfig": ({"ConsumerGroupId": "g"}, {"msk"}),
    "SelfManagedKafkaEventSourceConfig": ({"ConsumerGroupId": "g"}, {"kafka"}),
    "DocumentDBEventSourceConfig": (
        {"DatabaseName": "d", "FullDocument": "UpdateLookup"},
        {"documentdb"},
    ),
    "Queues": (["q"], {"mq"}),
    "Topics": (["t1"], {"msk", "kafka"}),
    "StartingPosition": ("LATEST", set(LEAST) - {"sqs", "fifo", "mq"}),
    "SourceAccessConfigurations": (BASIC, {"kafka", "mq", "documentdb"}),
}


@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_source_takes_its_own_members_and_no_others(kind: str, member: str) -> None:
    value, takers = MEMBERS[member]
    if kind in takers:
        assert new(kind, **{member: value})[member] == value
    else:
        assert "is not valid for" in refusal(kind, **{member: value})


@pytest.mark.parametrize("kind", LEAST)
def test_what_asks_for_nothing_may_be_said_to_any_source(kind: str) -> None:
    nothing = {
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": ""}},
        "FilterCriteria": {"Filters": []},
        "FunctionResponseTypes": [],
        "KMSKeyArn": "",
        "MetricsConfig": {},
        "ProvisionedPollerConfig": {},
        "ScalingConfig": {},
        "TumblingWindowInSeconds": 0,
    }
    assert new(kind, **nothing) == new(kind)


# What is missing


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("kinesis", "StartingPosition"),
        ("dynamodb", "StartingPosition"),
        ("msk", "StartingPosition"),
        ("msk", "Topics"),
        ("kafka", "StartingPosition"),
        ("kafka", "Topics"),
        ("mq", "Queues"),
        ("mq", "SourceAccessConfigurations"),
        ("documentdb", "StartingPosition"),
        ("documentdb", "SourceAccessConfigurations"),
        ("documentdb", "DocumentDBEventSourceConfig"),
    ],
)
def test_what_a_source_needs_is_asked_for(kind: str, member: str) -> None:
    path = member[0].lower() + member[1:]
    assert refusal(kind, **{member: None}) == (
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
        "Member must not be null."
    )


# Rules between members

THEN = datetime.fromtimestamp(NOW - 60, UTC)
LATER = datetime.fromtimestamp(NOW + 60, UTC)
TIMESTAMP = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": THEN}
FAILURE = "DestinationConfig"


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("sqs", {"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 1}),
        ("kinesis", {"BatchSize": 10_000}),
        ("kinesis", TIMESTAMP),
        ("msk", TIMESTAMP),
        ("kafka", TIMESTAMP),
        ("documentdb", TIMESTAMP),
        ("kinesis", {FAILURE: {"OnFailure": {"Destination": "kafka://topic"}}}),
        ("kinesis", {FAILURE: {"OnFailure": {"Destination": f"arn:aws:sns:{AT}:t"}}}),
        ("kinesis", {"FilterCriteria": filters('{"data": {"a": ["b"]}, "partitionKey": ["1"]}')}),
        ("sqs", {"FilterCriteria": filters('{"body": ["plain"]}')}),
        ("sqs", {"FilterCriteria": filters(*(f'{{"body": ["{n}"]}}' for n in range(10)))}),
        ("sqs", {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 10_000}}),
        ("msk", {"MetricsConfig": {"Metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]}}),
        ("msk", {"SourceAccessConfigurations": access("SASL_SCRAM_512_AUTH")}),
        ("msk", registry()),
        (
            "msk",
            registry(
                SchemaRegistryURI="https://registry.example",
                AccessConfigs=[{"Type": "BASIC_AUTH", "URI": SECRET}],
            ),
        ),
        ("mq", {"SourceAccessConfigurations": [*BASIC, {"Type": "VIRTUAL_HOST", "URI": "/"}]}),
        (
            "kafka",
            {
                "SourceAccessConfigurations": [
                    *({"Type": "VPC_SUBNET", "URI": f"subnet:s-{n}"} for n in range(3)),
                    {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
                    *access("SASL_SCRAM_256_AUTH", "SERVER_ROOT_CA_CERTIFICATE"),
                ]
            },
        ),
        (
            "kafka",
            {"SourceAccessConfigurations": access("IAM_OAUTHBEARER_AUTH", "OAUTHBEARER_AUDIENCE")},
        ),
        (
            "kafka",
            {"SourceAccessConfigurations": access("OAUTHBEARER_AUTH", "OAUTHBEARER_SCOPE")},
        ),
        ("kafka", {"StartingPosition": None, **QUEUE_MODE, "MaximumRetryAttempts": 5}),
    ],
)
def test_what_goes_together_is_taken(kind: str, request_: dict[str, Any]) -> None:
    new(kind, **request_)


@pytest.mark.parametrize(
    ("kind", "request_", "message"),
    [
        ("fifo", {"BatchSize": 11}, "BatchSize must not be greater than 10"),
        (
            "sqs",
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10",
        ),
        ("dynamodb", {"StartingPosition": "AT_TIMESTAMP"}, "AT_TIMESTAMP is not valid"),
        ("dynamodb", {"StartingPositionTimestamp": THEN}, "is not valid"),
        ("kinesis", {"StartingPosition": "AT_TIMESTAMP"}, "requires StartingPositionTimestamp"),
        ("kinesis", {"StartingPositionTimestamp": THEN}, "requires StartingPosition"),
        ("kinesis", {**TIMESTAMP, "StartingPositionTimestamp": LATER}, "in the future"),
        ("kinesis", {"MaximumRecordAgeInSeconds": 0}, "at least 60"),
        ("kinesis", {"MaximumRecordAgeInSeconds": 59}, "at least 60"),
        (
            "kinesis",
            {FAILURE: {"OnSuccess": {"Destination": f"arn:aws:sns:{AT}:t"}}},
            "no destination for successful",
        ),
        ("kinesis", {FAILURE: {"OnFailure": {"Destination": f"arn:aws:sqs:{AT}:q.fifo"}}}, "FIFO"),
        (
            "kinesis",
            {FAILURE: {"OnFailure": {"Destination": f"arn:aws:lambda:{AT}:function:f"}}},
            "invalid",
        ),
        ("sqs", {"FilterCriteria": filters("x")}, "Invalid filter pattern definition."),
        ("sqs", {"FilterCriteria": {"Filters": [{}]}}, "Invalid filter pattern definition."),
        ("sqs", {"FilterCriteria": filters(*['{"a": [1]}'] * 11)}, "more than 10 filters"),
        ("kinesis", {"FilterCriteria": filters('{"data": ["plain"]}')}, '"data" must be'),
        ("dynamodb", {"FilterCriteria": filters('{"dynamodb": ["x"]}')}, '"dynamodb" must be'),
        (
            "sqs",
            {
                "ScalingConfig": {"MaximumConcurrency": 5},
                "ProvisionedPollerConfig": {"MinimumPollers": 2},
            },
            "cannot both",
        ),
        ("sqs", {"ProvisionedPollerConfig": {"MinimumPollers": 1}}, "at least 2"),
        ("sqs", {"ProvisionedPollerConfig": {"PollerGroupName": "g"}}, "PollerGroupName"),
        ("msk", {"ProvisionedPollerConfig": {"MaximumPollers": 2001}}, "at most 2000"),
        (
            "msk",
            {"ProvisionedPollerConfig": {"MinimumPollers": 5, "MaximumPollers": 4}},
            "not less",
        ),
        ("sqs", {"MetricsConfig": {"Metrics": ["KafkaMetrics"]}}, "KafkaMetrics is not valid"),
        ("documentdb", {"DocumentDBEventSourceConfig": {"CollectionName": "c"}}, "DatabaseName"),
        ("msk", {"SourceAccessConfigurations": access("BASIC_AUTH")}, "is not valid"),
        ("msk", {"SourceAccessConfigurations": [{"URI": SECRET}]}, "No type"),
        ("kafka", {"SourceAccessConfigurations": [{"Type": "BASIC_AUTH"}]}, "requires a URI"),
        (
            "kafka",
            {"SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "user"}]},
            "Secrets Manager",
        ),
        (
            "kafka",
            {"SourceAccessConfigurations": [{"Type": "IAM_AUTH", "URI": SECRET}]},
            "takes no URI",
        ),
        ("kafka", {"SourceAccessConfigurations": BASIC * 2}, "more than 1"),
        (
            "kafka",
            {"SourceAccessConfigurations": access("BASIC_AUTH", "SASL_SCRAM_512_AUTH")},
            "one way to authenticate",
        ),
        ("kafka", {"SourceAccessConfigurations": access("OAUTHBEARER_SCOPE")}, "requires OAUTH"),
        (
            "kafka",
            {"SourceAccessConfigurations": access("IAM_OAUTHBEARER_AUTH")},
            "requires OAUTHBEARER_AUDIENCE",
        ),
        (
            "mq",
            {"SourceAccessConfigurations": [{"Type": "VIRTUAL_HOST", "URI": "/"}]},
            "BASIC_AUTH is required",
        ),
        ("kafka", QUEUE_MODE, "StartingPosition is not supported"),
        (
            "kafka",
            {"StartingPosition": None, **QUEUE_MODE, "MaximumBatchingWindowInSeconds": 1},
            "MaximumBatchingWindowInSeconds is not supported",
        ),
        (
            "kafka",
            {"StartingPosition": None, **QUEUE_MODE, "MaximumRetryAttempts": -1},
            "cannot be infinite",
        ),
        ("msk", {**registry(), "ProvisionedPollerConfig": {}}, "requires ProvisionedPollerConfig"),
        ("msk", registry(SchemaRegistryURI=None), "requires SchemaRegistryURI"),
        ("msk", registry(EventRecordFormat=None), "requires EventRecordFormat"),
        ("msk", registry(SchemaRegistryURI="http://registry.example"), "https URL"),
        ("msk", registry(SchemaValidationConfigs=None), "SchemaValidationConfigs"),
        ("msk", registry(SchemaValidationConfigs=[{"Attribute": "KEY"}] * 2), "each once"),
        ("msk", registry(AccessConfigs=[{"Type": "BASIC_AUTH", "URI": SECRET}]), "Glue"),
        (
            "msk",
            registry(
                SchemaRegistryURI="https://registry.example", AccessConfigs=[{"Type": "BASIC_AUTH"}]
            ),
            "Type and URI",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    kind: str, request_: dict[str, Any], message: str
) -> None:
    assert message in refusal(kind, **request_)


# Updates


def test_an_update_keeps_what_it_does_not_name() -> None:
    before = {"BatchSize": 7, "FilterCriteria": filters('{"a": ["b"]}')}
    after = changed("sqs", before, MaximumBatchingWindowInSeconds=3)
    assert after == {**new("sqs", **before), "MaximumBatchingWindowInSeconds": 3}


def test_an_update_removes_by_saying_nothing() -> None:
    before = {
        "FilterCriteria": filters('{"a": ["b"]}'),
        "KMSKeyArn": f"arn:aws:kms:{AT}:key/1",
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    nothing: dict[str, Any] = {
        "FilterCriteria": {},
        "KMSKeyArn": "",
        "DestinationConfig": {"OnFailure": {}},
        "FunctionResponseTypes": [],
        "MetricsConfig": {"Metrics": []},
    }
    assert changed("kinesis", before, **nothing) == new("kinesis")
    for member in ("ProvisionedPollerConfig", "ScalingConfig"):
        value, _ = MEMBERS[member]
        assert changed("sqs", {member: value}, **{member: {}}) == new("sqs")


def test_an_update_switches_between_concurrency_and_provisioned_pollers() -> None:
    after = changed(
        "sqs",
        {"ScalingConfig": {"MaximumConcurrency": 5}},
        ScalingConfig={},
        ProvisionedPollerConfig={"MinimumPollers": 4},
    )
    assert "ScalingConfig" not in after
    assert after["ProvisionedPollerConfig"] == {"MinimumPollers": 4, "MaximumPollers": 200}


def test_rules_between_members_hold_after_an_update() -> None:
    before = {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 5}
    with pytest.raises(ClientError, match="Maximum batch window"):
        changed("sqs", before, MaximumBatchingWindowInSeconds=0)
    with pytest.raises(ClientError, match="is not valid"):
        changed("sqs", {}, ParallelizationFactor=2)


def test_a_virtual_host_stays() -> None:
    host = {"Type": "VIRTUAL_HOST", "URI": "/shop"}
    other = [{"Type": "BASIC_AUTH", "URI": f"{SECRET}-2"}]
    before = {"SourceAccessConfigurations": [*BASIC, host]}
    after = changed("mq", before, SourceAccessConfigurations=other)
    assert after["SourceAccessConfigurations"] == [*other, host]
    with pytest.raises(ClientError, match="VIRTUAL_HOST cannot be specified"):
        changed("mq", {}, SourceAccessConfigurations=[*BASIC, host])


def test_kafkas_own_settings_are_merged_and_its_group_stays() -> None:
    config = "AmazonManagedKafkaEventSourceConfig"
    after = changed("msk", registry(), **{config: {}}, BatchSize=5)
    assert after[config] == {"ConsumerGroupId": UUID, "SchemaRegistryConfig": SCHEMA}
    after = changed("msk", registry(), **{config: {"SchemaRegistryConfig": {}}})
    assert after[config] == {"ConsumerGroupId": UUID}
    after = changed("msk", {}, **{config: {"ConsumerGroupId": UUID}})
    assert after == new("msk")
    with pytest.raises(ClientError, match="ConsumerGroupId cannot be changed"):
        changed("msk", {}, **{config: {"ConsumerGroupId": "other"}})
    with pytest.raises(ClientError, match="ConsumptionMode cannot be changed"):
        changed("kafka", {}, **QUEUE_MODE)


def test_documentdbs_own_settings_are_merged() -> None:
    config = "DocumentDBEventSourceConfig"
    after = changed("documentdb", {}, **{config: {"FullDocument": "UpdateLookup"}})
    assert after[config] == {"DatabaseName": "shop", "FullDocument": "UpdateLookup"}
    assert changed("documentdb", {}, **{config: {}}) == new("documentdb")
