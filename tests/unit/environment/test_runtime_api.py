"""The Runtime API's rules, one by one; the state machine of the property tests mixes them."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field, replace

import pytest
from stage import INVOCATION

from lambdad.environment.runtime_api import Answer, ErrorResponse, Response, RuntimeApi
from lambdad.model import limits
from lambdad.model.response_stream import ResponseStream

PREFIX = "/2018-06-01/runtime"


@dataclass(eq=False)
class Asked:
    """A request, and its answer."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    is_too_large: bool = False
    is_cut_off: bool = False
    answered: list[tuple[int, bytes, str]] = field(default_factory=list)

    def cut_off(self) -> None:
        self.is_cut_off = True

    def header(self, name: bytes) -> str:
        return self.headers.get(name.decode(), "")

    def answer(self, status: int, body: bytes, headers: str = "") -> None:
        self.answered.append((status, body, headers))

    @property
    def status(self) -> int | None:
        return self.answered[0][0] if self.answered else None

    @property
    def error_type(self) -> str:
        return str(json.loads(self.answered[0][1])["errorType"])


class Played:
    """An API and what it told."""

    def __init__(self) -> None:
        self.initialized = 0
        self.init_errors: list[ErrorResponse] = []
        self.answers: list[Answer] = []
        self.api = RuntimeApi(
            on_next=self._count,
            on_init_error=self.init_errors.append,
            on_answer=self.answers.append,
        )

    def _count(self) -> None:
        self.initialized += 1

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Asked:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = Asked(method, PREFIX + path, body, named)
        self.api.handle(asked)
        return asked

    def next(self) -> Asked:
        return self.ask("GET", "/invocation/next")

    def respond(self, request_id: str = "r1", body: bytes = b"ok", **headers: str) -> Asked:
        return self.ask("POST", f"/invocation/{request_id}/response", body, **headers)

    def fail(self, request_id: str = "r1", body: bytes = b"{}", **headers: str) -> Asked:
        return self.ask("POST", f"/invocation/{request_id}/error", body, **headers)


@pytest.fixture
def played() -> Played:
    return Played()


def test_the_first_next_ends_init_and_the_event_answers_it(played: Played) -> None:
    waiting = played.next()
    assert (played.initialized, waiting.status) == (1, None)
    played.api.deliver(INVOCATION, 1234)
    ((status, body, headers),) = waiting.answered
    assert (status, body) == (200, INVOCATION.payload)
    assert headers.split("\r\n")[:-1] == [
        "Lambda-Runtime-Aws-Request-Id: r1",
        "Lambda-Runtime-Deadline-Ms: 1234",
        f"Lambda-Runtime-Invoked-Function-Arn: {INVOCATION.invoked_arn}",
        "Lambda-Runtime-Trace-Id: Root=1",
    ]
    assert played.api.is_handed_over


def test_an_event_may_come_before_the_runtime_asks(played: Played) -> None:
    played.api.deliver(INVOCATION, 1)
    assert not played.api.is_handed_over
    assert played.next().status == 200
    assert played.api.is_handed_over


def test_a_response_is_accepted_and_told(played: Played) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1)
    assert played.respond(body=b"\xff", content_type="image/png").status == 202
    assert played.answers == [Response(b"\xff")]
    played.next()
    assert played.initialized == 1


def test_a_second_answer_to_an_event_is_refused(played: Played) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1)
    played.respond()
    for again in (played.respond(), played.fail()):
        assert (again.status, again.error_type) == (403, "InvalidStateTransition")
    assert len(played.answers) == 1


def test_an_answer_to_another_event_is_refused(played: Played) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1)
    wrong = played.respond("r2")
    assert (wrong.status, wrong.error_type) == (400, "InvalidRequestID")
    assert played.answers == []
    assert played.respond().status == 202


def test_an_event_that_was_not_taken_cannot_be_answered(played: Played) -> None:
    played.api.deliver(INVOCATION, 1)
    assert played.respond().status == 403
    assert not played.api.is_handed_over


def test_next_waits_only_once_and_not_before_the_answer(played: Played) -> None:
    first = played.next()
    assert played.next().status == 403
    played.api.deliver(INVOCATION, 1)
    assert first.status == 200
    assert played.next().status == 403


