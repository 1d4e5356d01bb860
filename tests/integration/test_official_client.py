"""As a developer I bring AWS's own runtime interface client, and it runs here unchanged.

It is what AWS's Python images run: its native part speaks to the Runtime API through libcurl, its
init errors come from `http.client`. `make setup` installs it, at the version that is pinned in
tests/functions/official_client.
"""

from __future__ import annotations

import base64
import functools
import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.packages import directory_files, make_zip, zoo_files
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

INSTALLED = Path(sys.prefix) / "official_client"
REQUEST_LIMIT = 6_291_456
RESPONSE_LIMIT = 6_291_556


@functools.cache
def package(handler: str | None = None) -> bytes:
    """The member of the zoo and its client; `handler` replaces the text of its module."""
    assert (INSTALLED / "awslambdaric").is_dir(), "run make setup"
    files: dict[str, str | bytes] = {**directory_files(INSTALLED), **zoo_files("official_client")}
    if handler is not None:
        files["app.py"] = handler
    return make_zip(files, programs=["bootstrap"])


@pytest.fixture
def make_official(make_function: MakeFunction) -> MakeFunction:
    """Deploy a function that AWS's client runs."""

    def make(handler: str | None = None, **settings: Any) -> DeployedFunction:
        wrapper = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bootstrap"}}
        options = {"Timeout": 30, "Environment": wrapper, **settings}
        return make_function(package=package(handler), **options)

    return make


@on_both
def test_events_come_back_whatever_is_in_them(make_official: MakeFunction) -> None:
    function = make_official()
    events: list[Any] = [
        {"a": [1, 2.5, None, True]}, [], "", "text", 0, None, {}, {"ключ": "значение 🙂"},
        "".join(map(chr, range(256))), "\u2028\ufeff\x00\x7f",
    ]  # fmt: skip
    for event in events:
        for payload in (json.dumps(event), json.dumps(event, ensure_ascii=False)):
            answer = function.invoke(payload=payload.encode())
            assert answer.error is None, str(answer)
            assert answer.value == event


@on_both
def test_bytes_in_base64_come_back_as_they_were(make_official: MakeFunction) -> None:
    content = bytes(range(256)) * 400
    assert base64.b64decode(make_official().call(base64.b64encode(content).decode())) == content


@on_both
def test_the_context_is_right(make_official: MakeFunction) -> None:
    # Given
    function = make_official(MemorySize=256, Timeout=17)
    client_context = base64.b64encode(json.dumps({"custom": {"k": "välue"}}).encode()).decode()
    # When
    answer = function.invoke({"action": "describe"}, ClientContext=client_context)
    # Then it is AWS's client that tells, and nothing of our runtime runs beside it
    told = answer.value
    task = told.pop("task")
    assert told.pop("client") == f"{task}/awslambdaric/__init__.py"
    assert told.pop("native").startswith(f"{task}/runtime_client.cpython-")
    assert 10_000 < told.pop("remaining_time_in_millis") <= 17_000
    assert "[$LATEST]" in told.pop("log_stream_name")
    assert told.pop("trace_id").startswith("Root=1-")
    assert told == {
        "aws_request_id": answer.request_id,
        "invoked_function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}",
        "function_name": function.name,
        "function_version": "$LATEST",
        "log_group_name": function.log_group,
        "memory_limit_in_mb": "256",
        "cognito_identity_id": None,
        "client_context": {"k": "välue"},
        "runtime": [],
    }
    assert uuid.UUID(answer.request_id)


@on_both
def test_one_process_serves_one_event_after_the_other(make_official: MakeFunction) -> None:
    function = make_official()
    answers = [function.invoke({"action": "count"}) for _ in range(20)]
    assert [answer.value["count"] for answer in answers] == list(range(1, 21))
    assert len({answer.value["process"] for answer in answers}) == 1
    assert [answer.is_cold for answer in answers] == [True] + 19 * [False]


