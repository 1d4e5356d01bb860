"""As an operator I see what is queued and dead, replay it, or forget it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.operator_api import ask
from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT, REGION
from support.functions import DeployedFunction
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
Lambdad = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = [pytest.mark.slow, pytest.mark.root]

ASK = """
import os
import urllib.error
import urllib.request


def handler(event, context):
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"] + event["path"], method=event["method"]
    )
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
"""


@pytest.fixture(scope="module")
def events_server(
    new_server: Callable[..., LocalServer], running_servers: list[LocalServer]
) -> Iterator[LocalServer]:
    """A server of our own: pausing it disturbs nobody."""
    server = new_server().start()
    yield server
    server.close()
    running_servers.remove(server)


@pytest.fixture
def lambdad(events_server: LocalServer) -> Lambdad:
    """Run `lambdad events` with these arguments, as a user's shell does."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "lambdad.cli.main", "events", *arguments],
            env={**ENVIRONMENT, "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": events_server.url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
        return done

    return run


def send(function: DeployedFunction, event: Any) -> str:
    answer = function.client.invoke(
        FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event)
    )
    return str(answer["ResponseMetadata"]["RequestId"])


def shown(lambdad: Lambdad, function: DeployedFunction) -> dict[str, Any]:
    """The numbers of one function."""
    rows = json.loads(lambdad("--json").stdout)["Functions"]
    return next((row for row in rows if row["FunctionName"] == function.name), {})


def reserve(function: DeployedFunction, number: int) -> None:
    function.client.put_function_concurrency(
        FunctionName=function.name, ReservedConcurrentExecutions=number
    )


def test_a_dead_event_is_seen_and_replayed(
    events_server: LocalServer, make_function: MakeFunction, lambdad: Lambdad
) -> None:
    function = make_function("echo", on=events_server)
    reserve(function, 0)
    request_id = send(function, {"a": 1})
    wait_until(lambda: shown(lambdad, function).get("Dead") == 1, "the event is dead")

    (dead,) = json.loads(lambdad("dead", function.name, "--json").stdout)["Events"]
    assert (dead["RequestId"], dead["Condition"]) == (request_id, "ZeroReservedConcurrency")
    assert request_id in lambdad("dead").stdout

    reserve(function, 1)
    assert f"Queued {request_id} again" in lambdad("replay", request_id).stdout

    wait_until(lambda: function.starts() == 1, "the event has run")
    wait_until(lambda: shown(lambdad, function) == {}, "nothing is left")
    assert "There is no dead event" in lambdad("replay", request_id, code=3).stderr


def test_a_pause_keeps_events_queued_until_they_are_purged(
    events_server: LocalServer, make_function: MakeFunction, lambdad: Lambdad
) -> None:
    function = make_function("echo", on=events_server)
    lambdad("pause")
    for number in range(3):
        send(function, number)

    row = shown(lambdad, function)
    assert (row["Queued"], row["Running"], row["Dead"]) == (3, 0, 0)
    assert row["OldestAgeInSeconds"] >= 0
    assert "paused" in lambdad().stderr
    assert function.name in lambdad().stdout

    assert "--yes" in lambdad("purge", function.name, "--queued", code=2).stderr
    assert "--dead or --queued" in lambdad("purge", function.name, "--yes", code=2).stderr
    assert "Purged 3 queued events" in lambdad("purge", function.name, "--queued", "-y").stdout
    lambdad("resume")
    last = send(function, "last")

    wait_until(lambda: any(last in line for line in function.log_messages()), "the last has run")
    assert function.starts() == 1


def test_what_happens_to_events_is_counted(
    events_server: LocalServer, make_function: MakeFunction
) -> None:
    function = make_function("echo", on=events_server)
    send(function, {})
    wait_until(lambda: function.starts() == 1, "the event has run")
    reserve(function, 0)
    with pytest.raises(function.client.exceptions.TooManyRequestsException):
        function.invoke({})
    send(function, {})

    def counted() -> dict[str, float]:
        found = ask(Endpoint(events_server.url, REGION), "GET", "/_lambdad/metrics", {})["Metrics"]
        return {
            each["MetricName"]: each["Sum"]
            for each in found
            if each["FunctionName"] == function.name
        }

    wait_until(lambda: "AsyncEventsDropped" in counted(), "the event is dropped")
    metrics = counted()
    assert metrics.pop("AsyncEventAge") >= 0
    assert metrics.pop("Duration") > 0
    assert metrics.pop("InitDuration") > 0
    assert metrics == {
        "AsyncEventsReceived": 2,
        "AsyncEventsDropped": 1,
        "ColdStarts": 1,
        "ConcurrentExecutions": 1,
        "Errors": 0,
        "Invocations": 1,
        "Throttles": 1,
    }


def test_events_of_another_account_are_not_shown(
    events_server: LocalServer, make_function: MakeFunction, lambdad: Lambdad
) -> None:
    other = make_function("echo", on=events_server, access_key_id="210987654321")
    reserve(other, 0)
    send(other, {})
    wait_until(lambda: other.client.get_function(FunctionName=other.name), "it is there")

    assert shown(lambdad, other) == {}


@pytest.mark.parametrize("path", ["/_lambdad/events", "/_lambdad/events/dead"])
def test_a_function_cannot_look_at_events(
    events_server: LocalServer, make_function: MakeFunction, path: str
) -> None:
    function = make_function(source=ASK, on=events_server)
    assert function.call({"method": "GET", "path": path}) == 403
