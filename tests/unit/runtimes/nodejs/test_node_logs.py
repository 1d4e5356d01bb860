"""What the console writes, in text and in JSON."""

from __future__ import annotations

import json
import re
import struct

import pytest
from scripted_api import REQUEST_ID, event

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}


def handler(*statements):
    return f"exports.handler = async () => {{ {';'.join(statements)} }}"


def json_lines(outcome):
    return [json.loads(line) for line in outcome.text.splitlines()]


def test_a_line_tells_when_for_whom_and_how_grave(run_node):
    function = "console.info('loading');" + handler(
        "console.log('a %s', 'b', 5)", "console.warn({ a: 1 })", "console.fatal('end')"
    )
    lines = run_node(function, [event()]).text.splitlines()

    assert [line.split("\t", 1)[1] for line in lines] == [
        "undefined\tINFO\tloading",
        f"{REQUEST_ID}\tINFO\ta b 5",
        f"{REQUEST_ID}\tWARN\t{{ a: 1 }}",
        f"{REQUEST_ID}\tFATAL\tend",
    ]
    assert all(re.match(TIME + "\t", line) for line in lines)


@pytest.mark.parametrize(
    ("method", "level"),
    [("trace", "TRACE"), ("debug", "DEBUG"), ("log", "INFO"), ("info", "INFO"), ("warn", "WARN"),
     ("error", "ERROR"), ("fatal", "FATAL")],
)  # fmt: skip
def test_every_method_has_its_level(run_node, method, level):
    outcome = run_node(handler(f"console.{method}('x')"), [event()])
    assert outcome.text.endswith(f"\t{level}\tx\n")


def test_a_message_of_several_lines_is_one_event(run_node):
    outcome = run_node(handler("console.log('a\\nb\\n')"), [event()])
    assert outcome.output.endswith(b"\tINFO\ta\rb\r\n")


def test_what_the_function_writes_itself_is_left_as_it_is(run_node):
    outcome = run_node(handler("process.stdout.write('a\\nb')"), [event()])
    assert outcome.output == b"a\nb"


def test_a_function_may_send_its_standard_output_to_the_console(run_node):
    function = handler(
        "process.stdout.write = (text) => console.log(text)", "process.stdout.write('a')"
    )
    outcome = run_node(function, [event()])
    assert outcome.text.endswith("\tINFO\ta\n")
    assert outcome.results() == [None]


def test_json_lines_keep_the_shape_of_an_only_part(run_node):
    function = handler("console.log({ a: [1] })", "console.log('a', 1)", "console.error('x\\ny')")
    first, second, third = json_lines(run_node(function, [event()], variables=JSON))

    assert re.fullmatch(TIME, first.pop("timestamp"))
    assert first == {"level": "INFO", "requestId": REQUEST_ID, "message": {"a": [1]}}
    assert second["message"] == "a 1"
    assert third["level"] == "ERROR"
    assert third["message"] == "x\ny"


def test_errors_in_json_lines_are_fields(run_node):
    function = handler(
        "console.error(new TypeError('no'))",
        "console.error('it', new TypeError('no'))",
        "console.log({ inside: new TypeError('no') })",
        "const a = {}; a.a = a; console.log(a)",
    )
    alone, formatted, inside, circle = json_lines(run_node(function, [event()], variables=JSON))

    assert alone["message"]["errorType"] == "TypeError"
    assert alone["message"]["errorMessage"] == "no"
    assert alone["message"]["stackTrace"][0] == "TypeError: no"
    assert formatted["message"].startswith("it TypeError: no\n")
    assert formatted["errorType"] == "TypeError"
    assert formatted["stackTrace"][0] == "TypeError: no"
    assert inside["message"]["inside"]["errorMessage"] == "no"
    assert circle["message"].startswith("<ref *1>")


def test_the_error_of_an_invocation_is_a_json_line(run_node):
    (line,) = json_lines(run_node(handler("throw new Error('no')"), [event()], variables=JSON))
    assert line["level"] == "ERROR"
    assert line["requestId"] == REQUEST_ID
    assert line["message"]["errorMessage"] == "no"


@pytest.mark.parametrize("variables", [{}, JSON], ids=["text", "json"])
def test_an_error_that_cannot_be_read_is_told_and_logged_all_the_same(run_node, variables):
    function = handler(
        "const e = new Error('a')",
        "for (const name of ['message', 'stack', 'name'])"
        " Object.defineProperty(e, name, { get() { throw e } })",
        "throw e",
    )
    outcome = run_node(function, [event(), event()], variables=variables)
    assert [post.json["errorType"] for post in outcome.posts] == ["handled", "handled"]
    assert len(outcome.text.splitlines()) == 2


@pytest.mark.parametrize(
    ("variables", "frame", "message"),
    [({}, 0xA55A0013, "a\në"), (JSON, 0xA55A0012, '"message":"a\\në"}')],
    ids=["text", "json"],
)
def test_a_telemetry_channel_gets_frames(run_node, variables, frame, message):
    channel = {"_LAMBDA_TELEMETRY_LOG_FD": "1"}
    function = handler("console.warn('a\\në')", "return process.env._LAMBDA_TELEMETRY_LOG_FD")
    outcome = run_node(function, [event()], variables={**variables, **channel})

    kind, size, when = struct.unpack(">IIQ", outcome.output[:16])
    text = outcome.output[16:].decode()
    assert kind == frame
    assert size == len(text.encode())
    assert when > 1_700_000_000_000_000
    assert text.endswith(message)
    assert outcome.results() == [None]


@pytest.mark.parametrize("format", ["JSON", "Text"])
def test_lines_below_the_level_are_left_out(run_node, format):
    methods = ["trace", "debug", "info", "log", "warn", "error", "fatal"]
    function = handler(*(f"console.{method}('<{method}>')" for method in methods))
    variables = {"AWS_LAMBDA_LOG_FORMAT": format, "AWS_LAMBDA_LOG_LEVEL": "WARN"}
    outcome = run_node(function, [event()], variables=variables)
    assert re.findall("<(.*?)>", outcome.text) == ["warn", "error", "fatal"]
