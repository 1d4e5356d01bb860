"""Execution environments are used again, several run at once, and idle ones end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.processes import environments_of
from support.sandboxes import on_both
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

SLEEPER = """
import time, uuid
ENVIRONMENT = str(uuid.uuid4())
def handler(event, context):
    time.sleep(event["seconds"])
    return ENVIRONMENT
"""


@on_both
def test_a_warm_start_keeps_the_state_of_the_module(make_function: MakeFunction) -> None:
    # When
    function = make_function("counter")
    answers = [function.invoke() for _ in range(5)]
    # Then
    assert [answer.value["count"] for answer in answers] == [1, 2, 3, 4, 5]
    assert len({answer.value["environment"] for answer in answers}) == 1
    assert [answer.is_cold for answer in answers] == [True, False, False, False, False]


@on_both
def test_tmp_is_kept_between_warm_invocations(make_function: MakeFunction) -> None:
    source = """
import os, tempfile
def handler(event, context):
    path = os.path.join(tempfile.gettempdir(), "kept")
    with open(path, "a") as file: file.write("x")
    return os.path.getsize(path)
"""
    function = make_function(source=source)
    assert [function.call() for _ in range(3)] == [1, 2, 3]


@on_both
def test_concurrent_invocations_each_have_an_environment(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=SLEEPER)
    # When
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: function.invoke({"seconds": 0.7}), range(6)))
    # Then
    assert len({answer.value for answer in answers}) == 6
    assert all(answer.is_cold for answer in answers)
    # And all of them are warm afterwards
    with ThreadPoolExecutor(6) as threads:
        again = list(threads.map(lambda _: function.invoke({"seconds": 0.3}), range(6)))
    assert {answer.value for answer in again} <= {answer.value for answer in answers}
    assert not any(answer.is_cold for answer in again)


def test_hundreds_of_invocations_through_many_connections_all_answer(
    make_function: MakeFunction,
) -> None:
    function = make_function("echo")
    with ThreadPoolExecutor(16) as threads:
        values = list(threads.map(function.call, range(400)))
    assert values == list(range(400))


def test_functions_do_not_share_environments(make_function: MakeFunction) -> None:
    first, second = make_function("counter"), make_function("counter")
    assert first.call()["environment"] != second.call()["environment"]
    assert (first.call()["count"], second.call()["count"]) == (2, 2)


def test_an_idle_environment_ends_after_the_idle_timeout(
    make_function: MakeFunction, start_server: Callable[..., LocalServer]
) -> None:
    # Given
    server = start_server(idle_timeout=1)
    function = make_function("counter", on=server)
    first = function.invoke()
    (environment,) = environments_of(server)
    # When it is idle
    wait_until(lambda: not environment.is_running(), "the idle environment ends")
    # Then
    again = function.invoke()
    assert again.is_cold
    assert again.value["count"] == 1
    assert again.value["environment"] != first.value["environment"]


def test_a_busy_environment_outlives_the_idle_timeout(
    make_function: MakeFunction, start_server: Callable[..., LocalServer]
) -> None:
    server = start_server(sandbox="process", idle_timeout=1)
    function = make_function("sleep", on=server)
    assert function.call({"seconds": 1.4})


def test_a_deleted_functions_environments_end(
    make_function: MakeFunction, server: LocalServer
) -> None:
    # Given
    function = make_function(source=SLEEPER)
    before = set(environments_of(server))
    function.call({"seconds": 0})
    (ours,) = set(environments_of(server)) - before
    # When
    function.client.delete_function(FunctionName=function.name)
    # Then
    wait_until(lambda: not ours.is_running(), "the environment ends")


def test_throttled_invocations_are_told_so(
    make_function: MakeFunction, start_server: Callable[..., LocalServer]
) -> None:
    # Given one lease, and who holds it
    server = start_server(sandbox="process", concurrency=1)
    function = make_function("sleep", on=server)
    throttled = function.client.exceptions.TooManyRequestsException
    with ThreadPoolExecutor(1) as threads:
        holder = threads.submit(function.invoke, {"seconds": 1})
        wait_until(lambda: function.starts(), "the first invocation runs")
        # When, Then
        with pytest.raises(throttled) as caught:
            function.invoke({"seconds": 0})
        assert holder.result().error is None
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert response["Error"]["Message"] == "Rate Exceeded."
    # And afterwards it is free again
    assert function.invoke({"seconds": 0}).error is None
