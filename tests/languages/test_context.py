"""A handler is told what it runs as."""

from __future__ import annotations

from typing import Any

import pytest

from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]


def test_the_context_is_the_invocations(function: DeployedFunction) -> None:
    # When
    answer = function.invoke({"do": "context"})
    told: dict[str, Any] = answer.value
    # Then
    assert 0 < told.pop("remaining_ms") <= 10_000
    assert str(told.pop("memory")) == "512"
    streams = function.logs.describe_log_streams(logGroupName=function.log_group)["logStreams"]
    assert told.pop("log_stream") in [stream["logStreamName"] for stream in streams]
    assert told == {
        "request_id": answer.request_id,
        "function_name": function.name,
        "version": "$LATEST",
        "arn": function.arn,
        "log_group": function.log_group,
    }


def test_each_invocation_has_its_own(function: DeployedFunction) -> None:
    answers = [function.invoke({"do": "context"}) for _ in range(3)]
    ids = [answer.value["request_id"] for answer in answers]
    assert ids == [answer.request_id for answer in answers]
    assert len(set(ids)) == 3


def test_a_published_version_knows_that_it_is_one(function: DeployedFunction) -> None:
    version = function.client.publish_version(FunctionName=function.name)["Version"]
    function.client.get_waiter("published_version_active").wait(
        FunctionName=function.name, Qualifier=version, WaiterConfig={"Delay": 1}
    )
    told = function.invoke({"do": "context"}, Qualifier=version).value
    assert (told["version"], told["arn"]) == (version, f"{function.arn}:{version}")
    function.client.delete_function(FunctionName=function.name, Qualifier=version)
