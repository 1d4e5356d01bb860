"""As a developer I watch the lines of several groups as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def logs(server: LocalServer) -> Iterator[Any]:
    # AWS has hosts of its own for streams; a server on this machine has not.
    client = make_client("logs", server.url, host_prefix=False)
    client.create_log_group(logGroupName="tailed")
    client.create_log_stream(logGroupName="tailed", logStreamName="s")
    yield client
    client.delete_log_group(logGroupName="tailed")
    client.close()


def put(client: Any, *messages: str, group: str = "tailed") -> None:
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms, "message": message} for message in messages]
    client.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def arn(client: Any) -> str:
    (group,) = client.describe_log_groups(logGroupNamePrefix="tailed")["logGroups"]
    return str(group["logGroupArn"])


def test_lines_that_pass_are_shown_within_seconds(logs: Any) -> None:
    # Given
    identifier = arn(logs)
    answer = logs.start_live_tail(
        logGroupIdentifiers=[identifier], logEventFilterPattern="{ $.level = ERROR }"
    )
    events = iter(answer["responseStream"])
    start = next(events)["sessionStart"]
    assert start["logGroupIdentifiers"] == [identifier]
    assert start["sessionId"]
    # When
    put(logs, '{"level": "INFO"}', '{"level": "ERROR", "n": 1}')
    began = time.monotonic()
    shown: list[dict[str, Any]] = []
    while not shown:
        shown = next(events)["sessionUpdate"]["sessionResults"]
    # Then
    assert time.monotonic() - began < 5
    (line,) = shown
    assert line["message"] == '{"level": "ERROR", "n": 1}'
    assert line["logGroupIdentifier"] == "000000000000:tailed"
    answer["responseStream"].close()


def test_a_client_that_does_not_read_slows_nobody(logs: Any) -> None:
    # Given a session that nobody reads
    answer = logs.start_live_tail(logGroupIdentifiers=[arn(logs)])
    # When many lines come
    for number in range(50):
        put(logs, *[f"{number} {'x' * 1000}"] * 500)
    # Then writing and reading work as ever
    began = time.monotonic()
    put(logs, "the last")
    found = logs.filter_log_events(logGroupName="tailed", filterPattern='"the last"')
    assert [event["message"] for event in found["events"]] == ["the last"]
    assert time.monotonic() - began < 5
    answer["responseStream"].close()


def test_what_was_left_is_forgotten_and_too_much_is_refused(logs: Any) -> None:
    identifier = arn(logs)
    sessions: list[Any] = []

    def begin_too_many() -> None:
        for _ in range(16):
            session = logs.start_live_tail(logGroupIdentifiers=[identifier])["responseStream"]
            sessions.append(session)
            next(iter(session))

    with pytest.raises(ClientError) as refused:
        begin_too_many()
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    for session in sessions:
        session.close()

    def begins_again() -> bool:
        try:
            logs.start_live_tail(logGroupIdentifiers=[identifier])["responseStream"].close()
        except ClientError:
            return False
        return True

    wait_until(begins_again, "the sessions that were left are over")


def test_a_server_with_sessions_stops_in_time(start_server: Callable[..., LocalServer]) -> None:
    server = start_server(sandbox="process")
    client = make_client("logs", server.url, host_prefix=False)
    client.create_log_group(logGroupName="g")
    answer = client.start_live_tail(logGroupIdentifiers=["g"])
    assert "sessionStart" in next(iter(answer["responseStream"]))
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10
    answer["responseStream"].close()
    client.close()
