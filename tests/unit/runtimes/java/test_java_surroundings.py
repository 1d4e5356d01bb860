"""What functions in Java see of their invocation and of their process, and what they write."""

from __future__ import annotations

import json
import re
import struct

import pytest
from scripted_api import REQUEST_ID, event

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"
LOG = "example.Surroundings::log"


def test_the_context_tells_about_the_invocation(run_java):
    fields = {
        "Lambda_Runtime_Client_Context": json.dumps(
            {"client": {"app_title": "t"}, "custom": {"a": "ë"}, "env": {"locale": "nl"}}
        ),
        "Lambda_Runtime_Cognito_Identity": json.dumps(
            {"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}
        ),
        "Lambda_Runtime_Aws_Tenant_Id": "blue",
    }
    bare = event(Lambda_Runtime_Trace_Id=None)
    outcome = run_java("example.Surroundings::context", [event(**fields), bare])

    full, second = outcome.results()
    assert full.pop("remaining") > 1_000_000
    assert full == {
        "request": REQUEST_ID,
        "name": "f",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "memory": 256,
        "group": "/aws/lambda/f",
        "stream": "2026/01/01/[$LATEST]0123",
        "identity": "i",
        "pool": "p",
        "tenant": "blue",
        "trace": TRACE,
        "traceVariable": TRACE,
        "traceProperty": TRACE,
        "title": "t",
        "custom": {"a": "ë"},
        "env": {"locale": "nl"},
    }
    gone = {"identity", "tenant", "trace", "traceVariable", "traceProperty"}
    assert gone.isdisjoint(second)
    assert "custom" not in second


def test_a_context_that_is_no_json_fails_the_invocation(run_java):
    wrong = event(Lambda_Runtime_Client_Context="{")
    outcome = run_java("example.Surroundings::context", [wrong, event()])
    assert [post.path.rsplit("/")[-1] for post in outcome.posts] == ["error", "response"]


def test_text_is_utf_8_whatever_the_locale_is(run_java, tmp_path):
    overrides = {"LC_ALL": "C", "LANG": "C"}
    outcome = run_java("example.Surroundings::print", [event("ë\U0001f600")], overrides=overrides)
    assert outcome.output.decode() == "ë\U0001f600\në\U0001f600"


LOCALES = {
    "": ["en_US", "US", "$1.50"],
    "-Duser.language=de": ["de_US", "US", "1,50\xa0$"],
    "-Duser.language=de -Duser.country=DE": ["de_DE", "DE", "1,50\xa0€"],
}


@pytest.mark.parametrize(("options", "locale"), LOCALES.items())
def test_the_locale_is_american_but_for_what_the_function_says(run_java, options, locale):
    overrides = {"JAVA_TOOL_OPTIONS": options}
    outcome = run_java("example.Surroundings::locale", [event()], overrides=overrides)
    assert outcome.results() == [locale]


def test_files_have_the_names_that_they_should(run_java, tmp_path):
    given = event({"directory": str(tmp_path)})
    (answer,) = run_java("example.Surroundings::process", [given]).results()
    assert answer["encoding"] == "UTF-8"
    assert (tmp_path / "Zoë").read_text() == "ë"
    assert answer["size"] == 2


def test_a_message_of_the_logger_is_one_event(run_java):
    outcome = run_java(LOG, [event()])
    assert outcome.output.decode().split("\n") == [
        "plain\rZoë",
        "[WARN] warned",
        "[DEBUG] debugged",
        "[INFO] without context",
        "bytes",
        "",
    ]


def test_a_function_may_redirect_standard_output_to_its_logger(run_java):
    outcome = run_java("example.Surroundings::redirect", [event()])
    assert outcome.text == "redirected\n"
    assert outcome.results() == [None]


def test_the_log_goes_on_when_a_function_closes_standard_output(run_java):
    outcome = run_java("example.Surroundings::close", [event(), event()])
    assert outcome.text == "logged\nlogged\n"
    assert outcome.results() == [None, None]


def test_json_messages_tell_when_how_grave_and_for_whom(run_java):
    given = event(Lambda_Runtime_Aws_Tenant_Id="blue")
    *lines, last = run_java(LOG, [given], overrides=JSON).text.splitlines()
    messages = [json.loads(line) for line in lines]

    assert all(re.fullmatch(TIME, message.pop("timestamp")) for message in messages)
    invocation = {"AWSRequestId": REQUEST_ID, "tenantId": "blue"}
    assert messages == [
        {"message": "plain\nZoë", "level": "UNDEFINED", **invocation},
        {"message": "warned", "level": "WARN", **invocation},
        {"message": "debugged", "level": "DEBUG", **invocation},
        {"message": "without context\n", "level": "INFO", **invocation},
    ]
    assert last == "bytes"


def test_messages_below_the_level_are_left_out(run_java):
    overrides = {**JSON, "AWS_LAMBDA_LOG_LEVEL": "WARN"}
    *lines, _ = run_java(LOG, [event()], overrides=overrides).text.splitlines()
    assert [json.loads(line)["level"] for line in lines] == ["UNDEFINED", "WARN"]


def test_the_error_of_an_invocation_is_a_json_message(run_java):
    outcome = run_java("example.Failing::plain", [event()], overrides=JSON)
    message = json.loads(outcome.text)
    assert message["level"] == "ERROR"
    assert message["AWSRequestId"] == REQUEST_ID
    assert message["message"].startswith("Zoë\nwrong: java.lang.IllegalArgumentException\n")


@pytest.mark.parametrize(
    ("overrides", "frames"),
    [({}, [0xA55A0003, 0xA55A0013]), (JSON, [0xA55A0002, 0xA55A0012])],
    ids=["text", "json"],
)
def test_a_telemetry_channel_gets_frames(run_java, overrides, frames):
    channel = {**overrides, "_LAMBDA_TELEMETRY_LOG_FD": "1"}
    rest = run_java(LOG, [event()], overrides=channel).output

    kinds = []
    while rest:
        kind, size, when = struct.unpack(">IIQ", rest[:16])
        kinds.append(kind)
        assert when > 1_700_000_000_000_000
        assert rest[16 : 16 + size].decode()
        rest = rest[16 + size :]
    assert kinds[:2] == frames
    assert len(kinds) == 5


def test_a_class_knows_where_it_is_from(run_java, zoo):
    outcome = run_java("example.Surroundings::origin", [event()])

    assert outcome.results() == [
        {
            "source": f"file:{zoo}/",
            "package": "example",
            "file": f"file:{zoo}/example/Surroundings.class",
            "loads": "true",
            "missing": "example.Nobody",
        }
    ]
