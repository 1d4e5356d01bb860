"""As an operator I set how long log groups keep their lines, tag them, and make metrics of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import make_client

pytestmark = pytest.mark.slow
COUNT = {"metricName": "Errors", "metricNamespace": "Shop", "metricValue": "1"}


@pytest.fixture
def group(logs_client: Any) -> Iterator[str]:
    logs_client.create_log_group(logGroupName="/shop/cart", tags={"team": "shop"})
    yield "/shop/cart"
    logs_client.delete_log_group(logGroupName="/shop/cart")


def described(client: Any, group: str) -> dict[str, Any]:
    (found,) = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return dict(found)


def test_settings_of_a_group_survive_kill_9(start_server: Callable[..., LocalServer]) -> None:
    # Given
    server = start_server(sandbox="process")
    client = make_client("logs", server.url)
    client.create_log_group(logGroupName="g", tags={"team": "shop"})
    client.put_retention_policy(logGroupName="g", retentionInDays=30)
    client.put_metric_filter(
        logGroupName="g",
        filterName="errors",
        filterPattern="{ $.level = ERROR }",
        metricTransformations=[{**COUNT, "defaultValue": 0}],
    )
    # When
    server.kill()
    server.start()
    client = make_client("logs", server.url)
    # Then
    group = described(client, "g")
    assert (group["retentionInDays"], group["metricFilterCount"]) == (30, 1)
    assert client.list_tags_log_group(logGroupName="g")["tags"] == {"team": "shop"}
    (found,) = client.describe_metric_filters(logGroupName="g")["metricFilters"]
    assert found["filterPattern"] == "{ $.level = ERROR }"
    client.delete_metric_filter(logGroupName="g", filterName="errors")
    client.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in described(client, "g")


def test_a_group_is_tagged_by_its_arn(logs_client: Any, group: str) -> None:
    arn = described(logs_client, group)["logGroupArn"]
    logs_client.tag_resource(resourceArn=arn, tags={"stage": "prod"})
    assert logs_client.list_tags_for_resource(resourceArn=arn)["tags"] == {
        "team": "shop",
        "stage": "prod",
    }
    found = logs_client.list_log_groups(logGroupTags=[{"key": "stage", "values": ["pr*"]}])
    assert [each["logGroupName"] for each in found["logGroups"]] == [group]
    logs_client.untag_resource(resourceArn=arn, tagKeys=["stage"])
    logs_client.tag_log_group(logGroupName=group, tags={"old": "way"})
    logs_client.untag_log_group(logGroupName=group, tags=["old"])
    assert logs_client.list_tags_log_group(logGroupName=group)["tags"] == {"team": "shop"}


def test_a_group_tells_its_fields(logs_client: Any, group: str) -> None:
    logs_client.create_log_stream(logGroupName=group, logStreamName="s")
    now_ms = described(logs_client, group)["creationTime"]
    events = [{"timestamp": now_ms, "message": '{"user": {"id": 7}}'}]
    logs_client.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    fields = logs_client.get_log_group_fields(logGroupName=group)["logGroupFields"]
    assert {"name": "user.id", "percent": 100} in fields


def test_a_pattern_is_tried_on_messages(logs_client: Any) -> None:
    found = logs_client.test_metric_filter(
        filterPattern="{ $.level = ERR* && $.ms > 100 }",
        logEventMessages=['{"level": "INFO", "ms": 5}', '{"level": "ERROR", "ms": 500}'],
    )
    (match,) = found["matches"]
    assert match["extractedValues"] == {"$.level": "ERROR", "$.ms": "500"}


def test_what_is_wrong_is_refused_in_cloudwatchs_words(logs_client: Any, group: str) -> None:
    with pytest.raises(ClientError, match="Invalid retentionInDays value 2"):
        logs_client.put_retention_policy(logGroupName=group, retentionInDays=2)
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        logs_client.test_metric_filter(filterPattern="{", logEventMessages=["x"])
    with pytest.raises(logs_client.exceptions.ResourceNotFoundException):
        logs_client.put_retention_policy(logGroupName="none", retentionInDays=1)
