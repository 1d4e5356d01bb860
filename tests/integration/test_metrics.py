"""As a developer I see in CloudWatch what my functions did, and put metrics of my own there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT, REGION, make_client
from support.functions import DeployedFunction
from support.waiting import wait_until
from support.web import publish

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


@pytest.fixture
def cloudwatch(server: LocalServer) -> Iterator[Any]:
    client = make_client("cloudwatch", server.url)
    yield client
    client.close()


def hour() -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(minutes=50), "EndTime": now + timedelta(minutes=2)}


def statistics(client: Any, namespace: str, name: str, *statistics: str, **more: Any) -> Any:
    found = client.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Period=3600,
        Statistics=list(statistics),
        **hour(),
        **more,
    )["Datapoints"]
    assert len(found) <= 1
    return found[0] if found else None


def test_values_are_counted_by_metric_and_dimension(cloudwatch: Any) -> None:
    dimensions = [{"Name": "Page", "Value": "cart"}]
    # When values come singly, with counts, and as a statistic set
    cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[
            {"MetricName": "Load", "Dimensions": dimensions, "Value": 5, "Unit": "Seconds"},
            {
                "MetricName": "Load",
                "Dimensions": dimensions,
                "Values": [1, 2],
                "Counts": [1, 3],
                "Unit": "Seconds",
            },
            {
                "MetricName": "Load",
                "Dimensions": dimensions,
                "StatisticValues": {"SampleCount": 2, "Sum": 7, "Minimum": 0.5, "Maximum": 6.5},
                "Unit": "Seconds",
            },
        ],
    )
    # Then
    found = statistics(
        *(cloudwatch, "Shop", "Load", "Sum", "SampleCount", "Minimum", "Maximum", "Average"),
        Dimensions=dimensions,
    )
    del found["Timestamp"]
    assert found == {
        "Sum": 19.0,
        "SampleCount": 7.0,
        "Minimum": 0.5,
        "Maximum": 6.5,
        "Average": pytest.approx(19 / 7),
        "Unit": "Seconds",
    }
    assert statistics(cloudwatch, "Shop", "Load", "Sum") is None


def test_percentiles_are_told(cloudwatch: Any) -> None:
    values = [float(value) for value in range(1, 101)]
    cloudwatch.put_metric_data(
        Namespace="Shop", MetricData=[{"MetricName": "Size", "Values": values}]
    )
    found = cloudwatch.get_metric_statistics(
        Namespace="Shop",
        MetricName="Size",
        Period=3600,
        ExtendedStatistics=["p50", "p99", "tm90"],
        **hour(),
    )["Datapoints"][0]["ExtendedStatistics"]
    assert found == {
        "p50": pytest.approx(50, rel=0.02),
        "p99": pytest.approx(99, rel=0.02),
        "tm90": pytest.approx(45.5, rel=0.02),
    }


def test_metrics_are_listed_page_by_page(cloudwatch: Any) -> None:
    names = {f"Number{number}" for number in range(600)}
    cloudwatch.put_metric_data(
        Namespace="Many", MetricData=[{"MetricName": name, "Value": 1} for name in names]
    )
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace="Many"))
    assert [len(page["Metrics"]) for page in pages] == [500, 100]
    assert {each["MetricName"] for page in pages for each in page["Metrics"]} == names


def test_what_a_function_did_is_in_its_metrics(
    cloudwatch: Any, make_function: MakeFunction
) -> None:
    # Given a function that has run, also by an alias, and failed
    function = make_function("raise_error")
    for _ in range(2):
        function.invoke({"kind": "exception"})
    dimensions = [{"Name": "FunctionName", "Value": function.name}]

    # Then its metrics tell it soon
    def invocations() -> float:
        found = statistics(cloudwatch, "AWS/Lambda", "Invocations", "Sum", Dimensions=dimensions)
        return found["Sum"] if found else 0.0

    wait_until(lambda: invocations() == 2, "the metrics are there")
    errors = statistics(cloudwatch, "AWS/Lambda", "Errors", "Sum", Dimensions=dimensions)
    assert errors["Sum"] == 2
    took = statistics(cloudwatch, "AWS/Lambda", "Duration", "Average", Dimensions=dimensions)
    assert (took["Average"] > 0, took["Unit"]) == (True, "Milliseconds")
    listed = cloudwatch.list_metrics(Namespace="AWS/Lambda", Dimensions=dimensions)["Metrics"]
    resource = {"Name": "Resource", "Value": function.name}
    assert {"Invocations", "Errors", "Duration"} <= {each["MetricName"] for each in listed}
    assert any(resource in each["Dimensions"] for each in listed)


def test_requests_to_function_urls_and_concurrency_are_counted(
    cloudwatch: Any, make_function: MakeFunction
) -> None:
    function = make_function(source="def handler(event, context):\n    return 1 / 0")
    assert publish(function).get("/").status == 502
    of_function = {"Dimensions": [{"Name": "FunctionName", "Value": function.name}]}

    def counted(name: str, **more: Any) -> float:
        found = statistics(cloudwatch, "AWS/Lambda", name, "Maximum", **more)
        return float(found["Maximum"]) if found else 0.0

    wait_until(lambda: counted("UrlRequestCount", **of_function) == 1, "the request is counted")
    wait_until(lambda: counted("Url5xxError", **of_function) == 1, "the error is counted")
    assert counted("UrlRequestLatency", **of_function) > 0
    assert counted("ConcurrentExecutions", **of_function) == 1
    wait_until(lambda: counted("UnreservedConcurrentExecutions") >= 1, "the region is counted")
    wait_until(lambda: counted("ClaimedAccountConcurrency") >= 1, "the claim is counted")


@pytest.mark.parametrize(
    ("datum", "code", "says"),
    [
        ({"Value": float("nan")}, "InvalidParameterValue", "nan"),
        ({}, "MissingParameter", "Value"),
        ({"Value": 1, "Values": [1]}, "InvalidParameterCombination", "exclusive"),
        ({"Values": [1, 2], "Counts": [1]}, "InvalidParameterValue", "same size"),
        ({"Values": [1], "Counts": [1e200]}, "InvalidParameterValue", "2\\^360"),
        ({"Value": 1, "Timestamp": datetime(2001, 1, 1)}, "InvalidParameterValue", "two weeks"),
        ({"Value": 1, "StorageResolution": 5}, "InvalidParameterValue", "1 or 60"),
    ],
)
def test_what_is_no_value_is_refused(
    cloudwatch: Any, datum: dict[str, Any], code: str, says: str
) -> None:
    with pytest.raises(ClientError, match=says) as refused:
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Bad", **datum}])
    assert refused.value.response["Error"]["Code"] == code


def test_the_command_line_of_aws_speaks_to_it(server: LocalServer) -> None:
    """It speaks the older protocol, in which requests are forms."""

    def aws(*arguments: str) -> str:
        return subprocess.run(
            ["aws", "cloudwatch", *arguments, "--endpoint-url", server.url, "--region", REGION],
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    aws("put-metric-data", "--namespace", "Shell", "--metric-name", "Runs", "--value", "3")
    assert '"MetricName": "Runs"' in aws("list-metrics", "--namespace", "Shell")


def test_dashboards_are_kept(cloudwatch: Any) -> None:
    body = '{"widgets": []}'
    cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=body)
    assert cloudwatch.get_dashboard(DashboardName="shop")["DashboardBody"] == body
    entries = cloudwatch.list_dashboards(DashboardNamePrefix="sh")["DashboardEntries"]
    assert [(each["DashboardName"], each["Size"]) for each in entries] == [("shop", len(body))]
    arn = entries[0]["DashboardArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "a"}])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    with pytest.raises(ClientError, match="valid JSON"):
        cloudwatch.put_dashboard(DashboardName="shop", DashboardBody="{")
    cloudwatch.delete_dashboards(DashboardNames=["shop"])
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName="shop")


def test_an_acknowledged_value_survives_kill_9(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        client = make_client("cloudwatch", server.url)
        for value in range(1, 11):
            client.put_metric_data(
                Namespace="Shop", MetricData=[{"MetricName": "Orders", "Value": value}]
            )
        server.kill()
        client.close()
    for _ in range(2):  # settled by the first stop, and read again
        with LocalServer(tmp_path) as server:
            client = make_client("cloudwatch", server.url)
            assert statistics(client, "Shop", "Orders", "Sum")["Sum"] == 55
            client.close()


def test_prometheus_reads_what_the_node_does(
    server: LocalServer, make_function: MakeFunction
) -> None:
    function = make_function("echo")
    function.invoke()

    def asked() -> tuple[Any, str]:
        with urlopen(f"{server.url}/metrics") as answer:
            return answer, answer.read().decode()

    def waiting() -> float:
        (line,) = re.findall(r"^lambdad_waiting_sandboxes (\d+)$", asked()[1], re.MULTILINE)
        return float(line)

    wait_until(waiting, "sandboxes wait for the next environments")
    answer, text = asked()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f'function="{function.name}"}} 1' in text
    assert "# TYPE lambdad_environments gauge" in text
