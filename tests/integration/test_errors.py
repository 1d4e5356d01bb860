"""As a developer I see why my function failed, in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.functions import Answer, DeployedFunction
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

REQUEST_LIMIT = 6_291_456
RESPONSE_LIMIT = 6_291_556


def assert_platform_error(answer: Answer, error_type: str, message: str) -> None:
    """The caller sees what the platform, not the runtime, says of the end."""
    assert answer.error == "Unhandled", str(answer)
    assert answer.response["StatusCode"] == 200
    assert answer.value == {
        "errorType": error_type,
        "errorMessage": f"RequestId: {answer.request_id} Error: {message}",
    }, str(answer)


def assert_runtime_error(answer: Answer, error_type: str, message: str) -> dict[str, Any]:
    """The caller sees what the runtime says."""
    assert answer.error == "Unhandled", str(answer)
    found: dict[str, Any] = answer.value
    assert (found["errorType"], found["errorMessage"]) == (error_type, message), str(answer)
    return found


# The handler raises


def test_an_exception_is_told_with_its_stack_trace_as_aws_formats_it(
    make_function: MakeFunction,
) -> None:
    # Given
    source = """
def handler(event, context):
    return inner(event)


def inner(event):
    raise ValueError("bad thing: " + event["what"])
"""
    # When
    answer = make_function(source=source).invoke({"what": "ü"})
    # Then
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorMessage": "bad thing: ü",
        "errorType": "ValueError",
        "requestId": answer.request_id,
        "stackTrace": [
            '  File "/var/task/app.py", line 3, in handler\n    return inner(event)\n',
            '  File "/var/task/app.py", line 7, in inner\n'
            '    raise ValueError("bad thing: " + event["what"])\n',
        ],
    }
    assert list(answer.value) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert answer.report["Status"] == "error"


@on_both
def test_an_exception_leaves_the_environment_warm(make_function: MakeFunction) -> None:
    source = """
count = 0
def handler(event, context):
    global count
    count += 1
    if event: raise KeyError(event)
    return count
