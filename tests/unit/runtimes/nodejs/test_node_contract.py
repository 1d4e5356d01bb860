"""What functions in JavaScript may do, and what comes back: every case is a run of the bootstrap
against a scripted Runtime API."""

from __future__ import annotations

import json
import subprocess

import pytest
from node_under_test import NODE, RUNTIME
from scripted_api import REQUEST_ID, event

ERROR_TYPE = "lambda-runtime-function-error-type"
CAUSE = "lambda-runtime-function-xray-error-cause"
MODULES = sorted(RUNTIME.glob("*.cjs"))
NEVER = "setInterval(() => {}, 1000)"


@pytest.mark.skipif(NODE is None, reason="this machine has no node")
def test_every_module_is_correct_javascript():
    for module in MODULES:
        subprocess.run([NODE, "--check", str(module)], check=True)
    assert len(MODULES) > 5


# Results

RESULTS = {
    "async function": ("async (e) => ({ got: e })", {"got": [1, "ë"]}),
    "promise": ("(e) => Promise.resolve(e[0])", 1),
    "anything that has then": ("() => ({ then: (resolve) => resolve('later') })", "later"),
    "undefined of an async function": ("async () => {}", None),
    "a function is nothing in JSON": ("async () => () => {}", None),
    "text beyond ASCII": ("async () => 'Zoë \\u{1f600} \\ud800'", "Zoë \U0001f600 \ud800"),
    "callback": ("(e, c, done) => { done(null, e[1]) }", "ë"),
    "callback after a while": ("(e, c, done) => { setTimeout(done, 5, null, 'late') }", "late"),
    "callback of nothing": ("(e, c, done) => { done() }", None),
    "the first answer counts": ("(e, c, done) => { done(null, 1); done(null, 2) }", 1),
    "context.succeed": ("(e, c) => { c.succeed('yes') }", "yes"),
    "context.done": ("(e, c) => { c.done(null, 'yes') }", "yes"),
    "no answer and nothing to wait for": ("() => 'dropped'", None),
    "a promise that nobody resolves": ("() => new Promise(() => {})", None),
    "callback without an empty event loop": (
        f"(e, c, done) => {{ c.callbackWaitsForEmptyEventLoop = false; {NEVER}; done(null, 1) }}",
        1,
    ),
    "a promise does not wait for the event loop": (f"async () => {{ {NEVER}; return 1 }}", 1),
    "context.succeed does not wait either": (f"(e, c) => {{ {NEVER}; c.succeed(1) }}", 1),
}


@pytest.mark.parametrize(("handler", "expected"), RESULTS.values(), ids=RESULTS)
def test_the_answer_is_what_the_handler_gives(run_node, handler, expected):
    outcome = run_node(f"exports.handler = {handler}", [event([1, "ë"]), event([1, "ë"])])

    assert outcome.results() == [expected, expected]
    assert outcome.text == ""
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert post.headers["content-type"] == "application/json"
    assert "transfer-encoding" not in post.headers


def test_after_a_callback_the_next_event_waits_for_the_empty_event_loop(run_node):
    function = """
    exports.handler = (event, context, callback) => {
      callback(null, event)
      setTimeout(() => console.log(`done with ${event}`), 20)
    }"""
    outcome = run_node(function, [event(1), event(2)])

    assert outcome.results() == [1, 2]
    assert [line.split("\t")[-1] for line in outcome.text.splitlines()] == [
        "done with 1",
        "done with 2",
    ]


def test_a_large_event_and_a_large_result_pass(run_node):
    text = "ë" * 2_000_000
    outcome = run_node("exports.handler = async (e) => e + e.length", [event(text)])
    assert outcome.results() == [f"{text}2000000"]


def test_a_result_that_is_refused_as_too_large_does_not_end_the_process(run_node):
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"
    function = "exports.handler = async () => process.pid"
    outcome = run_node(function, [event(), event()], answer=lambda exchange: refusal)

    first, second = outcome.results()
    assert first == second
    assert "Failed to post handler success response. Http response code: 413. {}" in outcome.text


