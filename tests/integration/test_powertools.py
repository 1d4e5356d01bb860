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

TRACED = """
import boto3
from aws_lambda_powertools import Tracer

tracer = Tracer(service="shop")

class Till:
    @tracer.capture_method
    def pay(self, amount):
        tracer.put_annotation("tenant", "blue")
        tracer.put_metadata("basket", {"amount": amount})
        boto3.client("sts").get_caller_identity()
        if amount < 0:
            raise ValueError("nothing to pay")
        return amount

@tracer.capture_lambda_handler
def handler(event, context):
    return {"paid": Till().pay(event["amount"])}
"""


@pytest.fixture
def function(make_function: MakeFunction) -> DeployedFunction:
    libraries = distribution_files("aws-lambda-powertools")
    return make_function(files={"app.py": HANDLER, **libraries}, Timeout=30, MemorySize=512)


@pytest.fixture
def traced(make_function: MakeFunction) -> DeployedFunction:
    libraries = distribution_files("aws-lambda-powertools", "aws-xray-sdk")  # [tracer]
    files = {"app.py": TRACED, **libraries}
    tracing = {"Mode": "Active"}
    return make_function(files=files, Timeout=30, MemorySize=512, TracingConfig=tracing)


@pytest.fixture
def xray(server: LocalServer) -> Iterator[Any]:
    client = make_client("xray", server.url)
    yield client
    client.close()


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


def test_its_tracer_tells_what_handler_and_methods_did(traced: DeployedFunction, xray: Any) -> None:
    # When
    assert traced.call({"amount": 5}) == {"paid": 5}
    # Then the trace is found by what the tracer annotates
    own = found_trace(xray, traced, "annotation.ColdStart = true AND ok")
    handled = part(own, "## handler")
    assert handled["annotations"] == {"ColdStart": True, "Service": "shop"}
    assert handled["metadata"]["shop"] == {"handler response": {"paid": 5}}
    # And the method's part hangs below the handler's, with what it says of itself
    paid = part(handled, "## app.Till.pay")
    assert paid["annotations"] == {"tenant": "blue"}
    assert paid["metadata"]["shop"] == {
        "basket": {"amount": 5},
        "app.Till.pay response": 5,
    }
    # And the call of AWS below the method's
    called = part(paid, "sts")
    assert called["namespace"] == "aws"
    assert called["aws"]["operation"] == "GetCallerIdentity"
    assert called["http"]["response"]["status"] == 200


def test_its_tracer_tells_what_failed(traced: DeployedFunction, xray: Any) -> None:
    # When
    answer = traced.invoke({"amount": -1})
    assert answer.error, str(answer)
    # Then
    own = found_trace(xray, traced, "annotation.Service = 'shop' AND fault")
    assert own["fault"] is True
    handled = part(own, "## handler")
    paid = part(handled, "## app.Till.pay")
    for told in (handled, paid):
        assert told["fault"] is True
    (raised,) = paid["cause"]["exceptions"]
    assert (raised["type"], raised["message"]) == ("ValueError", "nothing to pay")
    assert raised["stack"][-1]["path"].endswith("app.py")
    assert "handler error" in handled["metadata"]["shop"]


def found_trace(xray: Any, function: DeployedFunction, expression: str) -> dict[str, Any]:
    """The segment of the function in the one trace of it that a filter finds."""

    def found() -> list[str]:
        now = datetime.now(UTC)
        summaries = xray.get_trace_summaries(
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            FilterExpression=f'service("{function.name}") AND {expression}',
        )["TraceSummaries"]
        return [each["Id"] for each in summaries]

    ids = wait_until(found, "the trace is there")
    (trace,) = xray.batch_get_traces(TraceIds=ids)["Traces"]
    documents = [json.loads(each["Document"]) for each in trace["Segments"]]
    (own,) = [each for each in documents if each.get("origin") == "AWS::Lambda::Function"]
    return dict(own)


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The one subsegment that has this name."""
    (found,) = [each for each in document["subsegments"] if each["name"] == name]
    return dict(found)
