"""What functions in .NET may be, and what comes back: every case is a run of the bootstrap against
a scripted Runtime API."""

from __future__ import annotations

import itertools
import json

import pytest
from csharp import CONFORMANCE, HEAP_LIMIT
from scripted_api import REQUEST_ID, event

ERROR_TYPE = "lambda-runtime-function-error-type"
CAUSE = "lambda-runtime-function-xray-error-cause"
ZOO = "Zoo::Zoo.Animals::"

# Results

RESULTS = {
    "Pojo": ({"Name": "Zoë \U0001f600", "Legs": 3}, {"Name": "Zoë \U0001f600", "Legs": 4}),
    "Text": ("ë", "ë1"),
    "Static": ("a", "a"),
    "Nothing": ("a", None),
    "Later": ("a", "a"),
    "LaterNothing": ("a", None),
    "Bytes": ({"any": ["ë"]}, {"any": ["ë"]}),
    "BytesLater": (5, 5),
    "OnlyContext": ("a", "f"),
    "OwnSerializer": ("a", "WHATEVER"),
    f"{ZOO}System.String Overloaded(System.String)": ("a", "a"),
}


@pytest.mark.parametrize("handler", RESULTS)
def test_the_answer_is_what_the_handler_gives(run_dotnet, handler):
    given, expected = RESULTS[handler]
    outcome = run_dotnet(handler, [event(given), event(given)])

    assert outcome.results() == [expected, expected]
    assert outcome.text == ""
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert post.headers["content-type"] == "application/json"


def test_one_instance_serves_all_invocations(run_dotnet):
    assert run_dotnet("Count", [event(), event(), event()]).results() == [1, 2, 3]


def test_a_large_event_and_a_large_result_pass(run_dotnet):
    text = "ë" * 2_000_000
    assert run_dotnet("Text", [event(text)]).results() == [f"{text}2000000"]


def test_an_event_that_comes_in_chunks_is_put_together(run_dotnet):
    head, _, body = event("ë" * 20_000).partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    ends = [1, 15_000, 16_400, len(body)]
    chunks = [body[a:b] for a, b in itertools.pairwise([0, *ends])]
    answer = b"\r\n".join([
        *lines, b"Transfer-Encoding: chunked", b"",
        *(b"%X;of=event\r\n%s" % (len(chunk), chunk) for chunk in chunks),
        b"0", b"Trailer: t", b"", b"",
    ])  # fmt: skip
    outcome = run_dotnet("Text", [answer, event("next")])
    assert outcome.results() == ["ë" * 20_000 + "20000", "next4"]


def test_answers_that_only_announce_another_are_skipped(run_dotnet):
    announced = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\n"
    outcome = run_dotnet("Text", [announced + event("a"), event("b")])
    assert outcome.results() == ["a1", "b1"]


def test_a_result_that_is_refused_as_too_large_does_not_end_the_process(run_dotnet):
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"
    outcome = run_dotnet("Count", [event(), event()], answer=lambda exchange: refusal)

    assert outcome.results() == [1, 2]
    assert "Failed to post handler success response. Http response code: 413. {}" in outcome.text


def test_a_connection_that_was_closed_meanwhile_is_opened_again(run_dotnet):
    closing = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    outcome = run_dotnet("Count", [event(), event()], answer=lambda exchange: closing)
    assert outcome.results() == [1, 2]


def test_without_the_runtime_api_the_process_ends(run_dotnet):
    refusal = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    outcome = run_dotnet("Count", [refusal])
    assert outcome.status == 1
    assert "The Runtime API gave no event, but status 500" in outcome.text


def test_the_function_does_not_see_the_limit_of_its_heap(run_dotnet):
    asked = event({"do": "environment", "names": [*HEAP_LIMIT, "SHOWN"]})
    outcome = run_dotnet(CONFORMANCE, [asked], variables={**HEAP_LIMIT, "SHOWN": "yes"})
    assert outcome.results() == [{**dict.fromkeys(HEAP_LIMIT), "SHOWN": "yes"}]


# Errors

ERRORS = {
    "Throw": ("no", "ArgumentException", "no"),
    "ThrowLater": ("ë", "ArgumentException", "ë"),
    "ThrowSeveral": ("no", "ArgumentException", "no"),
    "ThrowCause": ("no", "InvalidOperationException", "outer"),
    "ThrowEmptyWrapper": ("no", "TargetInvocationException", "no"),
    "ThrowHostile": ("no", "Unlucky", "The message of the error cannot be read."),
    "Text": (5, "JsonException", None),
}


@pytest.mark.parametrize("handler", ERRORS)
def test_an_error_is_told_and_the_next_event_is_served(run_dotnet, handler):
    given, kind, message = ERRORS[handler]
    outcome = run_dotnet(handler, [event(given), event(given)])

    assert len(outcome.posts) == 2
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert post.json["errorType"] == post.headers[ERROR_TYPE] == kind
    assert message is None or post.json["errorMessage"] == message
    (exception,) = json.loads(post.headers[CAUSE])["exceptions"]
    assert exception["type"] == kind
    lines = outcome.text.splitlines()
    assert sum(f"\t{REQUEST_ID}\tfail\t" in line for line in lines) == 2


def test_an_event_that_is_no_json_is_an_error_of_the_serializer(run_dotnet):
    outcome = run_dotnet("Text", [event(body=b"{")])
    assert outcome.post.path.endswith("/error")
    assert outcome.post.json["errorType"] == "JsonException"


