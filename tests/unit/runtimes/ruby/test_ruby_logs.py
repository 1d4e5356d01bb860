"""What loggers write, in text and in JSON."""

from __future__ import annotations

import json
import re

import pytest
from scripted_api import REQUEST_ID, event

JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def handler(*statements):
    body = "\n".join(statements)
    return f"require 'logger'\ndef handler(event:, context:)\n{body}\nnil\nend\n"


def json_lines(outcome):
    return [json.loads(line) for line in outcome.text.splitlines()]


def test_a_line_tells_when_for_whom_and_how_grave(run_ruby):
    function = handler("Logger.new($stdout, progname: 'shop').warn('Zoë')")
    text = run_ruby(function, [event()]).text
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"
    assert re.fullmatch(rf"W, \[{when} #\d+\]  WARN {REQUEST_ID} -- shop: Zoë\n", text)


def test_a_message_of_several_lines_is_one_event(run_ruby):
    outcome = run_ruby(handler('Logger.new($stderr).info("a\\nb")'), [event()])
    assert outcome.output.endswith(b": a\rb\n")
    assert outcome.output.count(b"\n") == 1


@pytest.mark.parametrize(("literal", "shown"), [('"\\xFF"', "\ufffd"), ('"Zo\\xC3\\xAB".b', "Zoë")])
def test_a_message_that_is_no_text_is_logged_all_the_same(run_ruby, literal, shown):
    function = handler(f"Logger.new($stdout, progname: 'ë').info({literal})")
    text = run_ruby(function, [event()])
    json = run_ruby(function, [event()], variables=JSON)
    assert text.text.endswith(f" -- ë: {shown}\n")
    assert [line["message"] for line in json_lines(json)] == [shown]


def test_what_the_function_writes_itself_is_left_as_it_is(run_ruby):
    outcome = run_ruby(handler("puts 'a', 'ë'", 'print "\\xFF"', "$stderr.print 'c'"), [event()])
    assert outcome.output == "a\në\n".encode() + b"\xffc"


def test_what_the_function_formats_itself_is_left_as_it_is(run_ruby):
    function = handler(
        "Logger.new($stdout, formatter: ->(level, *, text) { level + text }).info('x')"
    )
    assert run_ruby(function, [event()]).text == "INFOx"


def test_other_loggers_are_rubys_own(run_ruby, tmp_path):
    path = tmp_path / "log"
    run_ruby(handler(f"Logger.new('{path}').info('x')", "Logger.new(nil).info('y')"), [event()])
    assert path.read_text().endswith("INFO -- : x\n")


def test_json_lines_keep_the_shape_of_a_message(run_ruby):
    function = handler(
        "log = Logger.new($stdout)",
        "log.info(a: [1])",
        'log.error("x\\ny")',
        'log.unknown("\\xFF")',
    )
    headers = {"Lambda_Runtime_Aws_Tenant_Id": "blue"}
    first, second, third = json_lines(run_ruby(function, [event(**headers)], variables=JSON))

    assert re.fullmatch(TIME, first.pop("timestamp"))
    assert first == {
        "level": "INFO", "requestId": REQUEST_ID, "tenantId": "blue", "message": {"a": [1]},
    }  # fmt: skip
    assert (second["level"], second["message"]) == ("ERROR", "x\ny")
    assert (third["level"], third["message"]) == ("FATAL", "\ufffd")


def test_the_name_of_a_logger_may_be_bytes(run_ruby):
    function = handler("Logger.new($stdout, progname: 'ë'.b).info({ a: 1 })")
    (line,) = json_lines(run_ruby(function, [event()], variables=JSON))
    assert (line["logger"], line["message"]) == ("ë", {"a": 1})


def test_an_error_in_bytes_has_its_fields_in_json_lines(run_ruby):
    function = handler("Logger.new($stdout).warn(IOError.new('Zoë'.b))")
    (line,) = json_lines(run_ruby(function, [event()], variables=JSON))
    assert (line["errorType"], line["errorMessage"]) == ("IOError", "Zoë")


def test_errors_in_json_lines_are_fields(run_ruby):
    function = handler("begin; raise IOError, 'no'; rescue => e; Logger.new($stdout).warn(e); end")
    (line,) = json_lines(run_ruby(function, [event()], variables=JSON))
    assert (line["errorType"], line["errorMessage"], line["message"]) == ("IOError", "no", "no")
    assert "app.rb:3" in line["stackTrace"][0]


def test_the_error_of_an_invocation_is_logged(run_ruby):
    subject, details = run_ruby(handler("raise 'Zoë'"), [event()]).text.split("\n", 1)
    assert subject == "Error raised from handler method"
    assert json.loads(details)["errorType"] == "Function<RuntimeError>"
    assert details.count("\n") == 1


def test_the_error_of_an_invocation_is_a_json_line(run_ruby):
    (line,) = json_lines(run_ruby(handler("raise 'Zoë'"), [event()], variables=JSON))
    assert line["level"] == "ERROR"
    assert line["requestId"] == REQUEST_ID
    assert line["errorMessage"] == "Zoë"


@pytest.mark.parametrize("format", ["JSON", "Text"])
def test_lines_below_the_level_are_left_out_unless_the_function_wants_them(run_ruby, format):
    function = handler(
        "log = Logger.new($stdout)",
        '%i[debug info warn error fatal].each { |level| log.public_send(level, "<#{level}>") }',
        "Logger.new($stdout, level: :info).info('<mine>')",
    )
    variables = {"AWS_LAMBDA_LOG_FORMAT": format, "AWS_LAMBDA_LOG_LEVEL": "WARN"}
    outcome = run_ruby(function, [event()], variables=variables)
    assert re.findall("<(.*?)>", outcome.text) == ["warn", "error", "fatal", "mine"]