"""
    function = make_function(source=source)
    assert_runtime_error(function.invoke("key"), "KeyError", "'key'")
    assert function.call() == 2


def test_of_a_chain_of_exceptions_the_last_is_told(make_function: MakeFunction) -> None:
    answer = make_function("raise_error").invoke(
        {"type": "CustomError", "message": "outer", "chained": True}
    )
    assert_runtime_error(answer, "CustomError", "outer")


@on_both
def test_a_result_that_is_no_json_is_a_marshal_error(make_function: MakeFunction) -> None:
    error = assert_runtime_error(
        make_function("unserializable").invoke(),
        "Runtime.MarshalError",
        "Unable to marshal response: Object of type set is not JSON serializable",
    )
    assert error["stackTrace"] == []


# The module cannot be loaded


@on_both
def test_a_missing_module_is_an_import_error(make_function: MakeFunction) -> None:
    # When
    answer = make_function("import_error").invoke()
    # Then
    error = assert_runtime_error(
        answer,
        "Runtime.ImportModuleError",
        "Unable to import module 'app': No module named 'no_such_module'",
    )
    assert error["stackTrace"] == []
    init_reports = [line for line in answer.lines if line.startswith("INIT_REPORT")]
    assert [line.split("\t")[1:] for line in init_reports] == [
        ["Phase: init", "Status: error", "Error Type: Runtime.ImportModuleError"],
        ["Phase: invoke", "Status: error", "Error Type: Runtime.ImportModuleError"],
    ]
    assert any("[ERROR] Runtime.ImportModuleError" in line for line in answer.lines)


def test_a_syntax_error_is_told_with_its_place(make_function: MakeFunction) -> None:
    answer = make_function(source="def handler(event, context)\n    return event").invoke()
    assert answer.error == "Unhandled", str(answer)
    error = answer.value
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["errorMessage"].startswith("Syntax error in module 'app': ")
    assert error["errorMessage"].endswith("(app.py, line 1)")
    assert error["stackTrace"] == [
        '  File "/var/task/app.py" Line 1\n    def handler(event, context)\n'
    ]


def test_a_missing_handler_is_told_by_name(make_function: MakeFunction) -> None:
    answer = make_function("echo", Handler="app.nope").invoke()
    assert_runtime_error(
        answer, "Runtime.HandlerNotFound", "Handler 'nope' missing on module 'app'"
    )


def test_a_malformed_handler_is_told_by_name(make_function: MakeFunction) -> None:
    answer = make_function("echo", Handler="nodot").invoke()
    assert_runtime_error(
        answer,
        "Runtime.MalformedHandlerName",
        "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
    )


def test_an_exception_in_init_is_told_with_its_stack_trace(make_function: MakeFunction) -> None:
    source = "raise RuntimeError('in init')\ndef handler(e, c): return 1"
    error = assert_runtime_error(make_function(source=source).invoke(), "RuntimeError", "in init")
    assert error["stackTrace"][-1] == (
        "  File \"/var/task/app.py\", line 1, in <module>\n    raise RuntimeError('in init')\n"
    )


@on_both
def test_an_exit_in_init_is_told_with_its_status(make_function: MakeFunction) -> None:
    answer = make_function("exit_in_init").invoke()
    assert_platform_error(answer, "Runtime.ExitError", "Runtime exited with error: exit status 7")
    assert answer.lines.count("leaving in init") == 2


def test_an_init_that_failed_is_tried_anew_by_every_invocation(
    make_function: MakeFunction,
) -> None:
    function = make_function("exit_in_init")
    for answer in (function.invoke(), function.invoke()):
        assert answer.value["errorType"] == "Runtime.ExitError"
        assert "leaving in init" in answer.lines
        # All but the very first try are the invocation's own time
        assert not answer.is_cold
        assert float(answer.report["Duration"].split()[0]) > 1


# The process ends


@on_both
@pytest.mark.parametrize("status", [1, 3, 255])
def test_an_exit_is_told_with_its_status(make_function: MakeFunction, status: int) -> None:
    answer = make_function("crash").invoke({"status": status})
    assert_platform_error(
        answer, "Runtime.ExitError", f"Runtime exited with error: exit status {status}"
    )
    assert "about to crash" in answer.lines
    assert answer.report["Status"] == "error"
    assert answer.report["Error Type"] == "Runtime.ExitError"


@on_both
def test_an_exit_with_status_0_has_no_reason(make_function: MakeFunction) -> None:
    assert_platform_error(
        make_function("exit_zero").invoke(),
        "Runtime.ExitError",
        "Runtime exited without providing a reason",
    )


@on_both
def test_a_segmentation_fault_is_named(make_function: MakeFunction) -> None:
    source = "import ctypes\ndef handler(e, c): ctypes.string_at(0)"
    assert_platform_error(
        make_function(source=source).invoke(),
        "Runtime.ExitError",
        "Runtime exited with error: signal: segmentation fault",
    )


@on_both
def test_after_a_crash_the_environment_is_reset(make_function: MakeFunction) -> None:
    """Processes, and all that they remember, are new; /tmp and the log stream are the same."""
    source = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    directory = os.environ.get("TMPDIR", "/tmp")
    with open(directory + "/kept", "a") as file:
        file.write("x")
    if event: os._exit(1)
    return [count, os.path.getsize(directory + "/kept"), context.log_stream_name]
"""
    # Given
    function = make_function(source=source)
    _, _, stream = function.call()
    # When
    assert function.invoke("crash").error == "Unhandled"
    # Then
    after = function.invoke()
    assert after.value == [1, 3, stream], str(after)
    # Init is not reported, but a part of the duration
    assert not after.is_cold
    assert float(after.report["Duration"].split()[0]) > 1


