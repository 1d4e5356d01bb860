"""The contract that holds on every interpreter."""

from __future__ import annotations

import re

from scripted_api import REQUEST_ID, event

COUNTING = """
import logging
count = 0
def handler(event, context):
    global count
    count += 1
    print("count", count)
    logging.warning("logged")
    return {"event": event, "count": count, "id": context.aws_request_id}
"""


def test_events_become_responses_in_one_warm_process(interpreter, run):
    outcome = run(COUNTING, [event({"a": [1, None]}), event("two")], python=interpreter[1])

    assert outcome.results() == [
        {"event": {"a": [1, None]}, "count": 1, "id": REQUEST_ID},
        {"event": "two", "count": 2, "id": REQUEST_ID},
    ]
    assert [exchange.path for exchange in outcome.exchanges] == [
        "/2018-06-01/runtime/invocation/next",
        f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response",
        "/2018-06-01/runtime/invocation/next",
        f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response",
        "/2018-06-01/runtime/invocation/next",
    ]
    assert {post.headers["content-type"] for post in outcome.posts} == {"application/json"}
    line = rf"\[WARNING\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{REQUEST_ID}\tlogged"
    assert re.fullmatch(rf"count 1\n{line}\ncount 2\n{line}\n", outcome.text)


def test_an_exception_is_reported_with_a_stack_trace_of_the_function_alone(interpreter, run):
    function = (
        'def handler(event, context):\n    return inner()\ndef inner():\n    return {}["x"]\n'
    )

    outcome = run(function, [event()], python=interpreter[1])

    path = f"{outcome.post.json['stackTrace'][0].split(chr(34))[1]}"
    assert path.endswith("/task/app.py")
    assert outcome.post.path.endswith(f"/{REQUEST_ID}/error")
    assert outcome.post.headers["lambda-runtime-function-error-type"] == "KeyError"
    assert outcome.post.json == {
        "errorMessage": "'x'",
        "errorType": "KeyError",
        "requestId": REQUEST_ID,
        "stackTrace": [
            f'  File "{path}", line 2, in handler\n    return inner()\n',
            f'  File "{path}", line 4, in inner\n    return {{}}["x"]\n',
        ],
    }
    assert outcome.text == (
        "[ERROR] KeyError: 'x'\rTraceback (most recent call last):\r"
        f'\xa0\xa0File "{path}", line 2, in handler\r\xa0\xa0\xa0\xa0return inner()\r'
        f'\xa0\xa0File "{path}", line 4, in inner\r\xa0\xa0\xa0\xa0return {{}}["x"]\n'
    )


def test_a_module_that_is_missing_ends_the_process_with_an_init_error(interpreter, run):
    outcome = run("import no_such_module\n", python=interpreter[1])

    assert outcome.status == 1
    assert outcome.post.path == "/2018-06-01/runtime/init/error"
    assert outcome.post.headers["lambda-runtime-function-error-type"] == (
        "Runtime.ImportModuleError"
    )
    assert outcome.post.json == {
        "errorMessage": "Unable to import module 'app': No module named 'no_such_module'",
        "errorType": "Runtime.ImportModuleError",
        "requestId": "",
        "stackTrace": [],
    }
    warning, error = outcome.text.splitlines(keepends=False)[0], outcome.text.split("\r\n")[1]
    assert "LAMBDA_WARNING: Unhandled exception." in warning
    assert error.startswith("[ERROR] Runtime.ImportModuleError: Unable to import module 'app'")


def test_named_tuples_and_decimals_are_written_as_aws_writes_them(interpreter, run):
    function = """
import collections, decimal
Point = collections.namedtuple("Point", "x y")
def handler(event, context):
    return [Point(1, decimal.Decimal("1.10")), {"bytes": b"text", "nan": decimal.Decimal("NaN")}]
"""
    outcome = run(function, [event()], python=interpreter[1])

    assert outcome.post.body == b'[{"x": 1, "y": 1.10}, {"bytes": "text", "nan": NaN}]'
