"""As a developer I see where the time of a request went, and what my functions did for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT, make_client
from support.functions import DeployedFunction
from support.packages import distribution_files
from support.sandboxes import on_both
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

ACTIVE = {"TracingConfig": {"Mode": "Active"}}

# Sends one subsegment as SDKs do, below the segment that its trace header names.
TOLD = """
import json, os, socket, time

def handler(event, context):
    root, parent, sampled = (p.split("=")[1] for p in os.environ["_X_AMZN_TRACE_ID"].split(";")[:3])
    now = time.time()
    segment = {"type": "subsegment", "id": os.urandom(8).hex(), "parent_id": parent,
               "trace_id": root, "name": "query", "start_time": now - 0.001, "end_time": now,
               "annotations": {"tenant": "blue", "rows": 3}}
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    assert (host, port) == (os.environ["_AWS_XRAY_DAEMON_ADDRESS"],
                            os.environ["_AWS_XRAY_DAEMON_PORT"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        text = '{"format": "json", "version": 1}\\n' + json.dumps(segment)
        daemon.sendto(text.encode(), (host, int(port)))
    return {"root": root, "segment": parent}
"""

WITH_SDK = """
from aws_xray_sdk.core import xray_recorder

@xray_recorder.capture("outer")
def handler(event, context):
    with xray_recorder.in_subsegment("inner") as inner:
        inner.put_annotation("tenant", "green")
    return True
"""

FAILS_ONCE_IN_TWO = """
import os
def handler(event, context):
    if not os.path.exists("/tmp/tried"):
        open("/tmp/tried", "w").close()
        raise ValueError("the first time")
"""


def trace_of(xray: Any, trace_id: str) -> dict[str, dict[str, Any]]:
    """Documents of a trace by their origin, once Lambda's own are there."""

    def found() -> dict[str, dict[str, Any]]:
        answer = xray.batch_get_traces(TraceIds=[trace_id])
        documents = [json.loads(s["Document"]) for t in answer["Traces"] for s in t["Segments"]]
        return {document.get("origin", document["name"]): document for document in documents}

    wait_until(lambda: "AWS::Lambda::Function" in found(), "the segments are there")
    return found()


def summaries(xray: Any, expression: str = "", **more: Any) -> list[str]:
    now = datetime.now(UTC)
    answer = xray.get_trace_summaries(
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        FilterExpression=expression,
        **more,
    )
    return [each["Id"] for each in answer["TraceSummaries"]]


def told_trace(server: LocalServer, request_id: str) -> dict[str, Any]:
    done = run_trace(server, request_id, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def run_trace(server: LocalServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lambdad.cli.main", "trace", *arguments],
        env={**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL": server.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@on_both
def test_a_traced_invocation_has_lambdas_segments_and_the_functions_own(
    make_function: MakeFunction, server: LocalServer
) -> None:
    # Given
    xray = make_client("xray", server.url)
    function = make_function(source=TOLD, **ACTIVE)
    # When
    answer = function.invoke()
    # Then Lambda's two segments hang together, and the function's subsegment below them
    told = answer.value
    found = trace_of(xray, told["root"])
    service, own = found["AWS::Lambda"], found["AWS::Lambda::Function"]
    assert own["parent_id"] == service["id"]
    assert own["id"] == told["segment"]
    wait_until(lambda: "query" in str(trace_of(xray, told["root"])), "the subsegment is there")
    own = trace_of(xray, told["root"])["AWS::Lambda::Function"]
    names = [part["name"] for part in own["subsegments"]]
    assert names == ["Initialization", "Invocation", "Overhead", "query"]
    assert service["start_time"] <= own["start_time"] <= own["end_time"]
    # And REPORT names both
    assert f"XRAY TraceId: {told['root']}\tSegmentId: {own['id']}\tSampled: true\t" in answer.tail
    # And it is found by what is in it
    expression = 'service("{}") AND annotation.tenant = "blue" AND annotation[rows] > 2 AND ok'
    assert summaries(xray, expression.format(function.name)) == [told["root"]]
    assert summaries(xray, f'service("{function.name}") AND fault') == []
    xray.close()


def test_a_function_with_awss_sdk_is_traced_as_on_aws(
    make_function: MakeFunction, server: LocalServer
) -> None:
    pytest.importorskip("aws_xray_sdk")
    # Given
    xray = make_client("xray", server.url)
    files = {"app.py": WITH_SDK, **distribution_files("aws-xray-sdk", "botocore")}
    function = make_function(files=files, Timeout=30, MemorySize=512, **ACTIVE)
    # When
    assert function.call() is True
    # Then
    expression = f'service("{function.name}") AND annotation.tenant = "green"'
    (trace_id,) = wait_until(lambda: summaries(xray, expression), "the subsegments are there")
    own = trace_of(xray, trace_id)["AWS::Lambda::Function"]
    (outer,) = [part for part in own["subsegments"] if part["name"] == "outer"]
    assert [part["name"] for part in outer["subsegments"]] == ["inner"]
    xray.close()


def test_each_try_of_an_event_is_told(make_function: MakeFunction, start_server: Any) -> None:
    # Given
    server = start_server(event_retry_delay=1)
    function = make_function(source=FAILS_ONCE_IN_TWO, on=server, **ACTIVE)
    # When
    answer = function.client.invoke(
        FunctionName=function.name, InvocationType="Event", Payload=b"{}"
    )
    request_id = answer["ResponseMetadata"]["RequestId"]
    wait_until(lambda: len(function.log_messages("REPORT")) == 2, "it is tried again")
    # Then
    first, second = told_trace(server, request_id)["invocations"]
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert (first["error_type"], second["error_type"]) == ("Runtime.Unknown", None)
    assert first["accepted_at"] == second["accepted_at"]
    assert first["init_duration_ms"] > 0
    assert second["init_duration_ms"] is None
    assert second["began_at"] - first["ended_at"] > 0.9
    # And people see it
    shown = run_trace(server, request_id).stdout
    assert [line.split()[0] for line in shown.splitlines()[1:]] == [
        *("queue", "init", "invoke", "queue", "invoke")
    ]


def test_a_request_is_told_though_the_server_was_killed(
    make_function: MakeFunction, tmp_path: Path
) -> None:
    with LocalServer(tmp_path) as server:
        function = make_function(source=TOLD, on=server, **ACTIVE)
        answer = function.invoke()
        time.sleep(1.1)  # what was answered a second ago is on disk
        server.kill()
    with LocalServer(tmp_path) as server:
        (told,) = told_trace(server, answer.request_id)["invocations"]
        assert told["function_name"] == function.name
        assert [part["name"] for part in told["subsegments"]] == ["query"]
        xray = make_client("xray", server.url)
        assert trace_of(xray, answer.value["root"])["AWS::Lambda"]["name"] == function.name
        xray.close()


def test_an_unknown_request_is_refused_with_a_sentence(server: LocalServer) -> None:
    done = run_trace(server, "nobody")
    assert done.returncode == 3
    assert "No invocation with the request id nobody" in done.stderr


def test_segments_of_others_are_kept_and_answered(server: LocalServer) -> None:
    # Given
    xray = make_client("xray", server.url)
    now = time.time()
    trace_id = f"1-{int(now):08x}-{os.urandom(12).hex()}"
    segment = {
        "id": os.urandom(8).hex(), "trace_id": trace_id, "name": "shop", "start_time": now - 2,
        "end_time": now, "error": True, "user": "ann",
        "http": {"request": {"method": "GET", "url": "http://shop/x"}, "response": {"status": 404}},
    }  # fmt: skip
    called = {
        "id": os.urandom(8).hex(),
        "trace_id": trace_id,
        "name": "stock",
        "parent_id": segment["id"],
        "start_time": now - 1,
        "end_time": now,
    }
    # When
    documents = [json.dumps(segment), json.dumps(called), "{}"]
    answer = xray.put_trace_segments(TraceSegmentDocuments=documents)
    # Then
    (refused,) = answer["UnprocessedTraceSegments"]
    assert refused["ErrorCode"] == "InvalidSegment"
    expression = 'http.status = 404 AND user = "ann" AND duration >= 1.9 AND !fault AND error'
    assert trace_id in summaries(xray, expression)
    assert trace_id in summaries(xray, expression, TimeRangeType="Event")
    (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    assert [json.loads(each["Document"])["name"] for each in trace["Segments"]] == ["shop", "stock"]
    # And services are drawn
    services = {s["Name"]: s for s in xray.get_trace_graph(TraceIds=[trace_id])["Services"]}
    (edge,) = services["shop"]["Edges"]
    assert edge["ReferenceId"] == services["stock"]["ReferenceId"]
    graph = xray.get_service_graph(
        StartTime=datetime.fromtimestamp(now - 60, UTC), EndTime=datetime.fromtimestamp(now, UTC)
    )
    assert {"shop", "stock"} <= {each["Name"] for each in graph["Services"]}
    xray.close()


# Sends what no SDK does, and what a mistake makes one send.
HOSTILE = """
import json, os, socket, time

ANNOTATIONS = ['{"a": 1' + '0' * 400 + '}', '{"a": NaN}', '{"a": 1e999}', '{"a": "\\\\ud800"}',
               '[' * 5000 + ']' * 5000]

def handler(event, context):
    root, parent, _ = (p.split("=")[1] for p in os.environ["_X_AMZN_TRACE_ID"].split(";")[:3])
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        def send(annotations="{}", **members):
            segment = {"id": os.urandom(8).hex(), "trace_id": root, "name": "hostile",
                       "type": "subsegment", "start_time": time.time(), "annotations": {},
                       "parent_id": parent, **members}
            text = json.dumps(segment).replace("{}", annotations)
            daemon.sendto(b'{"format": "json"}\\n' + text.encode(), (host, int(port)))
            return segment["id"]
        for annotations in ANNOTATIONS:
            send(annotations)
        below = parent
        for number in range(40):
            below = send(parent_id=below)
        send(id=parent)
        send(parent_id="x", user="\\ud800")
    return root
"""


def test_what_a_function_sends_wrongly_hides_no_trace(
    make_function: MakeFunction, server: LocalServer
) -> None:
    # Given
    xray = make_client("xray", server.url)
    honest = make_function(source=TOLD, **ACTIVE).invoke().value["root"]
    # When
    hostile = make_function(source=HOSTILE, **ACTIVE).call()
    # Then all are told
    wait_until(lambda: {honest, hostile} <= set(summaries(xray)), "the traces are there")
    wait_until(lambda: "hostile" in str(trace_of(xray, hostile)), "it is kept")
    asked = [hostile, honest, "x", "1-" + "f" * 33]
    answer = xray.batch_get_traces(TraceIds=asked)
    assert {trace["Id"] for trace in answer["Traces"]} == {hostile, honest}
    assert answer["UnprocessedTraceIds"] == asked[2:]
    assert xray.get_trace_graph(TraceIds=asked)["Services"]
    xray.close()


def test_what_filters_cannot_do_is_refused_by_name(server: LocalServer) -> None:
    xray = make_client("xray", server.url)
    for expression, word in (('edge("a", "b")', "edge"), ("group.name = 1", "group.name")):
        with pytest.raises(ClientError, match=word) as caught:
            summaries(xray, expression)
        assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    xray.close()


def test_sdks_are_told_the_default_rule(server: LocalServer) -> None:
    xray = make_client("xray", server.url)
    (record,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert record["SamplingRule"]["FixedRate"] == 0.05
    statistics = {"ClientID": "0" * 24, "Timestamp": 1, "RequestCount": 1, "SampledCount": 1}
    answer = xray.get_sampling_targets(
        SamplingStatisticsDocuments=[
            {"RuleName": name, **statistics} for name in ("Default", "other")
        ]
    )
    assert [each["RuleName"] for each in answer["SamplingTargetDocuments"]] == ["Default"]
    assert [each["RuleName"] for each in answer["UnprocessedStatistics"]] == ["other"]
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": 1, "SegmentsSentCount": 1}])
    xray.close()


def test_nobody_sees_traces_among_the_logs(
    make_function: MakeFunction, server: LocalServer
) -> None:
    make_function(source=TOLD, **ACTIVE).invoke()
    logs = make_client("logs", server.url)
    names = {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}
    assert not names & {"segments", "invocations"}
    logs.close()
