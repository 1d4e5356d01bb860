"""As a developer I ask my functions' logs with CloudWatch Logs Insights."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.waiting import wait_until

pytestmark = pytest.mark.slow

LINES = [json.dumps({"level": "ERROR" if n % 3 else "INFO", "n": n}) for n in range(9)]


def ask(logs: Any, query: str, group: str, **request: Any) -> dict[str, Any]:
    """What a query answers when it has ended."""
    now = int(time.time())
    times = {"startTime": now - 3600, "endTime": now + 3600}
    query_id = logs.start_query(logGroupName=group, queryString=query, **{**times, **request})[
        "queryId"
    ]
    return ended(logs, query_id)


def ended(logs: Any, query_id: str) -> dict[str, Any]:
    def answer() -> Any:
        found = logs.get_query_results(queryId=query_id)
        return None if found["status"] in ("Scheduled", "Running") else found

    return wait_until(answer, "the query ends", timeout=30)


def rows(answer: dict[str, Any]) -> list[dict[str, str]]:
    assert answer["status"] == "Complete"
    return [{each["field"]: each["value"] for each in row} for row in answer["results"]]


def put(logs: Any, group: str, messages: list[str]) -> None:
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms + n, "message": text} for n, text in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_the_slowest_invocations_are_found(make_function: Callable[..., DeployedFunction]) -> None:
    # Given
    function = make_function(source="import time\ndef handler(event, _): time.sleep(event)")
    answers = [function.invoke(seconds) for seconds in (0, 0.2, 0)]
    # When
    found = rows(
        ask(
            function.logs,
            'filter @type = "REPORT" | fields @requestId, @duration, @memorySize / 1e6 as mb '
            "| sort @duration desc | limit 2",
            function.log_group,
        )
    )
    total = rows(
        ask(
            function.logs,
            'filter @type = "REPORT" | stats count(*) as n, max(@duration) as slowest by bin(1d)',
            function.log_group,
        )
    )
    # Then
    assert found[0]["@requestId"] == answers[1].request_id
    assert float(found[0]["@duration"]) >= 200
    assert found[0]["mb"] == "512"
    assert total[0]["n"] == "3"
    record = function.logs.get_log_record(logRecordPointer=found[0]["@ptr"])["logRecord"]
    assert record["@message"].startswith(f"REPORT RequestId: {answers[1].request_id}")


def test_queries_outlive_the_server(
    start_server: Callable[..., LocalServer], client_for: Callable[..., Any]
) -> None:
    # Given a query that is complete, and one that is saved
    server = start_server(sandbox="process")
    logs = client_for("logs", server)
    put(logs, "group", LINES)
    query = "filter level = 'ERROR' | stats count(*) as errors, avg(n) by level"
    query_id = logs.start_query(
        logGroupName="group", queryString=query, startTime=0, endTime=2**31
    )["queryId"]
    before = ended(logs, query_id)
    saved = logs.put_query_definition(name="errors", queryString=query)["queryDefinitionId"]
    # When
    server.kill()
    server.start()
    # Then
    logs = client_for("logs", server)
    after = logs.get_query_results(queryId=query_id)
    assert rows(after) == rows(before) == [{"level": "ERROR", "errors": "6", "avg(n)": "4.5"}]
    (definition,) = logs.describe_query_definitions()["queryDefinitions"]
    assert definition["queryDefinitionId"] == saved
    assert logs.delete_query_definition(queryDefinitionId=saved)["success"]
    assert logs.describe_queries()["queries"][0]["queryId"] == query_id


def test_a_killed_server_leaves_no_query_behind(
    start_server: Callable[..., LocalServer], client_for: Callable[..., Any]
) -> None:
    # Given a query that runs
    server = start_server(sandbox="process")
    logs = client_for("logs", server)
    put(logs, "group", ["x" * 100_000] * 9)
    query_id = _start_endless(logs)
    worker = wait_until(_worker, "the query runs")
    # When
    server.kill()
    # Then
    worker.wait(timeout=5)
    server.start()
    answer = client_for("logs", server).get_query_results(queryId=query_id)
    assert answer["status"] == "Failed"


def test_a_hostile_query_holds_up_nobody(
    start_server: Callable[..., LocalServer], client_for: Callable[..., Any]
) -> None:
    # Given
    server = start_server(sandbox="process")
    logs = client_for("logs", server)
    put(logs, "group", ["x" * 100_000] * 9)
    query_ids = [_start_endless(logs) for _ in range(2)]
    wait_until(_worker, "the query runs")
    # When others are served meanwhile
    times = []
    for _ in range(200):
        start = time.perf_counter()
        logs.describe_log_groups()
        times.append(time.perf_counter() - start)
    # Then
    assert statistics.median(times) < 0.05
    for query_id in query_ids:
        assert logs.stop_query(queryId=query_id)["success"]
        assert logs.get_query_results(queryId=query_id)["status"] == "Cancelled"


def test_a_malformed_query_is_refused_with_its_place(
    server: LocalServer, client_for: Callable[..., Any]
) -> None:
    logs = client_for("logs", server)
    put(logs, "malformed", ["a"])
    with pytest.raises(ClientError) as raised:
        ask(logs, "fields a | unnest b into c", "malformed")
    answer = raised.value.response
    assert answer["Error"]["Code"] == "MalformedQueryException"
    assert answer["queryCompileError"]["location"] == {"startCharOffset": 11, "endCharOffset": 17}


def _start_endless(logs: Any) -> str:
    """A query that takes minutes of the processor: many costly patterns over long texts."""
    patterns = " or ".join(f"@message like /(x{{1,30}}){{1,30}}y{n}/" for n in range(100))
    query_id: str = logs.start_query(
        logGroupName="group", queryString=f"filter {patterns}", startTime=0, endTime=2**31
    )["queryId"]
    return query_id


def _worker() -> psutil.Process | None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it ends at this moment
            if "lambdad.observe.insights.worker" in process.cmdline():
                return process
    return None
