"""As an operator I make metrics of log lines, and let old lines go."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.waiting import wait_until

pytestmark = pytest.mark.slow

_DAY_MS = 86_400_000


@pytest.fixture
def logs(server: LocalServer) -> Iterator[Any]:
    client = make_client("logs", server.url)
    yield client
    client.close()


@pytest.fixture
def cloudwatch(server: LocalServer) -> Iterator[Any]:
    client = make_client("cloudwatch", server.url)
    yield client
    client.close()


def make_group(logs: Any) -> str:
    name = f"group-{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    return name


def put(logs: Any, group: str, *messages: str, days_ago: int = 0) -> None:
    at = int(time.time() * 1000) - days_ago * _DAY_MS
    events = [{"timestamp": at, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_a_metric_filter_makes_metrics_of_the_lines_that_follow(logs: Any, cloudwatch: Any) -> None:
    # Given
    group = make_group(logs)
    logs.put_metric_filter(
        logGroupName=group,
        filterName="latency",
        filterPattern="{ $.took > 10 }",
        metricTransformations=[
            {
                "metricName": "Slow",
                "metricNamespace": "Filters",
                "metricValue": "$.took",
                "unit": "Milliseconds",
                "dimensions": {"Page": "$.page"},
            }
        ],
    )
    # When
    put(logs, group, '{"took": 20, "page": "cart"}', '{"took": 5, "page": "cart"}', "no JSON")
    put(logs, group, '{"took": 30, "page": "cart"}')

    # Then
    def told() -> dict[str, float]:
        now = datetime.now(UTC)
        found = cloudwatch.get_metric_statistics(
            Namespace="Filters",
            MetricName="Slow",
            Dimensions=[{"Name": "Page", "Value": "cart"}],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        return {name: sum(each[name] for each in found) for name in ("Sum", "SampleCount") if found}

    wait_until(lambda: told() == {"Sum": 50.0, "SampleCount": 2.0}, "the metric is there")


def test_lines_that_are_older_than_the_retention_are_gone(logs: Any) -> None:
    # Given old and new lines
    group = make_group(logs)
    put(logs, group, "old", days_ago=3)
    put(logs, group, "new")

    def messages() -> list[str]:
        found = logs.filter_log_events(logGroupName=group)["events"]
        return [each["message"] for each in found]

    assert messages() == ["old", "new"]
    # When
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    # Then
    wait_until(lambda: messages() == ["new"], "the old line is gone")