def test_a_connection_that_was_closed_meanwhile_is_opened_again(run_node):
    closing = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    function = "exports.handler = async (e) => e"
    outcome = run_node(function, [event(1), event(2)], answer=lambda exchange: closing)
    assert outcome.results() == [1, 2]


def test_without_the_runtime_api_the_process_ends(run_node):
    refusal = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    outcome = run_node("exports.handler = async () => 1", [refusal])
    assert outcome.status == 1
    assert outcome.text.startswith("Error: The Runtime API gave no event, but status 500\n")


# Errors

ERRORS = {
    "thrown": ("async () => { throw new TypeError('no') }", "TypeError", "no"),
    "thrown before any promise": ("() => { throw new TypeError('no') }", "TypeError", "no"),
    "of a callback": ("(e, c, done) => { done(new RangeError('no')) }", "RangeError", "no"),
    "of context.fail": ("(e, c) => { c.fail(new Error('no')) }", "Error", "no"),
    "of context.done": ("(e, c) => { c.done(new Error('no')) }", "Error", "no"),
    "of context.fail without any": ("(e, c) => { c.fail() }", "string", "handled"),
    "with a name of its own": (
        "async () => { const e = new Error('no'); e.name = 'Mine'; throw e }",
        "Mine",
        "no",
    ),
    "of a class": (
        "async () => { class Mine extends Error { get name() { return 'Mine' } }"
        " throw new Mine('a\\nb') }",
        "Mine",
        "a\nb",
    ),
    "text": ("async () => { throw 'no' }", "string", "no"),
    "text by a callback": ("(e, c, done) => { done('no') }", "string", "no"),
    "a number": ("async () => { throw 5 }", "number", "5"),
    "an object": ("async () => { throw { a: 1 } }", "object", "[object Object]"),
    "nothing": ("async () => { throw undefined }", "undefined", "undefined"),
    "unreadable": (
        "async () => { throw Object.create(null) }",
        "handled",
        "The error cannot be read.",
    ),
    "hostile": (
        "async () => { const e = new Error('a');"
        " Object.defineProperty(e, 'message', { get() { throw 1 } }); throw e }",
        "handled",
        "The error cannot be read.",
    ),
    "of a result that is a circle": (
        "async () => { const a = {}; a.a = a; return a }",
        "Runtime.MarshalError",
        None,
    ),
    "of a result with a BigInt": ("async () => 1n", "Runtime.MarshalError", None),
}


