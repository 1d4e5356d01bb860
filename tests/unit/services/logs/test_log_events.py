"""Reading and writing lines through the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import events
from lambdad.services.logs.retention import DAY_MS

Call = Callable[..., Awaitable[Any]]
HERE = ("000000000000", "us-east-1")
SAME = {"logGroupName": "g", "logStreamName": "s"}
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")


@pytest.fixture
def ten_lines(log_store: LogStore) -> LogStore:
    """Lines 0 to 9 of stream `s`, each a millisecond after the one before, some flushed."""
    log_store.append(*HERE, "g", "s", [LogLine(100 + n, str(n)) for n in range(6)])
    log_store.flush()
    log_store.append(*HERE, "g", "s", [LogLine(100 + n, str(n)) for n in range(6, 10)])
    return log_store


def said(answer: dict[str, Any]) -> str:
    return "".join(event["message"] for event in answer["events"])


async def test_put_events_are_read_back(call: Call, clock: FakeClock) -> None:
    now_ms = int(clock.now() * 1000)
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", **SAME)
    written = [{"timestamp": now_ms - 1, "message": "a"}, {"timestamp": now_ms, "message": "b"}]
    answer = await call("PutLogEvents", **SAME, logEvents=written)
    assert set(answer) == {"nextSequenceToken"}

    answer = await call("GetLogEvents", **SAME)
    assert answer["events"] == [{**event, "ingestionTime": now_ms} for event in written]


@pytest.mark.parametrize(
    ("retention_days", "ages_ms", "rejected"),
    [
        (
            None,
            [15 * DAY_MS, 14 * DAY_MS + 1, 0, -7_200_001],
            {"tooOldLogEventEndIndex": 2, "tooNewLogEventStartIndex": 3},
        ),
        (
            3,
            [15 * DAY_MS, 3 * DAY_MS + 1, 3 * DAY_MS],
            {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2},
        ),
    ],
    ids=["too old and too new", "older than the group's retention"],
)
async def test_events_of_other_times_are_rejected_and_the_rest_is_kept(
    call: Call,
    clock: FakeClock,
    retention_days: int | None,
    ages_ms: list[int],
    rejected: dict[str, int],
) -> None:
    # Given a group, with or without a retention
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", **SAME)
    if retention_days is not None:
        await call("PutRetentionPolicy", logGroupName="g", retentionInDays=retention_days)
    # When the third of its events alone is of a time that is taken
    now_ms = int(clock.now() * 1000)
    told = [{"timestamp": now_ms - age, "message": str(n)} for n, age in enumerate(ages_ms)]
    answer = await call("PutLogEvents", **SAME, logEvents=told)
    # Then
    assert answer["rejectedLogEventsInfo"] == rejected
    assert said(await call("GetLogEvents", **SAME)) == "2"


async def test_batches_that_cloudwatch_refuses_are_refused(
    call: Call, refuses: Call, clock: FakeClock
) -> None:
    now_ms = int(clock.now() * 1000)
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", **SAME)

    async def refusal(*times: int, message: str = "x") -> str:
        batch = [{"timestamp": at, "message": message} for at in times]
        return (await refuses("PutLogEvents", **SAME, logEvents=batch))[1]

    assert "chronological order" in await refusal(now_ms, now_ms - 1)
    assert "24 hours" in await refusal(now_ms - 86_400_001, now_ms)
    assert await refusal(now_ms, message="ü" * 524_288) == (
        "Upload too large: 1048602 bytes exceeds limit of 1048576"
    )
    assert (await call("GetLogEvents", **SAME))["events"] == []


async def test_group_and_stream_must_exist(call: Call, refuses: Call) -> None:
    for operation in ("PutLogEvents", "GetLogEvents"):
        request = {**SAME, "logEvents": [{"timestamp": 1, "message": "x"}]}
        assert await refuses(operation, **request) == NO_GROUP
    assert await refuses("FilterLogEvents", logGroupName="g") == NO_GROUP
    await call("CreateLogGroup", logGroupName="g")
    for operation in ("PutLogEvents", "GetLogEvents"):
        assert await refuses(operation, **request) == NO_STREAM
    assert await refuses("FilterLogEvents", logGroupName="g", logStreamNames=["s"]) == NO_STREAM


@pytest.mark.usefixtures("ten_lines")
async def test_get_shows_the_latest_lines_oldest_first_unless_asked_from_the_head(
    call: Call,
) -> None:
    assert said(await call("GetLogEvents", **SAME)) == "0123456789"
    assert said(await call("GetLogEvents", **SAME, limit=3)) == "789"
    assert said(await call("GetLogEvents", **SAME, limit=3, startFromHead=True)) == "012"


@pytest.mark.usefixtures("ten_lines")
async def test_get_time_range_excludes_its_end_and_filter_time_range_includes_it(
    call: Call,
) -> None:
    window = {"startTime": 102, "endTime": 105}
    assert said(await call("GetLogEvents", **SAME, **window)) == "234"
    assert said(await call("FilterLogEvents", logGroupName="g", **window)) == "2345"


async def test_following_forward_tokens_ends_at_a_token_that_leads_to_itself(
    call: Call, ten_lines: LogStore
) -> None:
    pages = []
    request: dict[str, Any] = {**SAME, "limit": 4, "startFromHead": True}
    answer = await call("GetLogEvents", **request)
    while True:
        pages.append(said(answer))
        token = answer["nextForwardToken"]
        answer = await call("GetLogEvents", **request, nextToken=token)
        if answer["nextForwardToken"] == token:
            break
    assert pages == ["0123", "4567", "89"]
    assert said(answer) == ""

    # The token goes on working: that is how a log is followed.
    ten_lines.append(*HERE, "g", "s", [LogLine(200, "new")])
    assert said(await call("GetLogEvents", **request, nextToken=token)) == "new"
    answer = await call("GetLogEvents", **request, nextToken=answer["nextBackwardToken"])
    assert said(answer) == "6789"


@pytest.mark.usefixtures("ten_lines")
async def test_following_backward_tokens_ends_at_a_token_that_leads_to_itself(call: Call) -> None:
    pages = []
    answer = await call("GetLogEvents", **SAME, limit=4)
    while True:
        pages.append(said(answer))
        token = answer["nextBackwardToken"]
        answer = await call("GetLogEvents", **SAME, limit=4, nextToken=token)
        if answer["nextBackwardToken"] == token:
            break
    assert pages == ["6789", "2345", "01"]
    assert said(answer) == ""


async def test_token_of_an_empty_stream_finds_the_first_lines(
    call: Call, log_store: LogStore
) -> None:
    await call("CreateLogGroup", logGroupName="g")
    await call("CreateLogStream", **SAME)
    answer = await call("GetLogEvents", **SAME)
    log_store.append(*HERE, "g", "s", [LogLine(1, "first")])

    answer = await call("GetLogEvents", **SAME, nextToken=answer["nextForwardToken"])
    assert said(answer) == "first"


@pytest.mark.usefixtures("ten_lines")
@pytest.mark.parametrize("operation", ["GetLogEvents", "FilterLogEvents"])
async def test_token_that_was_never_given_out_is_refused(refuses: Call, operation: str) -> None:
    request = SAME if operation == "GetLogEvents" else {"logGroupName": "g"}
    found = await refuses(operation, **request, nextToken="f/12/s")
    assert found == ("InvalidParameterException", "The specified nextToken is invalid.")


async def test_page_holds_a_megabyte_at_most(call: Call, log_store: LogStore) -> None:
    for n in range(5):
        log_store.append(*HERE, "g", "s", [LogLine(n, str(n) * 400_000)])

    assert len((await call("GetLogEvents", **SAME))["events"]) == 2
    answer = await call("FilterLogEvents", logGroupName="g")
    assert len(answer["events"]) == 3
    answer = await call("FilterLogEvents", logGroupName="g", nextToken=answer["nextToken"])
    assert len(answer["events"]) == 2
    assert "nextToken" not in answer


async def test_filter_interleaves_streams_and_pages_through_all(
    call: Call, log_store: LogStore
) -> None:
    for n in range(9):
        log_store.append(*HERE, "g", "ab"[n % 2], [LogLine(n, str(n))])
    request: dict[str, Any] = {"logGroupName": "g", "limit": 4}

    for from_head in (True, False):
        seen: list[dict[str, Any]] = []
        answer = await call("FilterLogEvents", **request, startFromHead=from_head)
        while True:
            seen += answer["events"]
            if "nextToken" not in answer:
                break
            answer = await call("FilterLogEvents", **request, nextToken=answer["nextToken"])
        expected = list(range(9)) if from_head else list(range(8, -1, -1))
        assert [event["timestamp"] for event in seen] == expected
        assert [event["logStreamName"] for event in seen] == ["ab"[n % 2] for n in expected]
        assert len({event["eventId"] for event in seen}) == 9
        assert {len(event["eventId"]) for event in seen} == {56}


async def test_filter_page_that_is_exactly_full_has_no_token(
    call: Call, log_store: LogStore
) -> None:
    log_store.append(*HERE, "g", "s", [LogLine(n, "x") for n in range(4)])

    answer = await call("FilterLogEvents", logGroupName="g", limit=4)
    assert "nextToken" not in answer


async def test_filter_chooses_streams_by_name_or_prefix_but_not_both(
    call: Call, refuses: Call, log_store: LogStore
) -> None:
    for stream in ("2026/a", "2026/b", "other"):
        log_store.append(*HERE, "g", stream, [LogLine(1, stream[-1])])
    group = {"logGroupName": "g"}

    assert said(await call("FilterLogEvents", **group, logStreamNames=["other"])) == "r"
    assert said(await call("FilterLogEvents", **group, logStreamNamePrefix="2026/")) == "ab"
    assert said(await call("FilterLogEvents", **group, logStreamNamePrefix="none")) == ""
    code, _ = await refuses(
        "FilterLogEvents", **group, logStreamNamePrefix="2", logStreamNames=["other"]
    )
    assert code == "InvalidParameterException"


async def test_filter_returns_only_what_the_pattern_lets_through(
    call: Call, log_store: LogStore
) -> None:
    lines = ["INFO fine", "ERROR broken", "ERROR expected"]
    log_store.append(*HERE, "g", "s", [LogLine(n, line) for n, line in enumerate(lines)])

    answer = await call("FilterLogEvents", logGroupName="g", filterPattern="ERROR -expected")
    assert [event["message"] for event in answer["events"]] == ["ERROR broken"]
    assert answer["searchedLogStreams"] == []


async def test_long_search_without_a_match_answers_with_a_token_that_goes_on(
    call: Call, log_store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_SEARCH_SECONDS", 0)
    for time in range(3):
        log_store.append(*HERE, "g", "s", [LogLine(time, "dull"), LogLine(time, "dull")])
        log_store.flush()
    log_store.append(*HERE, "g", "s", [LogLine(3, "ERROR")])
    request = {"logGroupName": "g", "filterPattern": "ERROR"}
    answer = await call("FilterLogEvents", **request)
    pages = [said(answer)]
    while "nextToken" in answer:
        answer = await call("FilterLogEvents", **request, nextToken=answer["nextToken"])
        pages.append(said(answer))

    assert "".join(pages) == "ERROR"
    assert len(pages) > 2


async def test_long_search_among_lines_of_one_moment_goes_on_behind_those_it_has_seen(
    call: Call, log_store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_SEARCH_SECONDS", 0)
    count = 3 * events.LOOKS_AT_CLOCK
    log_store.append(*HERE, "g", "s", [LogLine(1, "dull")] * count + [LogLine(1, "found")])
    request = {"logGroupName": "g", "filterPattern": "-dull"}
    pages = [await call("FilterLogEvents", **request)]
    while "nextToken" in pages[-1]:
        pages.append(await call("FilterLogEvents", **request, nextToken=pages[-1]["nextToken"]))

    assert "".join(map(said, pages)) == "found"
    assert len(pages) == 4
