"""Insights queries as operations: processes that run them, and what is kept of them."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.model.log_line import LogLine
from lambdad.observe.insights import history as history_module
from lambdad.observe.insights import queries as queries_module
from lambdad.observe.insights.history import KEPT_MS
from lambdad.observe.insights.queries import Queries
from lambdad.observe.log_store import LogStore

Call = Callable[..., Awaitable[Any]]
pytestmark = pytest.mark.slow

HERE = ("000000000000", "us-east-1")
GROUP = "/aws/lambda/f"
RANGE = {"startTime": 0, "endTime": 100}
FOREVER = "fields strlen(replace(@message, 'x', @message)) as n | sort n | stats sum(n)"


def write(log_store: LogStore, *messages: str, group: str = GROUP, stream: str = "s") -> None:
    lines = [LogLine(1000 * (index + 1), message) for index, message in enumerate(messages)]
    log_store.append(*HERE, group, stream, lines)


async def finished(call: Call, query_id: str, **page: Any) -> dict[str, Any]:
    """The results of a query as soon as it has ended."""
    async with asyncio.timeout(30):
        while True:
            answer = await call("GetQueryResults", queryId=query_id, **page)
            if answer["status"] not in ("Scheduled", "Running"):
                return answer
            await asyncio.sleep(0.02)


async def started(call: Call, query: str, **request: Any) -> str:
    groups = (
        {} if request.keys() & {"logGroupNames", "logGroupIdentifiers"} else {"logGroupName": GROUP}
    )
    answer = await call("StartQuery", queryString=query, **{**RANGE, **groups, **request})
    query_id: str = answer["queryId"]
    return query_id


async def rows(call: Call, query: str, **request: Any) -> list[dict[str, str]]:
    answer = await finished(call, await started(call, query, **request))
    assert answer["status"] == "Complete"
    return [{each["field"]: each["value"] for each in row} for row in answer["results"]]


async def test_a_query_gives_rows_with_pointers_and_figures(
    call: Call, log_store: LogStore
) -> None:
    # Given lines on disk and lines that are not
    write(log_store, "one", "two")
    log_store.flush()
    write(log_store, "three", stream="t")
    # When
    query_id = await started(call, "fields @message, @logStream | sort @timestamp asc")
    answer = await finished(call, query_id)
    # Then
    assert answer["status"] == "Complete"
    shown = [{each["field"]: each["value"] for each in row} for row in answer["results"]]
    pointers = [row.pop("@ptr") for row in shown]
    streams = {row["@message"]: row["@logStream"] for row in shown}
    assert streams == {"one": "s", "two": "s", "three": "t"}
    assert len(set(pointers)) == 3
    assert answer["statistics"] == {
        "recordsMatched": 3.0,
        "recordsScanned": 3.0,
        "bytesScanned": 11.0,
        "logGroupsScanned": 1.0,
        "resultCount": 3.0,
    }


async def test_a_pointer_leads_to_the_whole_event(call: Call, log_store: LogStore) -> None:
    # Given lines of several blocks, the first of them outside of the range
    message = json.dumps({"a": {"b": [1, {"c": True}]}, "@x": "y", "none": None})
    log_store.append(*HERE, GROUP, "other", [LogLine(5000, "z")])
    log_store.append(*HERE, GROUP, "s", [LogLine(999, "before"), LogLine(1000, message)])
    (row,) = await rows(call, "filter a.b.0 = 1", startTime=1)
    # When
    record = (await call("GetLogRecord", logRecordPointer=row["@ptr"]))["logRecord"]
    # Then
    assert int(record.pop("@ingestionTime")) > 0
    assert record == {
        "a.b.0": "1",
        "a.b.1.c": "true",
        "@@x": "y",
        "@ptr": row["@ptr"],
        "@log": f"000000000000:{GROUP}",
        "@logStream": "s",
        "@timestamp": "1000",
        "@message": message,
    }


def _encoded(document: str) -> str:
    return base64.urlsafe_b64encode(document.encode()).decode()


@pytest.mark.parametrize(
    "pointer",
    [
        *("", "x", "bm8=", "W10=", "WzEsMiwzLDQsNV0=", "é"),
        _encoded(f'["{GROUP}", 1{"0" * 30}, 0, 0, 0]'),
        _encoded(f'["{GROUP}", 1, -1, 0, 0]'),
        _encoded(f'["{GROUP}", true, 0, 0, 0]'),
        _encoded('["half \\ud800", 1, 0, 0, 0]'),
        pytest.param(_encoded("[" * 100_000), id="deep"),
    ],
)
async def test_what_is_no_pointer_is_refused(refuses: Call, pointer: str) -> None:
    code, _ = await refuses("GetLogRecord", logRecordPointer=pointer)
    assert code == "InvalidParameterException"


async def test_lines_that_are_no_whole_text_are_found_too(call: Call, log_store: LogStore) -> None:
    write(log_store, "half \ud800 of", "nul \0 byte")
    found = [row["@message"] for row in await rows(call, "sort @timestamp asc")]
    assert found == ["half ? of", "nul \0 byte"]


async def test_start_and_end_are_seconds_that_both_count(call: Call, log_store: LogStore) -> None:
    times = (999, 1000, 2999, 3000)
    log_store.append(*HERE, GROUP, "s", [LogLine(at, str(at)) for at in times])
    found = await rows(call, "sort @timestamp asc", startTime=1, endTime=2)
    assert [row["@message"] for row in found] == ["1000", "2999"]


async def test_a_deleted_stream_s_lines_are_not_found(call: Call, log_store: LogStore) -> None:
    write(log_store, "old")
    log_store.flush()
    log_store.delete_stream(*HERE, GROUP, "s")
    write(log_store, "new")
    assert [row["@message"] for row in await rows(call, "")] == ["new"]


async def test_several_groups_are_asked_by_name_or_arn(call: Call, log_store: LogStore) -> None:
    for group in ("a", "b", "c"):
        write(log_store, f"of {group}", group=group)
    query = "fields @log | sort @log asc"
    expected = ["000000000000:a", "000000000000:b"]
    by_name = await rows(call, query, logGroupNames=["a", "b"])
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:b:*"
    by_arn = await rows(call, query, logGroupIdentifiers=["a", arn])
    assert [row["@log"] for row in by_name] == expected
    assert [row["@log"] for row in by_arn] == expected


async def test_results_come_in_pages(call: Call, log_store: LogStore) -> None:
    write(log_store, *"abcde")
    query_id = await started(call, "sort @timestamp asc")
    answer = await finished(call, query_id, maxItems=2)
    found = []
    while True:
        found += [row[1]["value"] for row in answer["results"]]
        if "nextToken" not in answer:
            break
        token = answer["nextToken"]
        answer = await call("GetQueryResults", queryId=query_id, maxItems=2, nextToken=token)
    assert found == [*"abcde"]
    with pytest.raises(ClientError, match="nextToken is invalid"):
        await call("GetQueryResults", queryId=query_id, nextToken="x/1")


@pytest.mark.parametrize(("limit", "value"), [("PAGE_VALUES", 4), ("PAGE_SIZE", 40)])
async def test_a_page_ends_before_it_is_too_large(
    call: Call, log_store: LogStore, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    # Given rows of two values and some twenty bytes, the last of which is larger than a page
    monkeypatch.setattr(history_module, limit, value)
    messages = ["a" * 10, "b" * 10, "c" * 100]
    write(log_store, *messages)
    query = "stats count(*) as n by @message | sort @message asc"
    # When
    query_id = await started(call, query)
    answers = [await finished(call, query_id)]
    while "nextToken" in answers[-1]:
        token = answers[-1]["nextToken"]
        answers.append(await call("GetQueryResults", queryId=query_id, nextToken=token))
    # Then
    shown = [[row[0]["value"] for row in answer["results"]] for answer in answers]
    assert shown == [messages[:2], messages[2:]]


async def test_a_row_that_no_answer_can_hold_makes_the_query_fail(
    call: Call, log_store: LogStore
) -> None:
    write(log_store, "x" * 250_000)
    doubling = "fields @message as a" + " | fields concat(a, a) as a" * 7
    answer = await finished(call, await started(call, f"{doubling} | display a"))
    assert answer["status"] == "Failed"


async def test_queries_are_listed_the_newest_first(
    call: Call, log_store: LogStore, clock: FakeClock
) -> None:
    write(log_store, "a")
    write(log_store, "a", group="other")
    ids = []
    for group in (GROUP, "other", GROUP):
        clock.advance(1)
        ids.append(await started(call, "limit 1", logGroupName=group))
        await finished(call, ids[-1])
    listed = await call("DescribeQueries")
    of_group = await call("DescribeQueries", logGroupName="other", status="Complete")
    assert [query["queryId"] for query in listed["queries"]] == ids[::-1]
    assert [query["queryId"] for query in of_group["queries"]] == [ids[1]]
    assert await call("DescribeQueries", status="Failed") == {"queries": []}
    page = await call("DescribeQueries", maxResults=2)
    rest = await call("DescribeQueries", maxResults=2, nextToken=page["nextToken"])
    assert [query["queryId"] for query in rest["queries"]] == [ids[0]]
    assert listed["queries"][0]["queryString"] == "limit 1"


async def test_results_survive_the_server_and_what_ran_has_failed(
    call: Call, log_store: LogStore, clock: FakeClock, tmp_path: Path
) -> None:
    # Given a query that is complete, and one that was running when the server ended
    write(log_store, "a")
    complete = await started(call, "fields @message")
    await finished(call, complete)
    document = json.loads((tmp_path / "insights" / f"{complete}.json").read_text())
    running = {**document, "id": "running", "status": "Running"}
    (tmp_path / "insights" / "running.json").write_text(json.dumps(running))
    # When
    again = Queries(log_store, tmp_path / "insights", clock)
    # Then
    found, broken_off = await again.find(complete), await again.find("running")
    assert found is not None
    assert broken_off is not None
    assert [values[0] for values in await again.rows(found, 0, 10)] == ["a"]
    assert (found.status.value, broken_off.status.value) == ("Complete", "Failed")


async def test_results_are_kept_for_seven_days(
    call: Call, log_store: LogStore, clock: FakeClock, tmp_path: Path
) -> None:
    write(log_store, "a")
    old = await started(call, "")
    await finished(call, old)
    clock.advance(KEPT_MS / 1000 + 1)
    new = await started(call, "")
    await finished(call, new)
    with pytest.raises(ClientError, match="does not exist"):
        await call("GetQueryResults", queryId=old)
    assert {path.stem for path in (tmp_path / "insights").iterdir()} == {new}


async def test_the_oldest_results_go_when_there_are_too_many(
    call: Call,
    log_store: LogStore,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given results of a thousand characters, of which there is room for two
    monkeypatch.setattr(history_module, "MAX_SIZE", 2500)
    write(log_store, "x" * 1000)
    ids = []
    for _ in range(3):
        clock.advance(1)
        ids.append(await started(call, "display @message"))
        await finished(call, ids[-1])
    # When
    kept = {path.stem for path in (tmp_path / "insights").iterdir()}
    # Then
    assert kept == set(ids[1:])
    # When there is room for less than one
    monkeypatch.setattr(history_module, "MAX_SIZE", 500)
    last = await started(call, "display @message")
    answer = await finished(call, last)
    # Then what has just been asked is there
    assert len(answer["results"]) == 1
    assert {path.stem for path in (tmp_path / "insights").iterdir()} == {last}


async def test_a_query_can_be_stopped_once(call: Call, log_store: LogStore) -> None:
    # Given one that would run for long
    write(log_store, *["x" * 100_000] * 200)
    query_id = await started(call, FOREVER)
    # When
    answer = await call("StopQuery", queryId=query_id)
    # Then
    assert answer == {"success": True}
    assert (await call("GetQueryResults", queryId=query_id))["status"] == "Cancelled"
    with pytest.raises(ClientError, match="not in running state"):
        await call("StopQuery", queryId=query_id)


async def test_a_query_that_takes_too_long_times_out(
    call: Call, log_store: LogStore, insights: Queries
) -> None:
    write(log_store, *["x" * 100_000] * 200)
    insights.timeout = 0.01
    assert (await finished(call, await started(call, FOREVER)))["status"] == "Timeout"


@pytest.mark.parametrize("start", [0, 2**62])
async def test_any_stretch_of_time_can_be_asked_for(
    call: Call, log_store: LogStore, start: int
) -> None:
    write(log_store, "a")
    found = await rows(call, "", startTime=start, endTime=2**63 - 1)
    assert len(found) == (start == 0)


async def test_a_query_ends_whatever_goes_wrong(
    call: Call, log_store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log_store, "a")

    def fail(*extent: Any) -> None:
        raise OverflowError("a mistake of ours")

    monkeypatch.setattr(log_store, "extent", fail)
    assert (await finished(call, await started(call, "")))["status"] == "Failed"


async def test_a_query_ends_on_a_full_disk(
    call: Call, log_store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a query that runs, and a disk that takes nothing more
    write(log_store, *["x" * 100_000] * 200)
    query_id = await started(call, FOREVER)
    async with asyncio.timeout(30):
        while not list((tmp_path / "insights").glob("*.spill")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(history_module, "force_to_disk", fail)
    # When
    assert await call("StopQuery", queryId=query_id) == {"success": True}
    # Then
    assert (await call("GetQueryResults", queryId=query_id))["status"] == "Cancelled"
    assert not list((tmp_path / "insights").glob("*.spill"))


async def test_a_query_that_wants_all_memory_fails_alone(
    call: Call, log_store: LogStore, tmp_path: Path
) -> None:
    # Given a text that doubles sixty times
    write(log_store, "x", "y")
    doubling = "fields @message as a" + " | fields concat(a, a) as a" * 60
    # When
    answer = await finished(call, await started(call, f"{doubling} | display strlen(a)"))
    # Then
    assert answer["status"] == "Failed"
    assert len(await rows(call, "fields @message")) == 2
    assert not list((tmp_path / "insights").glob("*.spill"))


@pytest.mark.parametrize(
    "query",
    [
        r"filter @message like /((a{1,1000}){1,1000}){1,1000}/",
        r"filter @message like /(?P<x/",
        "fields " + " + ".join(["1"] * 200),
        "filter " + " or ".join(["a = 1"] * 900),
        "fields " + ", ".join(f"a + {number}" for number in range(250)),
        "stats " + ", ".join(f"sum(a) + {number}" for number in range(250)),
        "|".join(["limit 5"] * 100),
        "filter a in [" + ", ".join(map(str, range(2000))) + "]",
        "fields " + "abs(" * 35 + "1" + ")" * 35,
        "fields " + "jsonParse(" * 35 + "a" + ")" * 35,
        "filter " + "(" * 35 + "a" + " <= b)" * 35,
        "fields a.0 as x" + " | fields x <= x as x" * 90,
    ],
)
async def test_an_odd_query_ends_or_is_refused(call: Call, log_store: LogStore, query: str) -> None:
    write(log_store, '{"a": 1}', "b")
    try:
        query_id = await started(call, query)
    except ClientError as error:
        end = error.code
    else:
        end = (await finished(call, query_id))["status"]
    assert end in ("MalformedQueryException", "Complete", "Failed")


async def test_only_two_run_and_a_hundred_wait(
    call: Call, log_store: LogStore, insights: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries_module, "MAX_CONCURRENT", 3)
    write(log_store, *["x" * 100_000] * 200)
    ids = [await started(call, FOREVER) for _ in range(3)]
    with pytest.raises(ClientError, match="LimitExceededException"):
        await started(call, "")
    assert (await call("GetQueryResults", queryId=ids[2]))["status"] == "Scheduled"
    for query_id in ids:
        await call("StopQuery", queryId=query_id)
    assert await rows(call, "limit 1 | display @log") != []


async def test_a_malformed_query_is_told_with_its_place(call: Call, log_store: LogStore) -> None:
    write(log_store, "a")
    with pytest.raises(ClientError) as raised:
        await started(call, "fields a | pattern @message")
    assert raised.value.code == "MalformedQueryException"
    assert raised.value.members["queryCompileError"] == {
        "message": "lambdad does not support the command pattern yet",
        "location": {"startCharOffset": 11, "endCharOffset": 18},
    }


async def test_without_duckdb_the_error_says_what_to_install(
    call: Call, log_store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log_store, "a")
    monkeypatch.setattr(queries_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ClientError, match=r"pip install 'lambdad\[insights\]'"):
        await started(call, "")


def test_the_server_does_not_load_duckdb() -> None:
    """Whatever tests of this process did: another one imports what a server imports."""
    program = "import sys, lambdad.node; print('duckdb' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout == b"False\n"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"logGroupName": "none"}, "ResourceNotFoundException", "'none' does not exist"),
        ({"logGroupNames": []}, "InvalidParameterException", "1 to 50 log groups"),
        ({"logGroupNames": ["a"], "logGroupName": "a"}, "InvalidParameterException", "Exactly one"),
        ({"startTime": 2, "endTime": 1}, "InvalidParameterException", "before its startTime"),
        ({"queryLanguage": "SQL"}, "InvalidParameterException", "query language SQL"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    call: Call, log_store: LogStore, request_: dict[str, Any], code: str, message: str
) -> None:
    write(log_store, "a")
    with pytest.raises(ClientError, match=message) as raised:
        await started(call, "", **request_)
    assert raised.value.code == code


async def test_another_account_s_query_does_not_exist(call: Call, log_store: LogStore) -> None:
    write(log_store, "a")
    query_id = await started(call, "")
    for operation in ("GetQueryResults", "StopQuery"):
        with pytest.raises(ClientError, match="does not exist"):
            await call(operation, account_id="111111111111", queryId=query_id)