@pytest.mark.parametrize(("handler", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_and_the_next_event_is_served(run_node, handler, kind, message):
    outcome = run_node(f"exports.handler = {handler}", [event(), event()])

    assert len(outcome.posts) == 2
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert post.json["errorType"] == post.headers[ERROR_TYPE] == kind
    assert message is None or post.json["errorMessage"] == message
    assert set(post.json) == {"errorType", "errorMessage", "trace"}
    (exception,) = json.loads(post.headers[CAUSE])["exceptions"]
    assert exception["type"] == kind
    lines = outcome.text.splitlines()
    assert len(lines) == 2
    assert f"\t{REQUEST_ID}\tERROR\tInvoke Error \t{{" in lines[0]


def test_an_event_that_is_no_json_is_an_error(run_node):
    outcome = run_node("exports.handler = async () => 1", [event(body=b"{")])
    assert outcome.post.json["errorType"] == "Runtime.UnmarshalError"


def test_an_error_has_its_stack_and_its_own_properties_are_logged(run_node):
    function = """exports.handler = async () => {
      throw Object.assign(new Error('Zo\\u00eb'), { code: 'E1', detail: { a: 1 } })
    }"""
    outcome = run_node(function, [event()])

    trace = outcome.post.json["trace"]
    assert trace[0] == "Error: Zoë"
    assert "app.js:2:" in trace[1]
    (exception,) = json.loads(outcome.post.headers[CAUSE])["exceptions"]
    assert exception["message"] == "Zoë"
    assert exception["stack"][0]["path"].endswith("/app.js")
    assert exception["stack"][0]["line"] == 2
    logged = json.loads(outcome.text.split("\t")[-1])
    assert logged["code"] == "E1"
    assert logged["detail"] == {"a": 1}
    assert logged["stack"] == trace


CRASHES = {
    "an exception in a timer": (
        "() => { setTimeout(() => { throw new TypeError('no') }) }",
        "TypeError",
        "no",
        "Uncaught Exception",
        129,
    ),
    "a rejection that nobody handles": (
        "async () => { Promise.reject(new Error('no')); await new Promise(setInterval) }",
        "Runtime.UnhandledPromiseRejection",
        "Error: no",
        "Unhandled Promise Rejection",
        128,
    ),
}


@pytest.mark.parametrize(
    ("handler", "kind", "message", "subject", "status"), CRASHES.values(), ids=CRASHES
)
def test_what_nobody_catches_fails_the_invocation_and_ends_the_process(
    run_node, handler, kind, message, subject, status
):
    outcome = run_node(f"exports.handler = {handler}", [event(), event()])

    assert outcome.post.path.endswith("/error")
    assert outcome.post.json["errorType"] == outcome.post.headers[ERROR_TYPE] == kind
    assert outcome.post.json["errorMessage"] == message
    assert outcome.status == status
    assert f"\tERROR\t{subject} \t{{" in outcome.text


def test_a_crash_after_the_answer_takes_nothing_back(run_node):
    function = """exports.handler = (event, context, callback) => {
      callback(null, 'kept')
      setTimeout(() => { throw new Error('late') }, 20)
    }"""
    outcome = run_node(function, [event(), event()])
    assert outcome.results() == ["kept"]
    assert len(outcome.posts) == 1
    assert outcome.status == 129


def test_an_exit_of_the_function_is_the_end(run_node):
    outcome = run_node("exports.handler = async () => process.exit(7)", [event()])
    assert outcome.posts == []
    assert outcome.status == 7


# Handlers

ANSWER = "async () => 'found'"
HANDLERS = {
    "CommonJS": ({"app.js": f"exports.handler = {ANSWER}"}, "app.handler"),
    "an ES module": ({"app.mjs": f"export const handler = {ANSWER}"}, "app.handler"),
    "an ES module by its package": (
        {"app.js": f"export const handler = {ANSWER}", "package.json": '{"type": "module"}'},
        "app.handler",
    ),
    "CommonJS beside ES modules": (
        {"app.cjs": f"exports.handler = {ANSWER}", "package.json": '{"type": "module"}'},
        "app.handler",
    ),
    "the nearest package counts": (
        {
            "package.json": '{"type": "module"}',
            "dir/package.json": "{}",
            "dir/app.js": f"exports.handler = {ANSWER}",
        },
        "dir/app.handler",
    ),
    "top-level await": (
        {
            "app.mjs": "const text = await new Promise((r) => setTimeout(r, 5, 'found'));"
            "export const handler = async () => text"
        },
        "app.handler",
    ),
    "a directory": ({"a/b/app.js": f"exports.handler = {ANSWER}"}, "a/b/app.handler"),
    "nested exports": ({"app.js": f"exports.a = {{ b: {ANSWER} }}"}, "app.a.b"),
    "a default export": ({"app.mjs": f"export default {ANSWER}"}, "app.default"),
    "a package of the function": (
        {"node_modules/p/index.js": f"exports.handler = {ANSWER}"},
        "p.handler",
    ),
}


@pytest.mark.parametrize(("files", "handler"), HANDLERS.values(), ids=HANDLERS)
def test_a_handler_is_found(run_node, files, handler):
    assert run_node(files, [event()], handler=handler).results() == ["found"]


OF_INIT = {
    "no such file": (
        {"other.js": ""},
        "app.handler",
        "Runtime.ImportModuleError",
        "Error: Cannot find module 'app'\nRequire stack:\n- ",
    ),
    "a module that is missing": (
        {"app.js": "require('nowhere')"},
        "app.handler",
        "Runtime.ImportModuleError",
        "Error: Cannot find module 'nowhere'\nRequire stack:\n- ",
    ),
    "a module that is missing for an ES module": (
        {"app.mjs": "import 'nowhere'"},
        "app.handler",
        "Error",
        "Cannot find package 'nowhere' imported from ",
    ),
    "no such export": (
        {"app.js": ""},
        "app.handler",
        "Runtime.HandlerNotFound",
        "app.handler is undefined or not exported",
    ),
    "no function": (
        {"app.js": "exports.handler = 5"},
        "app.handler",
        "Runtime.HandlerNotFound",
        "app.handler is not a function",
    ),
    "no dot": ({"app.js": ""}, "app", "Runtime.MalformedHandlerName", "Bad handler"),
    "no name": ({"app.js": ""}, "", "Runtime.MalformedHandlerName", "Bad handler"),
    "dots in a row": ({"app.js": ""}, "../app.handler", "Runtime.MalformedHandlerName", "'../app"),
    "bad syntax": (
        {"app.js": "exports.handler = ("},
        "app.handler",
        "Runtime.UserCodeSyntaxError",
        "SyntaxError: Unexpected",
    ),
    "bad syntax in an ES module": (
        {"app.mjs": "export const = 1"},
        "app.handler",
        "Runtime.UserCodeSyntaxError",
        "SyntaxError: Unexpected",
    ),
    "an error of the module": (
        {"app.js": "throw new RangeError('no')"},
        "app.handler",
        "RangeError",
        "no",
    ),
    "text that is thrown": ({"app.js": "throw 'no'"}, "app.handler", "string", "no"),
}


@pytest.mark.parametrize(("files", "handler", "kind", "message"), OF_INIT.values(), ids=OF_INIT)
def test_a_function_that_does_not_load_is_an_error_of_init(run_node, files, handler, kind, message):
    outcome = run_node(files, [event()], handler=handler)

    (post,) = outcome.exchanges
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.json["errorType"] == post.headers[ERROR_TYPE] == kind
    assert post.json["errorMessage"].startswith(message)
    assert outcome.status == 1
    warning, error = outcome.text.splitlines()
    assert "\tundefined\tWARN\tLAMBDA_WARNING: Unhandled exception." in warning
    assert "\tundefined\tERROR\tUncaught Exception \t{" in error


def test_an_exception_while_the_module_loads_is_an_error_of_init(run_node):
    function = (
        "setTimeout(() => { throw new Error('no') }); await new Promise((r) => setTimeout(r, 9))"
    )
    outcome = run_node({"app.mjs": function})
    assert outcome.post.path == "/2018-06-01/runtime/init/error"
    assert outcome.status == 129


def test_a_module_that_waits_for_nothing_ends_the_process(run_node):
    outcome = run_node({"app.mjs": "await new Promise(() => {})"})
    assert outcome.exchanges == []
    assert outcome.status == 13


# The context


def test_the_context_tells_about_the_invocation(run_node):
    function = """exports.handler = async (event, context) => ({
      ...context, remaining: context.getRemainingTimeInMillis(),
      trace: process.env._X_AMZN_TRACE_ID ?? 'none',
    })"""
    fields = {
        "Lambda_Runtime_Client_Context": '{"custom": {"a": "\\u00eb"}}',
        "Lambda_Runtime_Cognito_Identity": '{"cognitoIdentityId": "i"}',
        "Lambda_Runtime_Aws_Tenant_Id": "t",
    }
    bare = event(Lambda_Runtime_Trace_Id=None)
    full, second = run_node(function, [event(**fields), bare]).results()

    assert full.pop("remaining") > 1_000_000
    assert full == {
        "callbackWaitsForEmptyEventLoop": True,
        "functionName": "f",
        "functionVersion": "$LATEST",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/f",
        "logStreamName": "2026/01/01/[$LATEST]0123",
        "clientContext": {"custom": {"a": "ë"}},
        "identity": {"cognitoIdentityId": "i"},
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "awsRequestId": REQUEST_ID,
        "tenantId": "t",
        "trace": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
    }
    assert second["trace"] == "none"
    assert not {"clientContext", "identity", "tenantId"} & set(second)
