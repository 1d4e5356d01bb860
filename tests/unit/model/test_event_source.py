"""Which kind of source an ARN names."""

from __future__ import annotations

import pytest

from lambdad.model.event_source import SOURCES, find_source

AT = "eu-central-1:123456789012"


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (f"arn:aws:sqs:{AT}:jobs", "sqs"),
        (f"arn:aws:sqs:{AT}:jobs.fifo", "sqs-fifo"),
        (f"arn:aws:kinesis:{AT}:stream/clicks", "kinesis"),
        (f"arn:aws:kinesis:{AT}:stream/clicks/consumer/fast:1700000000", "kinesis"),
        (f"arn:aws:dynamodb:{AT}:table/t/stream/2026-01-01T00:00:00.000", "dynamodb"),
        (f"arn:aws:kafka:{AT}:cluster/c/0d-1", "msk"),
        (f"arn:aws:kafka:{AT}:vpc-connection/1/c/0d-1", "msk"),
        (f"arn:aws:mq:{AT}:broker:b:b-1234", "mq"),
        (f"arn:aws:rds:{AT}:cluster:docs", "documentdb"),
        (f"arn:aws:dynamodb:{AT}:table/t", None),
        (f"arn:aws:sqs:{AT}:jobs.fifo.fifo", None),
        (f"arn:aws:s3:{AT}:bucket", None),
        ("", None),
        ("arn:aws:sqs", None),
    ],
)
def test_an_arn_names_a_kind_of_source(arn: str, name: str | None) -> None:
    found = find_source(arn)
    assert (found and found.name) == name


def test_defaults_are_members_that_the_source_takes() -> None:
    for source in SOURCES:
        extra = {"BatchSize"} | ({"MaximumBatchingWindowInSeconds"} & set(source.defaults))
        assert set(source.defaults) <= source.members | extra
        assert set(source.required) <= source.members
        assert bool(source.most_pollers) == ("ProvisionedPollerConfig" in source.members)
        assert bool(source.access_types) == ("SourceAccessConfigurations" in source.members)
        assert bool(source.starting_positions) == ("StartingPosition" in source.members)
