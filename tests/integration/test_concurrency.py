"""Reserved and provisioned concurrency, scaling configs, account settings: on the real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION
from support.functions import Answer, DeployedFunction
from support.processes import environment_of
from support.sandboxes import on_both
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
StartServer = Callable[..., LocalServer]
pytestmark = pytest.mark.slow

INITIALIZED = """
import os, time, uuid
ENVIRONMENT = str(uuid.uuid4())
def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return {
        "environment": ENVIRONMENT,
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "version": context.function_version,
        "pid_namespace": os.readlink("/proc/self/ns/pid"),
    }
"""


@contextmanager
def refused(code: str) -> Iterator[dict[str, Any]]:
    """The call within must be refused with this code; afterwards the response is in there."""
    response: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield response
    response.update(caught.value.response)
    assert response["Error"]["Code"] == code, response


def provision(function: DeployedFunction, qualifier: str, count: int) -> dict[str, Any]:
    answer: dict[str, Any] = function.client.put_provisioned_concurrency_config(
        FunctionName=function.name,
        Qualifier=qualifier,
        ProvisionedConcurrentExecutions=count,
    )
    return answer


def status_of(function: DeployedFunction, qualifier: str) -> dict[str, Any]:
    found: dict[str, Any] = function.client.get_provisioned_concurrency_config(
        FunctionName=function.name, Qualifier=qualifier
    )
    return found


def settled(function: DeployedFunction, qualifier: str) -> dict[str, Any]:
    """The config when it is not on its way any more."""

    def look() -> dict[str, Any]:
        found = status_of(function, qualifier)
        return found if found["Status"] != "IN_PROGRESS" else {}

    return wait_until(look, f"{qualifier} of {function.name} is provisioned")


def publish(function: DeployedFunction, alias: str | None = None) -> str:
    """A new version of a function, and an alias for it."""
    function.update_configuration(Description=f"for {alias}")
    version = str(function.client.publish_version(FunctionName=function.name)["Version"])
    if alias:
        function.client.create_alias(
            FunctionName=function.name, Name=alias, FunctionVersion=version
        )
    return version


# Reserved concurrency


def test_reserved_concurrency_is_kept_and_told(make_function: MakeFunction) -> None:
    # Given
    function = make_function("echo")
    client, name = function.client, {"FunctionName": function.name}
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(**name)
    assert "Concurrency" not in client.get_function(**name)
    # When
    answer = client.put_function_concurrency(**name, ReservedConcurrentExecutions=5)
    # Then
    assert answer["ReservedConcurrentExecutions"] == 5
    assert client.get_function_concurrency(**name)["ReservedConcurrentExecutions"] == 5
    assert client.get_function(**name)["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    limits = client.get_account_settings()["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] <= limits["ConcurrentExecutions"] - 5
    deleted = client.delete_function_concurrency(**name)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(**name)


def test_reserved_concurrency_refuses_what_cannot_be(make_function: MakeFunction) -> None:
    client = make_function("echo").client
    name = "no-such-function"
    with refused("ResourceNotFoundException"):
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with refused("ResourceNotFoundException"):
        client.get_function_concurrency(FunctionName=name)
    with refused("ResourceNotFoundException"):
        client.delete_function_concurrency(FunctionName=name)
    with refused("InvalidParameterValueException"):
        client.get_function_concurrency(FunctionName=f"{name}:1")


def test_a_function_with_nothing_reserved_for_it_is_stopped(make_function: MakeFunction) -> None:
    # Given
    function = make_function("echo")
    name = {"FunctionName": function.name}
    function.client.put_function_concurrency(**name, ReservedConcurrentExecutions=0)
    # When
    with refused("TooManyRequestsException") as answer:
        function.invoke()
    # Then
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    function.client.delete_function_concurrency(**name)
    assert function.call(1) == 1


def test_a_reservation_is_a_limit_and_a_guarantee(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = start_server(concurrency=2)
    sleeper = make_function(source=INITIALIZED, on=server)
    other = make_function("echo", on=server)
    sleeper.client.put_function_concurrency(
        FunctionName=sleeper.name, ReservedConcurrentExecutions=1
    )
    # When
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(sleeper.invoke, {"seconds": 1})
        wait_until(lambda: sleeper.starts() == 1, "the first one runs")
        with refused("TooManyRequestsException") as answer:
            sleeper.invoke()
        assert other.call(2) == 2
        # Then
        assert running.result().error is None
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    with refused("InvalidParameterValueException"):
        other.client.put_function_concurrency(
            FunctionName=other.name, ReservedConcurrentExecutions=2
        )


def test_a_reservation_limits_the_requests_of_a_second(
    server: LocalServer, make_function: MakeFunction
) -> None:
    # Given
    function = make_function("echo")
    function.client.put_function_concurrency(
        FunctionName=function.name, ReservedConcurrentExecutions=1
    )
    # When short events follow one another more quickly than they may
    with refused("TooManyRequestsException") as answer:
        for number in range(1_000):
            assert function.call(number) == number
    # Then
    assert answer["Reason"] == "ReservedFunctionInvocationRateLimitExceeded"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    # And others are not concerned, nor is this one after a while
    assert make_function("echo").call(1) == 1
    wait_until(lambda: not_refused(function), "it may be invoked again")


def test_an_account_limits_the_requests_of_a_second(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = start_server(concurrency=1)
    function = make_function("echo", on=server)
    # When
    with refused("TooManyRequestsException") as answer:
        for number in range(1_000):
            assert function.call(number) == number
    # Then
    assert answer["Reason"] == "FunctionInvocationRateLimitExceeded"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


def not_refused(function: DeployedFunction) -> bool:
    try:
        return bool(function.call(1) == 1)
    except ClientError:
        return False


# Provisioned concurrency


@on_both
def test_what_is_provisioned_is_warm_and_what_spills_over_is_cold(
    make_function: MakeFunction,
) -> None:
    # Given
    function = make_function(source=INITIALIZED)
    version = publish(function, "live")
    # When
    answer = provision(function, "live", 2)
    # Then
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["RequestedProvisionedConcurrentExecutions"] == 2
    found = settled(function, "live")
    assert found["Status"] == "READY", found
    assert found["AvailableProvisionedConcurrentExecutions"] == 2
    assert found["AllocatedProvisionedConcurrentExecutions"] == 2
    # And
    with ThreadPoolExecutor(3) as threads:
        invoke: Callable[[str], Answer] = lambda qualifier: function.invoke(  # noqa: E731
            {"seconds": 0.7}, Qualifier=qualifier
        )
        answers = list(threads.map(invoke, ["live", version, "live"]))
    types = sorted((each.value["type"], each.is_cold) for each in answers)
    ahead = ("provisioned-concurrency", False)
    assert types == [("on-demand", True), ahead, ahead]
    assert {each.value["version"] for each in answers} == {version}
    # And the log tells of an Init that no event waited for
    (line, *_) = function.log_messages("INIT_REPORT")
    assert "Phase: init" in line
    assert "Error" not in line


def test_one_that_ends_is_made_again(server: LocalServer, make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=INITIALIZED)
    publish(function, "live")
    provision(function, "live", 1)
    settled(function, "live")
    first = function.invoke(Qualifier="live").value
    # When
    environment_of(server, first["pid_namespace"]).kill()
    wait_until(lambda: status_of(function, "live")["Status"] == "IN_PROGRESS", "it is missed")
    # Then
    assert settled(function, "live")["Status"] == "READY"
    again = function.invoke(Qualifier="live")
    assert again.value["environment"] != first["environment"]
    assert (again.value["type"], again.is_cold) == ("provisioned-concurrency", False)


def test_it_follows_its_alias(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=INITIALIZED)
    publish(function, "live")
    provision(function, "live", 1)
    settled(function, "live")
    second = publish(function)
    # When
    function.client.update_alias(FunctionName=function.name, Name="live", FunctionVersion=second)
    # Then
    assert settled(function, "live")["Status"] == "READY"
    answer = function.invoke(Qualifier="live")
    assert (answer.value["type"], answer.value["version"]) == ("provisioned-concurrency", second)
    assert not answer.is_cold
    assert function.invoke(Qualifier="1").value["type"] == "on-demand"


def test_an_init_that_fails_is_told(make_function: MakeFunction) -> None:
    function = make_function("exit_in_init")
    version = publish(function)
    provision(function, version, 1)
    found = settled(function, version)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert found["AvailableProvisionedConcurrentExecutions"] == 0


def test_configs_are_listed_page_by_page_and_deleted(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=INITIALIZED)
    client, name = function.client, {"FunctionName": function.name}
    publish(function, "live")
    second = publish(function)
    provision(function, "live", 1)
    provision(function, second, 1)
    # When
    pages = client.get_paginator("list_provisioned_concurrency_configs").paginate(
        **name, PaginationConfig={"PageSize": 1}
    )
    listed = [config for page in pages for config in page["ProvisionedConcurrencyConfigs"]]
    # Then
    assert [each["FunctionArn"] for each in listed] == [
        f"{function.arn}:{second}", f"{function.arn}:live",
    ]  # fmt: skip
    settled(function, "live")
    for _ in range(2):
        deleted = client.delete_provisioned_concurrency_config(**name, Qualifier="live")
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("ProvisionedConcurrencyConfigNotFoundException"):
        status_of(function, "live")
    assert function.invoke(Qualifier="live").value["type"] == "on-demand"


def test_provisioned_concurrency_refuses_what_cannot_be(make_function: MakeFunction) -> None:
    function = make_function("echo")
    publish(function, "live")
    with refused("InvalidParameterValueException") as answer:
        provision(function, "$LATEST", 1)
    assert answer["Error"]["Message"] == (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    with refused("ResourceNotFoundException"):
        provision(function, "7", 1)
    with refused("ResourceNotFoundException"):
        provision(function, "other", 1)
    with refused("InvalidParameterValueException"):
        provision(function, "live", 100_000)
    with refused("ResourceNotFoundException"):
        function.client.list_provisioned_concurrency_configs(FunctionName="no-such-function")


def test_after_a_restart_it_is_all_there_again(
    start_server: StartServer, make_function: MakeFunction, client_for: Callable[..., Any]
) -> None:
    # Given
    server = start_server(concurrency=20)
    stopped = make_function("echo", on=server)
    stopped.client.put_function_concurrency(
        FunctionName=stopped.name, ReservedConcurrentExecutions=0
    )
    function = make_function(source=INITIALIZED, on=server)
    publish(function, "live")
    provision(function, "live", 2)
    before = settled(function, "live")
    # When
    server.kill()
    server.start()
    # Then
    client = client_for("lambda", server)
    stopped, function = replace(stopped, client=client), replace(function, client=client)
    assert settled(function, "live") | {"ResponseMetadata": 0} == before | {"ResponseMetadata": 0}
    answer = function.invoke(Qualifier="live")
    assert (answer.value["type"], answer.is_cold) == ("provisioned-concurrency", False)
    with refused("TooManyRequestsException"):
        stopped.invoke()
    limits = function.client.get_account_settings()["AccountLimit"]
    assert limits["ConcurrentExecutions"] == 20
    assert limits["UnreservedConcurrentExecutions"] == 18


# Scaling configs and account settings


def test_scaling_configs_are_kept_as_they_were_given(make_function: MakeFunction) -> None:
    # Given
    function = make_function("echo")
    version = publish(function)
    name = {"FunctionName": function.name, "Qualifier": version}
    bounds = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 3}
    # When
    answer = function.client.put_function_scaling_config(**name, FunctionScalingConfig=bounds)
    # Then
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["FunctionState"] == "Active"
    found = function.client.get_function_scaling_config(**name)
    assert found["FunctionArn"] == f"{function.arn}:{version}"
    assert found["AppliedFunctionScalingConfig"] == bounds
    assert found["RequestedFunctionScalingConfig"] == bounds
    with refused("InvalidParameterValueException"):
        function.client.put_function_scaling_config(
            **name,
            FunctionScalingConfig={"MinExecutionEnvironments": 2, "MaxExecutionEnvironments": 1},
        )
    with refused("ResourceNotFoundException"):
        function.client.get_function_scaling_config(
            FunctionName=function.name, Qualifier="$LATEST.PUBLISHED"
        )


def test_account_settings_tell_limits_and_usage(make_function: MakeFunction) -> None:
    function = make_function("echo", access_key_id="111122223333")
    assert f":{REGION}:111122223333:" in function.arn
    assert ACCOUNT not in function.arn
    answer = function.client.get_account_settings()
    assert answer["AccountUsage"] == {
        "TotalCodeSize": function.created["CodeSize"], "FunctionCount": 1,
    }  # fmt: skip
    assert answer["AccountLimit"] == {
        "TotalCodeSize": 80530636800,
        "CodeSizeUnzipped": 262144000,
        "CodeSizeZipped": 52428800,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    }
