"""As a developer I see what my function printed: in the answer's tail and in CloudWatch Logs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.functions import DeployedFunction
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
REPORT = (
    rf"REPORT RequestId: {ID}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
    r"Memory Size: 512 MB\tMax Memory Used: \d+ MB\t"
)


@on_both
def test_the_tail_of_a_cold_start_reads_as_on_aws(make_function: MakeFunction) -> None:
    # When
    answer = make_function("prints").invoke({"lines": 2})
    # Then
    init, start, first, second, *others, end, report = answer.lines
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.\d+\.v\d+\t"
        r"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}.*",
        init,
    )
    assert start == f"START RequestId: {answer.request_id} Version: $LATEST"
    assert (first.rstrip(), second.rstrip()) == ("line 0", "line 1")
    assert "on stderr" in others
    logged = next(line for line in others if "logged" in line)
    assert re.fullmatch(
        rf"\[INFO\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{answer.request_id}\tlogged 2",
        logged,
    )
    assert end == f"END RequestId: {answer.request_id}"
    assert re.fullmatch(REPORT + r"Init Duration: \d+\.\d\d ms\t", report)


@on_both
def test_the_tail_of_a_warm_start_has_no_init(make_function: MakeFunction) -> None:
    function = make_function("echo")
    function.invoke()
    answer = function.invoke()
    start, end, report = answer.lines
    assert start.startswith(f"START RequestId: {answer.request_id}")
    assert end == f"END RequestId: {answer.request_id}"
    assert re.fullmatch(REPORT, report)


def test_durations_and_memory_in_the_report_are_true(make_function: MakeFunction) -> None:
    # Given
    source = """
import time
time.sleep(0.1)
def handler(event, context):
    block = bytearray(60 << 20)
    for offset in range(0, len(block), 4096): block[offset] = 1
    time.sleep(0.2)
"""
    function = make_function(source=source)
    # When
    report = function.invoke().report
    # Then
    duration, init = (float(report[name].split()[0]) for name in ("Duration", "Init Duration"))
    assert 200 <= duration < 2_000
    assert 100 <= init < 2_000
    billed = int(report["Billed Duration"].split()[0])
    assert duration + init <= billed <= duration + init + 1.01
    assert 60 <= int(report["Max Memory Used"].split()[0]) < 120


def test_without_log_type_there_is_no_tail(make_function: MakeFunction) -> None:
    assert "LogResult" not in make_function("echo").invoke(LogType="None").response


def test_the_tail_is_the_last_four_kilobytes(make_function: MakeFunction) -> None:
    answer = make_function("prints").invoke({"lines": 200, "width": 80})
    assert len(answer.tail.encode()) == 4096
    assert answer.lines[-1].startswith("REPORT")
    assert "line 199" in answer.tail


def test_every_line_is_in_cloudwatch_logs_in_order(make_function: MakeFunction) -> None:
    # Given
    source = """
def handler(event, context):
    for number in range(event): print("line", number)
