"""What the console and the loggers write, in text and in JSON."""

from __future__ import annotations

import json
import re
import struct

import pytest
from scripted_api import REQUEST_ID, event

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"
JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}


def json_lines(outcome):
    return [json.loads(line) for line in outcome.text.splitlines()]


def test_a_line_of_the_console_tells_when_for_whom_and_how_grave(run_dotnet):
    outcome = run_dotnet("Print", [event("ë")])

    *lines, last = outcome.text.splitlines()
    assert all(re.match(TIME + "\t", line) for line in lines)
    assert [line.split("\t", 1)[1] for line in lines] == [
        f"{REQUEST_ID}\tinfo\të",
        f"{REQUEST_ID}\tinfo\t1 of 2",
        f"{REQUEST_ID}\tinfo\t5",
        f"{REQUEST_ID}\tinfo\tbuilt",
    ]
    assert re.fullmatch(f"raw {TIME}\t{REQUEST_ID}\tfail\tbad", last)


def test_a_message_of_several_lines_is_one_event(run_dotnet):
    outcome = run_dotnet("Print", [event("a\nb")])
    assert b"\tinfo\ta\rb\n" in outcome.output


def test_lines_are_left_as_they_are_where_that_is_asked_for(run_dotnet):
    variables = {"AWS_LAMBDA_HANDLER_LOG_FORMAT": "Unformatted"}
    outcome = run_dotnet("Print", [event("a")], variables=variables)
    assert outcome.text == "a\n1 of 2\n5\nbuilt\nraw bad\n"


def test_loggers_write_at_their_levels(run_dotnet):
    outcome = run_dotnet("Logs", [event("cat")], variables={"AWS_LAMBDA_LOG_LEVEL": "DEBUG"})

    assert [line.split("\t", 2)[2] for line in outcome.text.replace("\r", "|").splitlines()] == [
        "info\tstatic",
        "warn\tstatic cat",
        "info\tline",
        "info\tinformation",
        "warn\tcat has 004 legs",
        "dbug\tdebug",
        "crit\tcritical",
        "fail\terror|System.ArgumentException: no",
    ]


def test_json_lines_have_the_values_of_their_templates_as_fields(run_dotnet):
    lines = json_lines(run_dotnet("Logs", [event("cat")], variables=JSON))

    assert re.fullmatch(TIME, lines[0].pop("timestamp"))
    assert lines[0] == {
        "level": "Information",
        "requestId": REQUEST_ID,
        "traceId": TRACE,
        "message": "static",
    }
    (legs,) = (line for line in lines if "legs" in line)
    assert legs["level"] == "Warning"
    assert legs["message"] == "cat has 004 legs"
    assert (legs["name"], legs["legs"]) == ("cat", 4)
    assert lines[-1]["level"] == "Error"
    assert lines[-1]["message"] == "error"
    assert lines[-1]["errorType"] == "ArgumentException"
    assert lines[-1]["errorMessage"] == "no"


ID = "00000000-0000-0000-0000-000000000000"
TIMES = ("2026-01-02T03:04:05.0000000Z", "2026-01-02T03:04:05.0000000+00:00")
# By message, the fields.
TEMPLATES = {
    f"{ID} {ID.replace('-', '')}": {"id": ID},
    "{lit} 1 {2} {none}": {"after": 1, "again": 2},
    '{"Name":"ë","Legs":4}': {"animal": {"Name": "ë", "Legs": 4}},
    "Zoo.Animal Zoo.Hostile": {"animal": "Zoo.Animal", "bad": "Zoo.Hostile"},
    '["ë",null]': {"list": ["ë", None]},
    '{"ë":1}': {"map": {"ë": 1}},
    "-1 1.5 4000000000 255": {"s": -1, "f": 1.5, "u": 4000000000, "b": 255},
    "True c Error NaN": {"yes": True, "c": "c", "grade": "Error", "nan": "NaN"},
    f"{TIMES[0]} 2026 {TIMES[1]}": {"time": TIMES[0], "zoned": TIMES[1]},
    "null": {"nothing": None, "none": None},
}


def test_values_keep_their_kind_in_messages_and_in_fields(run_dotnet):
    outcome = run_dotnet("Zoo::Zoo.Templates::Handle", [event("ë")], variables=JSON)

    told = {}
    for line in json_lines(outcome):
        fields = line.keys() - {"timestamp", "level", "requestId", "traceId", "message"}
        told[line["message"]] = {name: line[name] for name in fields}
    assert told == TEMPLATES
    assert outcome.results() == [None]


def test_the_error_of_an_invocation_is_a_json_line(run_dotnet):
    (line,) = json_lines(run_dotnet("Throw", [event("ë")], variables=JSON))
    assert line["level"] == "Error"
    assert line["requestId"] == REQUEST_ID
    assert line["message"] == line["errorMessage"] == "ë"
    assert line["stackTrace"][0].startswith("at Zoo.Animals.Throw")


@pytest.mark.parametrize("log_format", ["JSON", "Text"])
def test_lines_below_the_level_are_left_out(run_dotnet, log_format):
    variables = {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": "ERROR"}
    outcome = run_dotnet("Logs", [event("cat")], variables=variables)
    assert outcome.text.count("\n") == 2
    assert "critical" in outcome.text


@pytest.mark.parametrize(
    ("chosen", "frame"), [({}, 0xA55A000F), (JSON, 0xA55A000E)], ids=["text", "json"]
)
def test_a_telemetry_channel_gets_frames(run_dotnet, chosen, frame):
    channel = {"_LAMBDA_TELEMETRY_LOG_FD": "1"}
    outcome = run_dotnet("Print", [event("a\në")], variables={**chosen, **channel})

    kind, size, when = struct.unpack(">IIQ", outcome.output[:16])
    text = outcome.output[16 : 16 + size].decode()
    assert kind == frame
    assert when > 1_700_000_000_000_000
    assert (json.loads(text)["message"] if chosen else text.split("\t")[-1]) == "a\në"
