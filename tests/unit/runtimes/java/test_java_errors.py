"""What handlers throw, and what is told of it."""

from __future__ import annotations

import json

import pytest
from scripted_api import REQUEST_ID, event

ERROR_TYPE = "lambda-runtime-function-error-type"
CAUSE = "lambda-runtime-function-xray-error-cause"

ERRORS = {
    "an exception": ("plain", "java.lang.IllegalArgumentException", "Zoë\nwrong"),
    "without a message": (
        "silent",
        "java.lang.IllegalStateException",
        "java.lang.IllegalStateException",
    ),
    "an error": ("error", "java.lang.AssertionError", "asserted"),
    "a message that cannot be read": (
        "unreadable",
        "example.Failing$Unreadable",
        "example.Failing$Unreadable",
    ),
}


@pytest.mark.parametrize(("handler", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_and_the_next_event_is_served(run_java, handler, kind, message):
    outcome = run_java(f"example.Failing::{handler}", [event(), event()])

    assert len(outcome.posts) == 2
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert post.headers[ERROR_TYPE] == "Runtime.UserException"
    assert post.json["errorType"] == kind
    assert post.json["errorMessage"] == message
    assert set(post.json) == {"errorType", "errorMessage", "stackTrace"}
    assert post.json["stackTrace"][0].startswith(f"example.Failing.{handler}(Failing.java:")
    assert not any("lambdad" in frame for frame in post.json["stackTrace"])
    (exception,) = json.loads(post.headers[CAUSE])["exceptions"]
    assert exception["type"] == kind
    assert exception["message"] == message
    assert exception["stack"][0]["label"] == handler
    assert exception["stack"][0]["path"] == "Failing.java"
    assert len(outcome.text.splitlines()) > 0


@pytest.mark.parametrize("kind", ["Hostile", "Hollow", "Unchangeable", "Perforated"])
def test_an_exception_that_does_not_tell_about_itself_is_told(run_java, kind):
    outcome = run_java("example.Failing::hostile", [event(kind), event(kind)])

    assert len(outcome.posts) == 2
    error = outcome.posts[0].json
    assert error["errorType"] == error["errorMessage"] == f"example.Failing${kind}"
    assert "cause" not in error
    assert f"example.Failing${kind}" in outcome.text


def test_a_constructor_may_throw_what_does_not_tell_about_itself(run_java):
    outcome = run_java("example.Failing$HostileWhenMade::handle", [event()])
    (post,) = outcome.exchanges
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.json["errorMessage"] == "example.Failing$Hostile"


def test_an_error_is_one_event_of_the_log(run_java):
    outcome = run_java("example.Failing::plain", [event()])
    assert outcome.output.count(b"\n") == 1
    first, *rest = outcome.output.decode().split("\r")
    assert first == "Zoë"
    assert rest[0] == "wrong: java.lang.IllegalArgumentException"
    assert rest[3].startswith("\tat example.Failing.plain(Failing.java:")


def test_causes_are_told_in_their_order(run_java):
    outcome = run_java("example.Failing::chained", [event()])

    error = outcome.post.json
    assert error["errorType"] == "example.Failing$Own"
    assert error["cause"]["errorType"] == "java.lang.UnsupportedOperationException"
    assert error["cause"]["errorMessage"] == "inner"
    assert error["cause"]["stackTrace"][0].startswith("example.Failing.deeper(")
    assert "cause" not in error["cause"]
    assert "Caused by: java.lang.UnsupportedOperationException: inner" in outcome.text


@pytest.mark.parametrize(
    ("handler", "kind"),
    [("overflow", "java.lang.StackOverflowError"), ("memory", "java.lang.OutOfMemoryError")],
)
def test_an_error_of_the_virtual_machine_is_told_and_ends_the_process(run_java, handler, kind):
    outcome = run_java(f"example.Failing::{handler}", [event(), event()])
    assert outcome.post.json["errorType"] == kind
    assert outcome.status == 1


@pytest.mark.parametrize("way", ["exit", "halt"])
def test_an_exit_of_the_function_is_the_end(run_java, way):
    outcome = run_java(f"example.Failing::{way}", [event(7)])
    assert outcome.posts == []
    assert outcome.status == 7


def test_an_exception_of_another_thread_ends_nothing(run_java):
    outcome = run_java("example.Failing::thread", [event()])
    assert outcome.results() == ["lives on"]
    assert "java.lang.IllegalArgumentException: Zoë" in outcome.text


def test_an_interrupt_does_not_last_into_the_next_invocation(run_java):
    outcome = run_java("example.Failing::interrupted", [event({}), event({})])
    assert outcome.results() == [False, False]


@pytest.mark.parametrize(
    ("handler", "given"),
    [("Signatures::object", b"{"), ("Signatures::object", b""), ("Signatures::ofClass", b'"x"'),
     ("Signatures::withInput", b"[1]"), ("Objects$Orders", b"[1]")],
)  # fmt: skip
def test_an_event_that_does_not_fit_is_an_error(run_java, handler, given):
    outcome = run_java(f"example.{handler}", [event(body=given), event(None)])
    error = outcome.posts[0].json
    assert error["errorMessage"] == "An error occurred during JSON parsing"
    assert error["errorType"] == "java.lang.RuntimeException"
    assert error["stackTrace"] == []
    assert error["cause"]["errorMessage"]
    assert len(outcome.posts) == 2


@pytest.mark.parametrize("handler", ["strange", "circle"])
def test_a_result_that_is_no_json_is_an_error(run_java, handler):
    outcome = run_java(f"example.Objects::{handler}", [event()])
    error = outcome.post.json
    assert error["errorMessage"] == "An error occurred during JSON serialization of response"
    assert error["errorType"] == "java.lang.RuntimeException"
    assert error["cause"]["errorMessage"]