def test_crashes_side_by_side_do_not_disturb_the_others(make_function: MakeFunction) -> None:
    crashing, echo = make_function("crash"), make_function("echo")
    with ThreadPoolExecutor(8) as threads:
        crashes = [threads.submit(crashing.invoke) for _ in range(10)]
        echoes = [threads.submit(echo.call, number) for number in range(50)]
        assert [future.result() for future in echoes] == list(range(50))
        errors = {future.result().value["errorType"] for future in crashes}
    assert errors == {"Runtime.ExitError"}


# Time


@on_both
def test_a_timeout_is_told_with_the_seconds(make_function: MakeFunction) -> None:
    # Given
    function = make_function("sleep", Timeout=1)
    # When
    answer = function.invoke({"seconds": 30})
    # Then
    assert_platform_error(answer, "Sandbox.Timedout", "Task timed out after 1.00 seconds")
    assert answer.report["Status"] == "timeout"
    assert "Error Type" not in answer.report
    assert 1_000 <= float(answer.report["Duration"].split()[0]) < 1_500
    # And the next one works, after another Init in the same environment
    after = function.invoke({"seconds": 0})
    assert (after.error, after.is_cold) == (None, False)


def test_what_was_printed_before_a_timeout_is_logged(make_function: MakeFunction) -> None:
    source = "import time\ndef handler(e, c):\n  print('working')\n  time.sleep(30)"
    assert "working" in make_function(source=source, Timeout=1).invoke().lines


def test_an_endless_loop_in_python_times_out(make_function: MakeFunction) -> None:
    source = "def handler(event, context):\n    while True: pass"
    answer = make_function(source=source, Timeout=1).invoke()
    assert_platform_error(answer, "Sandbox.Timedout", "Task timed out after 1.00 seconds")


# Payloads


def test_a_payload_of_six_megabytes_arrives_and_returns(make_function: MakeFunction) -> None:
    payload = json.dumps("x" * (REQUEST_LIMIT - 2)).encode()
    assert len(payload) == REQUEST_LIMIT
    assert make_function("echo").invoke(payload=payload).payload == payload


def test_a_payload_over_six_megabytes_is_refused(make_function: MakeFunction) -> None:
    function = make_function("echo")
    payload = json.dumps("x" * (REQUEST_LIMIT - 1)).encode()
    with pytest.raises(function.client.exceptions.RequestTooLargeException) as caught:
        function.invoke(payload=payload)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"]["Message"] == (
        f"{REQUEST_LIMIT + 1} byte payload is too large for the RequestResponse invocation type "
        f"(limit {REQUEST_LIMIT} bytes)"
    )


@on_both
def test_a_response_over_six_megabytes_is_a_function_error(make_function: MakeFunction) -> None:
    # Given
    function = make_function("big_response")
    # When it is just not too large
    fits = function.invoke({"size": RESPONSE_LIMIT - 2})
    assert (fits.error, len(fits.payload)) == (None, RESPONSE_LIMIT)
    # When it is too large
    answer = function.invoke({"size": RESPONSE_LIMIT - 1})
    # Then
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({RESPONSE_LIMIT} bytes).",
    }
    # And the function goes on
    assert function.invoke({"size": 1}).value == "x"


@pytest.mark.parametrize("payload", [b"value", b"{", b"{'a': 1}", b"\xff\xfe", b"NaN", b"1 2"])
def test_a_payload_that_is_no_json_is_refused(make_function: MakeFunction, payload: bytes) -> None:
    function = make_function("echo")
    with pytest.raises(function.client.exceptions.InvalidRequestContentException) as caught:
        function.invoke(payload=payload)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Message"].startswith("Could not parse request body into json: ")


def test_a_payload_that_is_no_json_is_explained_as_on_aws(make_function: MakeFunction) -> None:
    function = make_function("echo")
    with pytest.raises(function.client.exceptions.InvalidRequestContentException) as caught:
        function.invoke(payload=b"value")
    message = caught.value.response["Error"]["Message"]
    assert message.startswith(
        "Could not parse request body into json: Unrecognized token 'value': "
        "was expecting ('true', 'false' or 'null')\n at [Source: (byte[])\"value\"; line: 1,"
    )
