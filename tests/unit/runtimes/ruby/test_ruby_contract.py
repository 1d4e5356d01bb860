"""What functions in Ruby may do, and what comes back: every case is a run of the bootstrap against
a scripted Runtime API."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from ruby_under_test import RUBY, RUNTIME
from scripted_api import ACCEPTED, REQUEST_ID, event

ERROR_TYPE = "lambda-runtime-function-error-type"
CAUSE = "lambda-runtime-function-xray-error-cause"


def handler(*statements):
    return "def handler(event:, context:)\n" + "\n".join(statements) + "\nend\n"


@pytest.mark.skipif(RUBY is None, reason="this machine has no Ruby")
def test_every_file_is_correct_ruby_without_a_warning():
    files = sorted(RUNTIME.glob("*.rb"))
    commands = [[RUBY, "--disable=gems", "-wc", str(file)] for file in files]
    answers = [subprocess.run(command, capture_output=True, text=True) for command in commands]
    assert len(files) > 5
    assert {(answer.stdout, answer.stderr) for answer in answers} == {("Syntax OK\n", "")}


# Results

RESULTS = {
    "the event itself": ("event", [1, "ë"]),
    "nothing": ("nil", None),
    "text beyond ASCII": ("'Zoë ' + [0x1f600].pack('U')", "Zoë \U0001f600"),
    "symbols": ("{ a: :b }", {"a": "b"}),
    "what says that its JSON is something else than text": (
        "Class.new { def to_json(*) = 5 }.new",
        5,
    ),
    "what has a JSON form of its own": (
        "Class.new { def to_json(*) = '{\"own\":1}' }.new",
        {"own": 1},
    ),
}


@pytest.mark.parametrize(("statement", "expected"), RESULTS.values(), ids=RESULTS)
def test_the_answer_is_what_the_handler_returns(run_ruby, statement, expected):
    outcome = run_ruby(handler(statement), [event([1, "ë"]), event([1, "ë"])])

    assert outcome.results() == [expected, expected]
    assert outcome.text == ""
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert post.headers["content-type"] == "application/json"


def test_a_stream_of_bytes_is_answered_as_it_is(run_ruby):
    outcome = run_ruby(
        "require 'stringio'\n" + handler("StringIO.new([0, 255].pack('C*'))"), [event()]
    )
    assert outcome.post.body == b"\x00\xff"
    assert outcome.post.headers["content-type"] == "application/unknown"


@pytest.mark.parametrize(
    "statement",
    ["Class.new { def to_json(*) = nil }.new", "Class.new(StringIO) { def read = nil }.new"],
    ids=["as JSON", "as a stream"],
)
def test_a_result_of_no_bytes_at_all_is_answered_as_such(run_ruby, statement):
    outcome = run_ruby("require 'stringio'\n" + handler(statement), [event(), event()])
    assert [post.path.rpartition("/")[2] for post in outcome.posts] == ["response"] * 2
    assert [post.body for post in outcome.posts] == [b"", b""]


def test_an_event_of_another_type_reaches_the_handler_as_it_is(run_ruby):
    outcome = run_ruby(handler("event.bytes"), [event(body=b"\x01\xfe", Content_Type="image/png")])
    assert outcome.results() == [[1, 254]]


HANDLERS = {
    "of a file in a directory": ({"in/deep.rb": handler("1")}, "in/deep.handler"),
    "of a class": (
        {"a.rb": f"class Shop\nclass << self\n{handler('1')}end\nend"},
        "a.Shop.handler",
    ),
    "of a module in a module": (
        {"a.rb": f"module A\nmodule B\nextend self\n{handler('1')}end\nend"},
        "a.A::B.handler",
    ),
    "with all keywords in one": ({"a.rb": "def go(**all) = all.size - 1"}, "a.go"),
    "that other files help": ({"a.rb": f"require 'b'\n{handler('ONE')}", "b.rb": "ONE = 1"}, None),
}


@pytest.mark.parametrize(("files", "name"), HANDLERS.values(), ids=HANDLERS)
def test_a_handler_is_found(run_ruby, files, name):
    assert run_ruby(files, [event()], handler=name or "a.handler").results() == [1]


@pytest.mark.parametrize("is_chunked", [False, True], ids=["whole", "in chunks"])
def test_large_events_and_large_results_pass(run_ruby, is_chunked):
    text = "ë" * 3_000_000
    whole = event(text)
    if is_chunked:
        body = json.dumps(text).encode()
        half = len(body) // 2
        head = event(None, body=b"", Transfer_Encoding="chunked")
        pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:half], body[half:])]
        whole = head.replace(b"Content-Length: 0\r\n", b"") + b"".join(pieces) + b"0\r\n\r\n"
    assert run_ruby(handler("event"), [whole]).results() == [text]


def test_a_result_that_is_refused_as_too_large_does_not_end_the_process(run_ruby):
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"
    outcome = run_ruby(handler("Process.pid"), [event(), event()], answer=lambda _: refusal)

    first, second = outcome.results()
    assert first == second
    assert "Failed to post handler success response. Http response code: 413. {}" in outcome.text


def test_a_result_that_is_cut_off_as_too_large_does_not_end_the_process(run_ruby):
    function = handler("'x' * event")
    outcome = run_ruby(function, [event(20_000_000), event(1)], limit=1_000_000)
    assert outcome.posts[-1].json == "x"


def test_a_result_that_is_refused_otherwise_ends_the_process(run_ruby):
    refusal = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    outcome = run_ruby(handler("1"), [event(), event()], answer=lambda _: refusal)
    assert outcome.status == 1
    assert "The Runtime API did not take the response" in outcome.text


def test_a_connection_that_was_closed_meanwhile_is_opened_again(run_ruby):
    closing = ACCEPTED.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
    outcome = run_ruby(handler("event"), [event(1), event(2)], answer=lambda _: closing)
    assert outcome.results() == [1, 2]


def test_without_the_runtime_api_the_process_ends(run_ruby):
    refusal = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    outcome = run_ruby(handler("1"), [refusal])
    assert outcome.status == 1
    assert "The Runtime API gave no event, but status 500" in outcome.text


# Errors

ERRORS = {
    "raised": ("raise ArgumentError, 'no'", "Function<ArgumentError>", "no"),
    "raised without a class": ("raise 'Zoë'", "Function<RuntimeError>", "Zoë"),
    "in bytes": ('raise "Zo\\xC3\\xAB\\xFF".b', "Function<RuntimeError>", "Zoë\ufffd"),
    "of a class in a module": (
        "raise Mine::NoLuck, 'no'",
        "Function<Mine::NoLuck>",
        "no",
    ),
    "unreadable": (
        "raise Class.new(StandardError) { def message = raise; def self.to_s = 'Odd' }",
        "Function<Odd>",
        "The error cannot be read.",
    ),
    "unreadable by what is no StandardError": (
        "raise Class.new(StandardError) { def message = exit; def self.to_s = 'Odd' }",
        "Function<Odd>",
        "The error cannot be read.",
    ),
    "of a class that cannot be read": (
        "raise Class.new(StandardError) { def self.to_s = raise(NotImplementedError) }, 'no'",
        "Function<Exception>",
        "no",
    ),
    "with a stack of no text": (
        "raise Class.new(StandardError) { def backtrace = [1, nil]; def self.to_s = 'Odd' }, 'no'",
        "Function<Odd>",
        "no",
    ),
    "with a stack of bytes": (
        'raise RuntimeError, "no", ["Zo\\xFF:1:in `a\'"]',
        "Function<RuntimeError>",
        "no",
    ),
    "with a stack that cannot be read": (
        "raise Class.new(StandardError) { def backtrace = exit; def self.to_s = 'Odd' }, 'no'",
        "Function<Odd>",
        "no",
    ),
    "of a result that cannot be JSON": ("Float::NAN", "Function<JSON::GeneratorError>", None),
    "of a result that holds itself": ("a = []; a << a", "Function<JSON::NestingError>", None),
}


@pytest.mark.parametrize(("statement", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_and_the_next_event_is_served(run_ruby, statement, kind, message):
    function = "module Mine\nNoLuck = Class.new(StandardError)\nend\n" + handler(statement)
    outcome = run_ruby(function, [event(), event()])

    assert len(outcome.posts) == 2
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert post.json["errorType"] == post.headers[ERROR_TYPE] == kind
    assert message is None or post.json["errorMessage"] == message
    assert set(post.json) == {"errorType", "errorMessage", "stackTrace"}
    (exception,) = json.loads(post.headers[CAUSE])["exceptions"]
    assert exception["type"] == kind


def test_the_stack_is_that_of_the_function_alone(run_ruby):
    function = "def troublemaker = raise('Zoë')\n" + handler("troublemaker")
    post = run_ruby(function, [event()]).post

    first, second = post.json["stackTrace"]
    assert re.search(r"/app\.rb:1:in .*troublemaker'$", first)
    assert re.search(r"/app\.rb:3:in .*handler'$", second)
    cause = json.loads(post.headers[CAUSE])
    (exception,) = cause["exceptions"]
    assert exception["message"] == "Zoë"
    assert exception["stack"][0]["line"] == 1
    assert exception["stack"][0]["label"].endswith("troublemaker")
    assert cause["paths"] == [first.partition(":")[0]]


def test_an_error_with_a_long_message_has_no_cause_for_x_ray(run_ruby):
    post = run_ruby(handler("raise 'x' * 70_000"), [event()]).post
    assert len(post.json["errorMessage"]) == 70_000
    assert CAUSE not in post.headers


CRITICAL = {
    "a name that nothing has": ("oops", "Function<NameError>"),
    "a method that nothing has": ("nil.oops", "Function<NoMethodError>"),
    "exit": ("exit 3", "Function<SystemExit>"),
    "a stack that is too deep": ("handler(event: 1, context: 2)", "Function<SystemStackError>"),
}


@pytest.mark.parametrize(("statement", "kind"), CRITICAL.values(), ids=CRITICAL)
def test_an_error_of_the_code_is_told_and_ends_the_process(run_ruby, statement, kind):
    outcome = run_ruby(handler(statement), [event(), event()])
    assert outcome.post.json["errorType"] == kind
    assert outcome.status == 255
    assert outcome.text.startswith("Critical exception from handler\n")


def test_a_handler_that_is_missing_shows_at_the_first_event(run_ruby):
    outcome = run_ruby("", [event()], handler="app.nothing")
    assert outcome.post.json["errorType"] == "Function<NoMethodError>"
    assert re.match(r"undefined method .nothing'", outcome.post.json["errorMessage"])


def test_a_process_may_end_at_once_with_a_status_of_its_own(run_ruby):
    outcome = run_ruby(handler("puts 'bye'", "exit! 3"), [event()])
    assert (outcome.status, outcome.text, outcome.posts) == (3, "bye\n", [])


def test_an_event_that_is_no_json_is_an_error(run_ruby):
    outcome = run_ruby(handler("1"), [event(body=b"{"), event()])
    error, result = outcome.posts
    assert error.json["errorType"] == error.headers[ERROR_TYPE] == "Runtime.UnmarshalError"
    assert result.json == 1


INIT_ERRORS = {
    "no file": ("missing.handler", "", "Init<LoadError>", "cannot load such file -- missing"),
    "a file that needs what is missing": (
        "app.handler",
        "require 'missing'",
        "Init<LoadError>",
        "missing",
    ),
    "no Ruby": ("app.handler", "def (", "Init<SyntaxError>", "app.rb:1: syntax error"),
    "an error": ("app.handler", "raise IOError, 'no'", "Init<IOError>", "no"),
    "exit": ("app.handler", "exit 3", "Init<SystemExit>", "exit"),
    "no method": ("app", "", "Init<ArgumentError>", "Invalid handler 'app'"),
    "too many parts": ("a.b.c.d", "", "Init<ArgumentError>", "Invalid handler 'a.b.c.d'"),
}


@pytest.mark.parametrize(
    ("name", "function", "kind", "message"), INIT_ERRORS.values(), ids=INIT_ERRORS
)
def test_a_function_that_cannot_be_loaded_is_told(run_ruby, name, function, kind, message):
    outcome = run_ruby(function, handler=name)

    assert outcome.status == 252
    assert outcome.post.path == "/2018-06-01/runtime/init/error"
    assert outcome.post.json["errorType"] == outcome.post.headers[ERROR_TYPE] == kind
    assert message in outcome.post.json["errorMessage"]
    assert outcome.text.startswith(f"Init error when loading handler {name}\n")


# The context


def test_the_context_tells_of_the_invocation_and_the_function(run_ruby):
    names = [
        "aws_request_id", "invoked_function_arn", "function_name", "function_version",
        "memory_limit_in_mb", "log_group_name", "log_stream_name", "deadline_ms",
        "client_context", "identity", "tenant_id",
    ]  # fmt: skip
    function = handler(f"%w[{' '.join(names)}].to_h {{ |name| [name, context.send(name)] }}")
    headers = {
        "Lambda_Runtime_Client_Context": '{"custom":{"a":"ë"}}',
        "Lambda_Runtime_Cognito_Identity": '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
        "Lambda_Runtime_Aws_Tenant_Id": "blue",
    }
    full, plain = run_ruby(function, [event(**headers), event()]).results()

    assert full == {
        "aws_request_id": REQUEST_ID,
        "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "function_name": "f",
        "function_version": "$LATEST",
        "memory_limit_in_mb": "128",
        "log_group_name": "/aws/lambda/f",
        "log_stream_name": "2026/01/01/[$LATEST]0123",
        "deadline_ms": 9999999999999,
        "client_context": {"custom": {"a": "ë"}},
        "identity": {"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"},
        "tenant_id": "blue",
    }
    assert (plain["client_context"], plain["identity"], plain["tenant_id"]) == (None, None, None)


@pytest.mark.parametrize(("deadline", "is_over"), [("9999999999999", False), ("1000", True)])
def test_the_remaining_time_ends_at_zero(run_ruby, deadline, is_over):
    function = handler("context.get_remaining_time_in_millis")
    (left,) = run_ruby(function, [event(Lambda_Runtime_Deadline_Ms=deadline)]).results()
    assert (left == 0) is is_over


def test_the_trace_id_is_that_of_the_invocation(run_ruby):
    events = [event(Lambda_Runtime_Trace_Id="Root=1"), event(Lambda_Runtime_Trace_Id=None)]
    outcome = run_ruby(handler("ENV['_X_AMZN_TRACE_ID']"), events)
    assert outcome.results() == ["Root=1", None]
