"""What goes wrong, in the Init phase and in an invocation."""

from __future__ import annotations

import json

import pytest
from scripted_api import ACCEPTED, event


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        (
            "app",
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        ("app.nope", "Runtime.HandlerNotFound", "Handler 'nope' missing on module 'app'"),
        (
            "none.f",
            "Runtime.ImportModuleError",
            "Unable to import module 'none': No module named 'none'",
        ),
        (
            "a/b.f",
            "Runtime.ImportModuleError",
            "Unable to import module 'a/b': No module named 'a'",
        ),
        (
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        (".f", "ValueError", "Empty module name"),
    ],
)
def test_a_handler_that_is_not_there_is_an_init_error(run, handler, error_type, message):
    outcome = run("x = 1\n", handler=handler)

    assert outcome.status == 1
    assert outcome.post.path.endswith("/init/error")
    assert (outcome.post.json["errorType"], outcome.post.json["errorMessage"]) == (
        error_type,
        message,
    )


@pytest.mark.parametrize("handler", ["package/inner.f", "package.inner.f"])
def test_a_handler_may_be_in_a_directory_or_a_package(run, handler):
    outcome = run({"package/inner.py": "def f(e, c):\n    return __name__\n"}, [event()],
                  handler=handler)  # fmt: skip

    assert outcome.results() == ["package.inner"]


def test_a_syntax_error_names_file_and_line(run):
    outcome = run("x = 1\ndef f(:\n    pass\n")

    assert outcome.post.json["errorType"] == "Runtime.UserCodeSyntaxError"
    assert outcome.post.json["errorMessage"].startswith("Syntax error in module 'app': invalid")
    (trace,) = outcome.post.json["stackTrace"]
    assert trace.startswith('  File "')
    assert trace.endswith('/task/app.py" Line 2\n    def f(:\n')


def test_what_a_module_raises_while_it_is_imported_keeps_its_type(run):
    outcome = run({"app.py": "import other\n", "other.py": "raise KeyError('x')\n"})

    assert outcome.status == 1
    assert outcome.post.headers["lambda-runtime-function-error-type"] == "KeyError"
    trace = outcome.post.json["stackTrace"]
    assert "in import_module" in trace[0]
    assert trace[-2].endswith("import other\n")
    assert trace[-1].endswith("raise KeyError('x')\n")
    assert not [line for line in trace if "runtimes/python" in line]


@pytest.mark.parametrize(("code", "status"), [("5", 5), ("0", 0), ("'bye'", 1), ("", 0)])
@pytest.mark.parametrize("where", ["", "def handler(event, context):\n    "])
def test_sys_exit_ends_the_process_with_its_status(run, where, code, status):
    outcome = run(f"import sys\n{where}sys.exit({code})\n", [event()])

    assert (outcome.status, outcome.posts) == (status, [])
    assert ("bye" in outcome.text) == ("bye" in code)


def test_an_exception_that_is_no_exception_of_the_usual_kind_ends_the_process(run):
    outcome = run("def handler(e, c):\n    raise BaseException('b')\n", [event()])

    assert (outcome.status, outcome.posts) == (1, [])
    assert outcome.text.endswith("BaseException: b\n")


def test_of_a_chain_of_exceptions_the_last_is_reported(run):
    function = """
def handler(event, context):
    try:
        1 / 0
    except ZeroDivisionError as cause:
        raise ValueError("two\\nlines é") from cause
"""
    outcome = run(function, [event()])

    assert outcome.post.json["errorType"] == "ValueError"
    assert outcome.post.json["errorMessage"] == "two\nlines é"
    assert len(outcome.post.json["stackTrace"]) == 1


def test_the_x_ray_cause_of_an_error_is_one_line_of_json(run):
    outcome = run("def handler(e, c):\n    raise ValueError('a\\nb\\xe9')\n", [event()])

    cause = json.loads(outcome.post.headers["lambda-runtime-function-xray-error-cause"])
    (exception,) = cause["exceptions"]
    assert (exception["type"], exception["message"]) == ("ValueError", "a\nb\xe9")
    assert exception["stack"] == [{"label": "handler", "path": cause["paths"][0], "line": 2}]
    assert cause["working_directory"].endswith("/task")


def test_a_coroutine_function_is_no_handler(run):
    outcome = run("async def handler(e, c):\n    return 1\n", [event()])

    assert outcome.post.json["errorType"] == "Runtime.MarshalError"
    assert outcome.post.json["errorMessage"] == (
        "Unable to marshal response: Object of type coroutine is not JSON serializable"
    )


def test_the_process_goes_on_after_an_error(run):
    function = "def handler(event, context):\n    return 1 / event\n"

    outcome = run(function, [event(0), event(b"".decode()), event(2)])

    assert [post.json.get("errorType") if "error" in post.path else post.json
            for post in outcome.posts] == ["ZeroDivisionError", "TypeError", 0.5]  # fmt: skip


def test_a_client_context_that_is_not_json_is_a_fault_of_its_own(run):
    outcome = run("def handler(e, c):\n    return 1\n",
                  [event(Lambda_Runtime_Client_Context="{bad")])  # fmt: skip

    assert outcome.post.json["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert outcome.post.json["errorMessage"].startswith("Unable to parse Client Context JSON: ")


def test_a_result_that_is_refused_as_too_large_is_not_the_end(run):
    def refuse_first(exchange):
        if exchange.body == b"1":
            return b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"
        return ACCEPTED

    outcome = run("def handler(e, c):\n    return e\n", [event(1), event(2)], answer=refuse_first)

    assert outcome.results() == [1, 2]
    assert "Failed to post handler success response. Http response code: 413. {}" in outcome.text


def test_a_result_that_is_refused_for_another_reason_ends_the_process(run):
    refusal = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"

    outcome = run(
        "def handler(e, c):\n    return e\n", [event(1), event(2)], answer=lambda _: refusal
    )

    assert outcome.status == 1
    assert "RuntimeError: Failed to post invocation response" in outcome.text