def test_an_error_has_its_trace_and_what_caused_it(run_dotnet):
    post = run_dotnet("ThrowCause", [event("why")]).post

    assert post.json["stackTrace"][0].startswith("at Zoo.Animals.ThrowCause(String message)")
    assert post.json["cause"]["errorType"] == "ArgumentException"
    assert post.json["cause"]["errorMessage"] == "why"
    cause = json.loads(post.headers[CAUSE])
    frame = cause["exceptions"][0]["stack"][0]
    assert frame["path"].endswith("Zoo.cs")
    assert frame["path"] in cause["paths"]
    assert frame["line"] > 0


@pytest.mark.parametrize("handler", ["Throw", "ThrowLater", "Zoo::Zoo.BadStart::Handle"])
def test_a_trace_ends_with_the_frames_of_the_function(run_dotnet, handler):
    *_, last = run_dotnet(handler, [event("no")]).post.json["stackTrace"]
    assert last.startswith("at Zoo.")


def test_what_nobody_catches_fails_the_invocation_and_ends_the_process(run_dotnet):
    outcome = run_dotnet("CrashBeside", [event("beside"), event("beside")])

    assert outcome.post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert outcome.post.json["errorMessage"] == "beside"
    assert outcome.status == 134
    assert "\tfail\tSystem.ArgumentException: beside" in outcome.text


def test_an_exit_of_the_function_is_the_end(run_dotnet):
    outcome = run_dotnet(CONFORMANCE, [event({"do": "exit", "status": 7})])
    assert outcome.posts == []
    assert outcome.status == 7


# Handlers

NO_HANDLERS = {
    "Zoo::Zoo.Animals": "has to be 'Assembly::Namespace.Class::Method'",
    "Zoo::Zoo.Animals::": "has to be 'Assembly::Namespace.Class::Method'",
    "::": "has to be 'Assembly::Namespace.Class::Method'",
    "Nowhere::Zoo.Animals::Text": "no assembly 'Nowhere.dll'",
    "Zoo::Zoo.Plants::Text": "no type 'Zoo.Plants'",
    "Zoo::Zoo.Animals::Bark": "no method 'Bark'",
    "Zoo::Zoo.Animals::Overloaded": "several methods 'Overloaded'",
    "Zoo::Zoo.Animals::AsyncVoid": "returns a Task when it is async",
    "Zoo::Zoo.Animals::TooMany": "takes an event and an ILambdaContext",
    "Bare::Bare.Function::Text": "needs a serializer",
}


@pytest.mark.parametrize("handler", NO_HANDLERS)
def test_what_is_no_handler_fails_the_init_phase(run_dotnet, handler):
    outcome = run_dotnet(handler)

    assert outcome.post.path == "/2018-06-01/runtime/init/error"
    assert outcome.post.json["errorType"] == "LambdaValidationException"
    assert NO_HANDLERS[handler] in outcome.post.json["errorMessage"]
    assert outcome.status == 1


def test_an_error_of_a_constructor_fails_the_init_phase(run_dotnet):
    post = run_dotnet("Zoo::Zoo.BadStart::Handle").post
    assert post.json["errorType"] == "ArgumentException"
    assert post.json["errorMessage"] == "no start"


def test_streams_need_no_serializer(run_dotnet):
    assert run_dotnet("Bare::Bare.Function::Bytes", [event([1])]).results() == [[1]]


def test_a_program_serves_the_runtime_api_itself(run_dotnet, package):
    outcome = run_dotnet("Program.exe", [event("given")], variables=HEAP_LIMIT)

    answer = [
        "given",
        0,
        f"{package}/",
        "Program.exe",
        int(HEAP_LIMIT["DOTNET_GCHeapHardLimit"], 16),
    ]
    assert outcome.results() == [answer]
    assert outcome.text == "served\nwell\n"
    assert outcome.status == 3


NO_PROGRAMS = {"Nowhere.exe": "no assembly 'Nowhere.exe.dll'", "Amazon.Lambda.Core": "has no Main"}


@pytest.mark.parametrize("handler", NO_PROGRAMS)
def test_what_is_no_program_ends_the_process(run_dotnet, handler):
    outcome = run_dotnet(handler)
    assert NO_PROGRAMS[handler] in outcome.text
    assert outcome.status == 1


# The context


def test_the_context_tells_about_the_invocation(run_dotnet):
    first = event(
        Lambda_Runtime_Client_Context=json.dumps(
            {"custom": {"a": "ë"}, "env": {}, "client": {"app_title": "t"}}
        ),
        Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
        Lambda_Runtime_Aws_Tenant_Id="t",
    )
    trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"
    told, bare = run_dotnet("Context", [first, event(Lambda_Runtime_Trace_Id=None)]).results()

    assert told == {
        "request": REQUEST_ID,
        "name": "f",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "memory": 128,
        "group": "/aws/lambda/f",
        "stream": "2026/01/01/[$LATEST]0123",
        "remaining": True,
        "tenant": "t",
        "trace": trace,
        "variable": trace,
        "custom": "ë",
        "environment": 0,
        "title": "t",
        "identity": "i",
        "pool": "p",
    }
    absent = ("tenant", "trace", "variable", "custom", "environment", "title", "identity", "pool")
    assert {bare[name] for name in absent} == {None}
