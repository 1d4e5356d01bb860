"""Log groups and streams: create, describe, delete."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.model.log_line import LogLine, StoredLine
from lambdad.observe.catalog import LogStream
from lambdad.observe.log_store import LogStore

Call = Callable[..., Awaitable[Any]]
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")


async def test_created_group_is_described_with_its_arns(call: Call, clock: FakeClock) -> None:
    assert await call("CreateLogGroup", logGroupName="/app") == {}

    assert await call("DescribeLogGroups") == {
        "logGroups": [
            {
                "logGroupName": "/app",
                "creationTime": int(clock.now() * 1000),
                "metricFilterCount": 0,
                "arn": "arn:aws:logs:us-east-1:000000000000:log-group:/app:*",
                "storedBytes": 0,
                "logGroupClass": "STANDARD",
                "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/app",
            }
        ]
    }


async def test_group_that_exists_already_is_refused(call: Call, refuses: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")

    assert await refuses("CreateLogGroup", logGroupName="g") == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )


async def test_reserved_names_and_encryption_are_refused(refuses: Call) -> None:
    code, _ = await refuses("CreateLogGroup", logGroupName="aws/mine")
    assert code == "InvalidParameterException"
    _, message = await refuses("CreateLogGroup", logGroupName="g", kmsKeyId="k")
    assert "kmsKeyId" in message


async def test_groups_are_chosen_by_prefix_pattern_and_identifier(
    call: Call, refuses: Call
) -> None:
    for name in ("/aws/lambda/a", "/aws/lambda/b", "/other/lambda"):
        await call("CreateLogGroup", logGroupName=name)

    async def names(**request: Any) -> list[str]:
        answer = await call("DescribeLogGroups", **request)
        return [group["logGroupName"] for group in answer["logGroups"]]

    assert await names(logGroupNamePrefix="/aws/") == ["/aws/lambda/a", "/aws/lambda/b"]
    assert await names(logGroupNamePattern="lambda/") == ["/aws/lambda/a", "/aws/lambda/b"]
    assert await names(
        logGroupIdentifiers=[
            "/other/lambda",
            "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/b",
            "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/a",
        ]
    ) == ["/aws/lambda/b", "/other/lambda"]
    assert await names(logGroupClass="INFREQUENT_ACCESS") == []
    code, _ = await refuses("DescribeLogGroups", logGroupNamePrefix="a", logGroupNamePattern="a")
    assert code == "InvalidParameterException"


async def test_groups_of_another_account_are_not_seen(call: Call, refuses: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")

    assert await call("DescribeLogGroups", account_id="111111111111") == {"logGroups": []}
    found = await refuses("DeleteLogGroup", logGroupName="g", account_id="111111111111")
    assert found == NO_GROUP


@pytest.mark.parametrize("descending", [False, True])
async def test_lists_are_paged_while_entries_come_and_go(call: Call, descending: bool) -> None:
    await call("CreateLogGroup", logGroupName="g")
    for name in "abcde":
        await call("CreateLogStream", logGroupName="g", logStreamName=name)
    request: dict[str, Any] = {"logGroupName": "g", "limit": 2, "descending": descending}
    seen = []
    answer = await call("DescribeLogStreams", **request)
    seen += [stream["logStreamName"] for stream in answer["logStreams"]]
    await call("DeleteLogStream", logGroupName="g", logStreamName=seen[-1])
    while "nextToken" in answer:
        answer = await call("DescribeLogStreams", **request, nextToken=answer["nextToken"])
        seen += [stream["logStreamName"] for stream in answer["logStreams"]]

    assert seen == sorted("abcde", reverse=descending)


@pytest.mark.parametrize("token", ["x", "%%%", "e30=", "WzFd", "W1tb" * 10_000])
async def test_token_that_was_never_given_out_is_refused(
    call: Call, refuses: Call, token: str
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    found = await refuses("DescribeLogGroups", nextToken=token)
    assert found == ("InvalidParameterException", "The specified nextToken is invalid.")


async def test_streams_are_described_with_the_times_of_their_lines(
    call: Call, log_store: LogStore, clock: FakeClock
) -> None:
    now_ms = int(clock.now() * 1000)
    log_store.append("000000000000", "us-east-1", "g", "s", [LogLine(5, "a"), LogLine(9, "b")])
    await call("CreateLogStream", logGroupName="g", logStreamName="empty")
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:"

    assert await call("DescribeLogStreams", logGroupName="g") == {
        "logStreams": [
            {
                "logStreamName": "empty",
                "creationTime": now_ms,
                "arn": f"{arn}empty",
                "storedBytes": 0,
            },
            {
                "logStreamName": "s",
                "creationTime": now_ms,
                "firstEventTimestamp": 5,
                "lastEventTimestamp": 9,
                "lastIngestionTime": now_ms,
                "arn": f"{arn}s",
                "storedBytes": 0,
            },
        ]
    }


async def test_streams_are_ordered_by_their_last_line_when_asked(
    call: Call, refuses: Call, log_store: LogStore
) -> None:
    for stream, at in (("a", 3), ("b", 1), ("c", 2)):
        log_store.append("000000000000", "us-east-1", "g", stream, [LogLine(at, "x")])
    request = {"logGroupName": "g", "orderBy": "LastEventTime", "descending": True, "limit": 2}

    answer = await call("DescribeLogStreams", **request)
    assert [stream["logStreamName"] for stream in answer["logStreams"]] == ["a", "c"]
    answer = await call("DescribeLogStreams", **request, nextToken=answer["nextToken"])
    assert [stream["logStreamName"] for stream in answer["logStreams"]] == ["b"]
    assert await refuses("DescribeLogStreams", **request, logStreamNamePrefix="a") == (
        "InvalidParameterException",
        "Cannot order by LastEventTime with a logStreamNamePrefix.",
    )


async def test_streams_are_chosen_by_prefix(call: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")
    for name in ("2026/01/a", "2026/02/b"):
        await call("CreateLogStream", logGroupName="g", logStreamName=name)

    answer = await call(
        "DescribeLogStreams",
        logGroupIdentifier="arn:aws:logs:us-east-1:000000000000:log-group:g",
        logStreamNamePrefix="2026/02",
    )
    assert [stream["logStreamName"] for stream in answer["logStreams"]] == ["2026/02/b"]


@pytest.mark.parametrize("is_archived", [False, True])
async def test_stream_that_exists_already_is_refused(
    call: Call, refuses: Call, log_store: LogStore, is_archived: bool
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", logGroupName="g", logStreamName="s")
    if is_archived:
        await asyncio.to_thread(log_store.pack)

    assert await refuses("CreateLogStream", logGroupName="g", logStreamName="s") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )


async def test_of_two_who_create_a_stream_at_once_one_is_refused(call: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")
    request = {"logGroupName": "g", "logStreamName": "s"}

    outcomes = await asyncio.gather(
        *(call("CreateLogStream", **request) for _ in range(2)), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, ClientError)]
    assert [each.code for each in refused] == ["ResourceAlreadyExistsException"]


@pytest.mark.parametrize(
    ("gone", "operation", "problem"),
    [
        ("stream", "DeleteLogStream", NO_STREAM),
        ("stream", "PutLogEvents", NO_STREAM),
        ("group", "CreateLogStream", NO_GROUP),
        ("group", "DeleteLogStream", NO_GROUP),
        ("group", "PutLogEvents", NO_GROUP),
    ],
)
async def test_what_is_deleted_meanwhile_does_not_come_back(
    call: Call,
    refuses: Call,
    log_store: LogStore,
    monkeypatch: pytest.MonkeyPatch,
    gone: str,
    operation: str,
    problem: tuple[str, str],
) -> None:
    # Given a quiet stream that is deleted, or its group, while the disk is asked for it
    request: dict[str, Any] = {"logGroupName": "g", "logStreamName": "s"}
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", **request)
    await asyncio.to_thread(log_store.pack)
    find = log_store.find_stream

    def find_and_delete(*key: str) -> LogStream | None:
        found = find(*key)
        if gone == "stream":
            log_store.delete_stream(*key)
        else:
            log_store.delete_group(*key[:3])
        return found

    monkeypatch.setattr(log_store, "find_stream", find_and_delete)
    if operation == "PutLogEvents":
        request["logEvents"] = [{"timestamp": log_store._now_ms(), "message": "m"}]
    # When, then
    assert await refuses(operation, **request) == problem
    groups = (await call("DescribeLogGroups"))["logGroups"]
    assert [group["logGroupName"] for group in groups] == (["g"] if gone == "stream" else [])
    assert log_store.streams("000000000000", "us-east-1", "g") == []


async def test_deleted_stream_and_group_are_gone(call: Call, refuses: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", logGroupName="g", logStreamName="s")
    await call("DeleteLogStream", logGroupName="g", logStreamName="s")
    assert await refuses("DeleteLogStream", logGroupName="g", logStreamName="s") == NO_STREAM
    await call("DeleteLogGroup", logGroupName="g")

    assert await refuses("DeleteLogGroup", logGroupName="g") == NO_GROUP
    assert await refuses("DescribeLogStreams", logGroupName="g") == NO_GROUP
    assert await refuses("CreateLogStream", logGroupName="g", logStreamName="s") == NO_GROUP


async def test_group_is_named_once_and_not_twice(call: Call, refuses: Call) -> None:
    await call("CreateLogGroup", logGroupName="g")

    for request in ({}, {"logGroupName": "g", "logGroupIdentifier": "g"}):
        code, message = await refuses("DescribeLogStreams", **request)
        assert code == "InvalidParameterException"
        assert "Exactly one" in message


async def test_many_streams_are_looked_at_on_a_thread(
    call: Call, log_store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    threads = []

    def look(*_: object, **__: object) -> Iterator[StoredLine]:
        threads.append(threading.current_thread())
        return iter(())

    monkeypatch.setattr(log_store, "streams", lambda *_: list(look()))
    monkeypatch.setattr(log_store, "search", look)
    await call("DescribeLogStreams", logGroupName="g")
    await call("FilterLogEvents", logGroupName="g", logStreamNamePrefix="a")
    assert len(threads) == 2
    assert threading.current_thread() not in threads