def test_a_next_whose_connection_is_lost_waits_no_more(played: Played) -> None:
    first = played.next()
    played.api.lost(first)
    second = played.next()
    played.api.lost(first)  # news of yesterday
    played.api.deliver(INVOCATION, 1)
    assert (first.status, second.status) == (None, 200)


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("Function.MyError", "Function.MyError"),
        ("Function.my_error", "Function.Unknown"),
        ("Runtime.", "Runtime.Unknown"),
        ("Sandbox.Timedout", "Runtime.Unknown"),
        ("Runtime.Error\nFATAL", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
def test_the_type_of_an_error_is_one_that_a_runtime_may_say(
    played: Played, declared: str, kept: str
) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1)
    played.fail(lambda_runtime_function_error_type=declared)
    assert played.answers == [ErrorResponse(b"{}", kept)]


def test_an_init_error_is_told_once(played: Played) -> None:
    assert played.ask("POST", "/init/error", b"{}").status == 202
    assert played.init_errors == [ErrorResponse(b"{}", "Runtime.Unknown")]
    assert played.ask("POST", "/init/error", b"{}").status == 403
    assert len(played.init_errors) == 1


def test_an_init_error_after_init_is_refused(played: Played) -> None:
    played.next()
    assert played.ask("POST", "/init/error", b"{}").status == 403
    assert played.init_errors == []


def test_a_response_that_is_too_large_is_the_functions_failure(played: Played) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1)
    large = Asked("POST", f"{PREFIX}/invocation/r1/response", is_too_large=True)
    played.api.handle(large)
    assert large.status == 413
    (answer,) = played.answers
    assert isinstance(answer, ErrorResponse)
    assert answer.error_type == "Function.ResponseSizeTooLarge"
    assert str(limits.RESPONSE_PAYLOAD) in json.loads(answer.payload)["errorMessage"]
    assert len(large.answered) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/invocation/next"),
        ("GET", "/invocation/r1/response"),
        ("GET", "/init/error"),
        ("POST", "/invocation/r1/"),
        ("POST", "/invocation/r1"),
        ("POST", "/invocation/r1/response/more"),
        ("POST", "/extension/register"),
        ("DELETE", "/invocation/next"),
    ],
)
def test_what_there_is_not_is_not_found(played: Played, method: str, path: str) -> None:
    asked = played.ask(method, path)
    assert asked.status in (403, 404)
    assert played.initialized == 0


def test_a_query_does_not_matter(played: Played) -> None:
    assert played.ask("GET", "/invocation/next?x=1").status is None
    assert played.initialized == 1


def test_a_long_path_does_not_come_back_whole(played: Played) -> None:
    asked = played.ask("GET", "/" + "a" * 60_000)
    assert len(asked.answered[0][1]) < 1000


def test_the_client_context_goes_in_one_line_of_ascii(played: Played) -> None:
    context = '{"client": {\r\n"a": "ü😀"}}'
    played.api.deliver(replace(INVOCATION, client_context=context), 1)
    headers = played.next().answered[0][2]
    *_, line = headers.removesuffix("\r\n").split("\r\n")
    name, _, value = line.partition(": ")
    assert name == "Lambda-Runtime-Client-Context"
    assert value.isascii()
    assert json.loads(value) == json.loads(context)


def test_the_tenant_is_told(played: Played) -> None:
    played.api.deliver(replace(INVOCATION, tenant_id="blue:1"), 1)
    assert "\r\nLambda-Runtime-Aws-Tenant-Id: blue:1\r\n" in played.next().answered[0][2]


# Responses that stream

MODE = {"lambda-runtime-function-response-mode": "streaming", "content-type": "text/plain"}
RESPONSE = PREFIX + "/invocation/r1/response"


@dataclass
class Streamed:
    """An API whose event is with the runtime, and whose response somebody waits to read."""

    played: Played
    stream: ResponseStream
    request: Asked

    def begin(self) -> ResponseStream | None:
        return self.played.api.open_stream(self.request)

    def finish(self, **trailers: str) -> Asked:
        self.request.trailers = {
            f"lambda-runtime-function-{name.replace('_', '-')}": v for name, v in trailers.items()
        }
        self.played.api.handle(self.request)
        return self.request

    @property
    def failure(self) -> tuple[str, str]:
        (answer,) = self.played.answers
        assert isinstance(answer, ErrorResponse)
        return answer.error_type, json.loads(answer.payload)["errorType"]