"""
    function = make_function(source=source)
    before_ms = int(time.time() * 1000)
    answers = [function.invoke(1000), function.invoke(2)]
    # When
    streams = function.logs.describe_log_streams(logGroupName=function.log_group)["logStreams"]
    (name,) = [stream["logStreamName"] for stream in streams]
    events = _all_events(function, name)
    # Then
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", name)
    messages = [event["message"].rstrip("\n") for event in events]
    starts = [m.split()[2] for m in messages if m.startswith("START")]
    assert starts == [answer.request_id for answer in answers]
    numbers = [int(m.split()[1]) for m in messages if m.startswith("line ")]
    assert numbers == [*range(1000), 0, 1]
    timestamps = [event["timestamp"] for event in events]
    assert timestamps == sorted(timestamps)
    assert before_ms - 1 <= timestamps[0] <= timestamps[-1] <= time.time() * 1000 + 1


def _all_events(function: DeployedFunction, stream: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        page = function.logs.get_log_events(
            logGroupName=function.log_group, logStreamName=stream, startFromHead=True, **more
        )
        if not page["events"]:
            return events
        events += page["events"]
        more = {"nextToken": page["nextForwardToken"]}


@on_both
def test_a_line_without_an_end_belongs_to_the_invocation_that_printed_it(
    make_function: MakeFunction,
) -> None:
    source = "def handler(event, context): print(event, end='', flush=True)"
    function = make_function(source=source)
    first, second = function.invoke("first"), function.invoke("second")
    assert [line for line in first.lines if "first" in line] == ["first"]
    assert [line for line in second.lines if "second" in line] == ["second"]
    assert "first" not in second.tail


def test_what_init_prints_is_logged_before_the_first_start(make_function: MakeFunction) -> None:
    source = "print('from init')\ndef handler(e, c): print('from the handler')"
    lines = make_function(source=source).invoke().lines
    kinds = [line.split()[0] for line in lines]
    assert kinds == ["INIT_START", "from", "START", "from", "END", "REPORT"], lines
    assert lines[1] == "from init"


def test_a_traceback_is_one_event(make_function: MakeFunction) -> None:
    function = make_function("raise_error")
    function.invoke({"type": "KeyError", "message": "x"})
    (message,) = [m for m in function.log_messages() if "[ERROR]" in m]
    assert message.startswith("[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n")
    # AWS's runtime indents by no-break spaces, which CloudWatch's console does not swallow
    assert '\n\xa0\xa0File "/var/task/app.py", line ' in message


def test_a_line_longer_than_a_pipe_arrives_whole(make_function: MakeFunction) -> None:
    function = make_function("prints")
    function.invoke({"width": 200_000})
    (line,) = [m for m in function.log_messages() if m.startswith("line 0")]
    assert line.rstrip("\n") == f"line 0 {'x' * 200_000}"


def test_output_that_is_not_text_is_logged_all_the_same(make_function: MakeFunction) -> None:
    source = "import os\ndef handler(e, c): os.write(1, b'caf\\xe9 \\x00 end\\n')"
    function = make_function(source=source)
    function.call()
    assert any("caf\ufffd" in message for message in function.log_messages())


def test_each_environment_has_a_stream_of_its_own(make_function: MakeFunction) -> None:
    function = make_function("sleep")
    with ThreadPoolExecutor(2) as threads:  # at once, so there are two environments
        list(threads.map(function.invoke, [{"seconds": 0.5}] * 2))
    streams = function.logs.describe_log_streams(logGroupName=function.log_group)["logStreams"]
    assert len({stream["logStreamName"] for stream in streams}) == 2


def test_a_filter_pattern_finds_lines_of_one_request(make_function: MakeFunction) -> None:
    function = make_function("echo")
    first = function.invoke()
    function.invoke()
    found = function.log_messages(f'"{first.request_id}"')
    assert [message.split()[0] for message in found] == ["START", "END", "REPORT"]


def test_filter_patterns_find_members_of_json_columns_and_regexes(
    make_function: MakeFunction,
) -> None:
    # Given
    source = """
def handler(event, context):
    print('{"level": "ERROR", "took_ms": 1500, "path": ["items", "7"]}')
    print('{"level": "INFO", "took_ms": 2}')
    print('10.0.0.7 - frank "GET /a HTTP/1.0" 404 12')
"""
    function = make_function(source=source)
    function.invoke()
    slow, _, missing = found = [
        message for message in function.log_messages() if message[:1] in "{1"
    ]
    assert len(found) == 3
    # When, then
    for pattern, lines in {
        '{ $.level = "ERR*" && ($.took_ms > 1e3 || $.path[0] NOT EXISTS) }': [slow],
        "{ $.path[*] = items }": [slow],
        "[ip = 10.0.*, ..., status = 4*, bytes]": [missing],
        r"%GET.*4\d\d%": [missing],
        "?frank ?ERROR": [slow, missing],
    }.items():
        assert function.log_messages(pattern) == lines


def test_a_pattern_that_breaks_the_syntax_is_refused_as_on_aws(make_function: MakeFunction) -> None:
    function = make_function("echo")
    function.invoke()
    with pytest.raises(ClientError, match="Invalid filter pattern") as refused:
        function.log_messages("{ $.level = }")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