@on_both
def test_what_it_prints_and_logs_is_in_the_log(make_official: MakeFunction) -> None:
    answer = make_official().invoke({"action": "say", "text": "hellö"})
    assert answer.error is None, str(answer)
    assert "hellö" in answer.lines
    assert "hellö (error)" in answer.lines
    (logged,) = [line for line in answer.lines if line.startswith("[WARNING]")]
    assert logged.split("\t")[2:] == [answer.request_id, "hellö (logged)"]


@on_both
def test_an_exception_is_a_function_error_and_leaves_it_warm(make_official: MakeFunction) -> None:
    # Given
    function = make_official()
    # When
    answer = function.invoke({"action": "fail", "message": "bad 🙂"})
    # Then
    assert answer.error == "Unhandled"
    error = answer.value
    assert error.pop("stackTrace")[-1].endswith(
        'raise CustomError(event.get("message", "") * event.get("times", 1))\n'
    )
    assert error == {
        "errorType": "CustomError",
        "errorMessage": "bad 🙂",
        "requestId": answer.request_id,
    }
    assert answer.report["Status"] == "error"
    assert any(line.startswith("[ERROR] CustomError: bad 🙂") for line in answer.lines)
    assert function.call({"action": "count"})["count"] == 2


@pytest.mark.root
@pytest.mark.parametrize("size", [100_000, 1_040_000, 2_000_000])
def test_an_exception_may_say_much(make_official: MakeFunction, size: int) -> None:
    """The client repeats it in a header, as long as that stays below 1 MiB."""
    function = make_official()
    answer = function.invoke({"action": "fail", "message": "x", "times": size})
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "CustomError", str(answer)
    assert len(answer.value["errorMessage"]) == size
    assert function.call({"action": "count"})["count"] == 2


@pytest.mark.root
@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        (
            "import no_such_module",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'no_such_module'",
        ),
        ("handle = None", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("raise ValueError('at init')", "ValueError", "at init"),
    ],
)
def test_a_module_that_does_not_load_is_an_init_error(
    make_official: MakeFunction, source: str, error_type: str, message: str
) -> None:
    answer = make_official(source).invoke()
    assert answer.error == "Unhandled", str(answer)
    error = answer.value
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)
    assert any(line.startswith(f"[ERROR] {error_type}: {message}") for line in answer.lines)
    init = [line for line in answer.lines if line.startswith("INIT_REPORT")]
    assert len(init) == 2
    assert all("Status: error" in line for line in init)


@pytest.mark.root
def test_events_and_results_of_five_megabytes_come_whole(make_official: MakeFunction) -> None:
    function = make_official(MemorySize=1024)
    # The client writes six bytes for a ü on some versions of Python, and two on others.
    for event in ("x" * 5_000_000, ["y" * 1_000] * 5_000, "ü" * 900_000):
        answer = function.invoke(event)
        assert answer.error is None, str(answer)
        assert answer.value == event


@pytest.mark.root
def test_the_largest_event_and_the_largest_result_fit(make_official: MakeFunction) -> None:
    function = make_official(MemorySize=1024)
    event = "x" * (REQUEST_LIMIT - 2)
    assert function.call(event) == event
    assert len(function.invoke({"action": "fill", "size": RESPONSE_LIMIT}).payload) == (
        RESPONSE_LIMIT
    )
    assert function.call({"action": "count"})["count"] == 3


@pytest.mark.root
@pytest.mark.parametrize("size", [RESPONSE_LIMIT + 1, 20_000_000])
def test_a_result_that_is_too_large_is_the_documented_error(
    make_official: MakeFunction, size: int
) -> None:
    # Given
    function = make_official(MemorySize=1024)
    # When
    answer = function.invoke({"action": "fill", "size": size})
    # Then
    assert answer.error == "Unhandled", str(answer)
    assert answer.value == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({RESPONSE_LIMIT} bytes).",
    }
    # And the client, which gives up when it is told, is followed by another
    assert function.call({"action": "count"})["count"] == 1
