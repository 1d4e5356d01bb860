"""What is set for log groups: retention and tags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.services.logs.retention import cutoffs, retention_of
from lambdad.store.resources import Resources

Call = Callable[..., Awaitable[Any]]
ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")


async def test_retention_is_told_and_taken_back(
    call: Call, resources: Resources, clock: FakeClock
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    await call("PutRetentionPolicy", logGroupName="g", retentionInDays=7)

    (group,) = (await call("DescribeLogGroups"))["logGroups"]
    assert group["retentionInDays"] == 7
    key = ("000000000000", "us-east-1", "g")
    assert retention_of(resources, *key) == 7
    assert cutoffs(resources, 8 * 86_400_000) == {key: 86_400_000}

    await call("DeleteRetentionPolicy", logGroupName="g")
    (group,) = (await call("DescribeLogGroups"))["logGroups"]
    assert "retentionInDays" not in group
    assert retention_of(resources, *key) is None
    assert cutoffs(resources, 0) == {}


async def test_only_the_documented_days_can_be_set(call: Call, refuses: Call) -> None:
    assert await refuses("PutRetentionPolicy", logGroupName="g", retentionInDays=7) == NO_GROUP
    await call("CreateLogGroup", logGroupName="g")
    code, message = await refuses("PutRetentionPolicy", logGroupName="g", retentionInDays=2)
    assert (code, "3653" in message) == ("InvalidParameterException", True)


async def test_tags_are_kept_by_arn_and_by_name(call: Call) -> None:
    await call("CreateLogGroup", logGroupName="g", tags={"team": "shop"})
    await call("TagResource", resourceArn=f"{ARN}g", tags={"stage": "prod"})
    await call("TagLogGroup", logGroupName="g", tags={"team": "cart"})
    tags = {"team": "cart", "stage": "prod"}
    assert await call("ListTagsForResource", resourceArn=f"{ARN}g") == {"tags": tags}
    assert await call("ListTagsForResource", resourceArn=f"{ARN}g:*") == {"tags": tags}
    await call("UntagResource", resourceArn=f"{ARN}g", tagKeys=["stage", "no"])
    await call("UntagLogGroup", logGroupName="g", tags=["team"])
    assert await call("ListTagsLogGroup", logGroupName="g") == {"tags": {}}


async def test_tags_have_limits(call: Call, refuses: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")
    many = {f"k{number}": "" for number in range(50)}
    await call("TagResource", resourceArn=f"{ARN}g", tags=many)
    code, _ = await refuses("TagResource", resourceArn=f"{ARN}g", tags={"one": "more"})
    assert code == "TooManyTagsException"
    for tags in ({"aws:x": "y"}, {"a": "b" * 257}):
        code, _ = await refuses("TagLogGroup", logGroupName="g", tags=tags)
        assert code == "InvalidParameterException"
    for arn in (f"{ARN}none", "arn:aws:logs:us-east-1:111111111111:log-group:g", "g"):
        code, _ = await refuses("ListTagsForResource", resourceArn=arn)
        assert code == "ResourceNotFoundException"


async def test_what_was_set_goes_with_the_group(call: Call) -> None:
    await call("CreateLogGroup", logGroupName="g", tags={"team": "shop"})
    await call("PutRetentionPolicy", logGroupName="g", retentionInDays=7)
    await call(
        "PutMetricFilter",
        logGroupName="g",
        filterName="f",
        filterPattern="",
        metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
    )
    await call("DeleteLogGroup", logGroupName="g")
    await call("CreateLogGroup", logGroupName="g")
    (group,) = (await call("DescribeLogGroups"))["logGroups"]
    assert "retentionInDays" not in group
    assert group["metricFilterCount"] == 0
    assert await call("ListTagsLogGroup", logGroupName="g") == {"tags": {}}


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["/aws/lambda/cart", "/aws/lambda/pay", "cart-audit"]),
        ({"logGroupNamePattern": "cart"}, ["/aws/lambda/cart", "cart-audit"]),
        ({"logGroupNamePattern": "^cart"}, ["cart-audit"]),
        ({"logGroupNamePattern": "^cart|pay"}, ["/aws/lambda/pay", "cart-audit"]),
        ({"logGroupTags": [{"key": "stage"}]}, ["/aws/lambda/pay", "cart-audit"]),
        ({"logGroupTags": [{"key": "stage", "values": ["pro*"]}]}, ["cart-audit"]),
        ({"logGroupTags": [{"key": "stage", "values": ["!prod"]}]}, ["/aws/lambda/pay"]),
        ({"logGroupClass": "INFREQUENT_ACCESS"}, []),
    ],
)
async def test_groups_are_listed_by_pattern_and_tags(
    call: Call, request_: dict[str, Any], names: list[str]
) -> None:
    await call("CreateLogGroup", logGroupName="/aws/lambda/cart")
    await call("CreateLogGroup", logGroupName="/aws/lambda/pay", tags={"stage": "test"})
    await call("CreateLogGroup", logGroupName="cart-audit", tags={"stage": "prod"})
    found = (await call("ListLogGroups", **request_))["logGroups"]
    assert [group["logGroupName"] for group in found] == names


async def test_fields_of_a_group_are_told_with_their_frequency(
    call: Call, clock: FakeClock
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    assert await call("GetLogGroupFields", logGroupName="g") == {"logGroupFields": []}
    await call("CreateLogStream", logGroupName="g", logStreamName="s")
    now_ms = int(clock.now() * 1000)
    messages = ['{"a": {"b": 1}, "c": 2}', '{"c": 3}', "plain"]
    events = [{"timestamp": now_ms, "message": message} for message in messages]
    await call("PutLogEvents", logGroupName="g", logStreamName="s", logEvents=events)
    for asked in ({}, {"time": now_ms}):
        found = await call("GetLogGroupFields", logGroupIdentifier=f"{ARN}g", **asked)
        percents = {field["name"]: field["percent"] for field in found["logGroupFields"]}
        assert percents["@message"] == 100
        assert (percents["c"], percents["a.b"]) == (67, 33)
    found = await call("GetLogGroupFields", logGroupName="g", time=now_ms - 3_600_000)
    assert found == {"logGroupFields": []}
