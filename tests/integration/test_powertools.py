"""As a developer I use Powertools for AWS Lambda unmodified, and find what it emits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.functions import DeployedFunction
from support.packages import distribution_files
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

HANDLER = """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="shop")
metrics = Metrics(namespace="Powertools", service="shop")

@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    logger.info("ordered", extra={"order": event["order"]})
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=event["amount"])
    return event["order"]
"""


@pytest.fixture
def function(make_function: MakeFunction) -> DeployedFunction:
    libraries = distribution_files("aws-lambda-powertools")
    return make_function(files={"app.py": HANDLER, **libraries}, Timeout=30, MemorySize=512)


@pytest.fixture
def cloudwatch(server: LocalServer) -> Iterator[Any]:
    client = make_client("cloudwatch", server.url)
    yield client
    client.close()


def test_its_logger_and_its_metrics_are_found_through_the_apis(
    function: DeployedFunction, cloudwatch: Any
) -> None:
    # When
    for amount in (3, 4):
        assert function.call({"order": f"n{amount}", "amount": amount}) == f"n{amount}"
    # Then the logger's lines are JSON that tells of the invocation
    lines = [json.loads(line) for line in function.log_messages("ordered")]
    assert [line["order"] for line in lines] == ["n3", "n4"]
    assert {line["function_name"] for line in lines} == {function.name}
    assert [line["cold_start"] for line in lines] == [True, False]
    # And the metrics are there
    now = datetime.now(UTC)

    def total(name: str, **dimensions: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace="Powertools",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(minutes=10),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(each["Sum"] for each in found))

    wait_until(lambda: total("Orders", service="shop") == 7, "the metric is there")
    cold_starts = total("ColdStart", function_name=function.name, service="shop")
    assert cold_starts == 1