@pytest.fixture
def streamed(played: Played) -> Streamed:
    stream = ResponseStream(10)
    played.next()
    played.api.deliver(replace(INVOCATION, stream=stream), 1234)
    return Streamed(played, stream, Asked("POST", RESPONSE, headers=MODE))


def test_a_response_that_streams_goes_to_who_reads_it(streamed: Streamed) -> None:
    assert streamed.begin() is streamed.stream
    assert (streamed.stream.has_begun, streamed.stream.content_type) == (True, "text/plain")
    assert streamed.played.answers == []
    assert streamed.finish().status == 202
    assert streamed.played.answers == [Response(b"")]


def test_a_stream_that_nobody_reads_is_collected(played: Played) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1234)
    request = Asked("POST", RESPONSE, b"whole", MODE)
    assert played.api.open_stream(request) is None
    played.api.handle(request)
    assert played.answers == [Response(b"whole")]


@pytest.mark.parametrize(
    "request_",
    [
        Asked("POST", RESPONSE),
        Asked("GET", RESPONSE, headers=MODE),
        Asked("POST", RESPONSE.replace("r1", "r2"), headers=MODE),
        Asked("POST", RESPONSE.replace("response", "error"), headers=MODE),
    ],
)
def test_nothing_else_gets_into_the_stream(streamed: Streamed, request_: Asked) -> None:
    assert streamed.played.api.open_stream(request_) is None
    assert not streamed.stream.has_begun


def test_trailers_tell_of_a_failure_on_the_way(streamed: Streamed) -> None:
    streamed.begin()
    body = b'{"errorType": "Mine", "errorMessage": "no"}'
    assert streamed.finish(error_type="Mine", error_body=b64encode(body).decode()).status == 202
    assert streamed.failure == ("Runtime.Unknown", "Mine")


@pytest.mark.parametrize("body", [{}, {"error_body": ""}])
def test_a_failure_without_a_body_has_its_type(streamed: Streamed, body: dict[str, str]) -> None:
    streamed.begin()
    streamed.finish(error_type="Function.Broken", **body)
    assert streamed.failure == ("Function.Broken", "Function.Broken")


def test_a_stream_that_grows_too_large_is_a_failure_at_once(streamed: Streamed) -> None:
    streamed.begin()
    streamed.stream.feed(b"12345678901")
    error_type = "Function.ResponseSizeTooLarge"
    assert streamed.failure == (error_type, error_type)
    assert (streamed.request.is_cut_off, streamed.request.status) == (True, 413)
    assert len(streamed.played.answers) == 1


def test_nobody_answers_beside_a_stream(streamed: Streamed) -> None:
    streamed.begin()
    assert streamed.played.respond().error_type == "InvalidStateTransition"
    assert streamed.played.fail().error_type == "InvalidStateTransition"
    assert streamed.played.next().error_type == "InvalidStateTransition"
    assert streamed.played.answers == []


def test_a_stream_that_broke_off_is_a_failure_when_the_runtime_goes_on(streamed: Streamed) -> None:
    streamed.begin()
    streamed.played.api.lost(streamed.request)
    assert streamed.played.answers == []
    assert streamed.played.next().status is None
    assert streamed.failure == ("Runtime.TruncatedResponse", "Runtime.TruncatedResponse")


def test_after_a_stream_that_broke_off_the_runtime_may_tell_why(streamed: Streamed) -> None:
    streamed.begin()
    streamed.played.api.lost(streamed.request)
    assert streamed.played.respond().error_type == "InvalidStateTransition"
    assert streamed.played.fail(body=b'{"errorType": "Why"}').status == 202
    assert streamed.failure == ("Runtime.Unknown", "Why")


def test_another_mode_than_streaming_is_a_failure(played: Played) -> None:
    played.next()
    played.api.deliver(INVOCATION, 1234)
    mode = {"lambda-runtime-function-response-mode": "dreaming"}
    assert played.respond(**mode).error_type == "InvalidFunctionResponseMode"
    (answer,) = played.answers
    assert isinstance(answer, ErrorResponse)
    assert answer.error_type == "Runtime.InvalidResponseModeHeader"
