"""However a process ends, its invocation says so, and the function serves the next one."""

from __future__ import annotations

import pytest
from language import OUT_OF_MEMORY, Language

from support.functions import Answer, DeployedFunction
from support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.root]


def assert_it_ended(answer: Answer, error_type: str, words: str) -> None:
    assert answer.error == "Unhandled", str(answer)
    message = f"RequestId: {answer.request_id} Error: {words}"
    assert (answer.value["errorType"], answer.value["errorMessage"]) == (error_type, message)


def assert_it_serves(function: DeployedFunction) -> None:
    assert function.call({"do": "echo", "value": "again"}) == "again"


def test_one_that_takes_too_long_times_out(brief_function: DeployedFunction) -> None:
    answer = brief_function.invoke({"do": "sleep", "ms": 60_000})
    assert_it_ended(answer, "Sandbox.Timedout", "Task timed out after 2.00 seconds")
    assert answer.report["Status"] == "timeout"
    assert_it_serves(brief_function)


def test_one_that_takes_too_much_memory_is_refused_it(
    function: DeployedFunction, language: Language
) -> None:
    answer = function.invoke({"do": "allocate", "mb": 1024})
    if language.out_of_memory == OUT_OF_MEMORY:
        words = "Runtime exited with error: signal: killed"
        assert_it_ended(answer, "Runtime.ExitError", words)
        assert answer.report["Error Type"] == OUT_OF_MEMORY
    else:
        assert answer.value["errorType"] == language.out_of_memory, str(answer)
    assert_it_serves(function)


def test_one_that_exits_tells_its_status(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "exit", "status": 7})
    assert_it_ended(answer, "Runtime.ExitError", "Runtime exited with error: exit status 7")
    assert answer.report["Error Type"] == "Runtime.ExitError"
    assert_it_serves(function)


def test_one_that_is_told_to_end_may_say_goodbye(function: DeployedFunction) -> None:
    # Given
    assert function.call({"do": "sigterm"}) == "ready"
    # When
    answer = function.invoke({"do": "child", "command": "kill -TERM $PPID; sleep 2"})
    # Then
    assert answer.value["errorType"] == "Runtime.ExitError", str(answer)
    wait_until(lambda: any("goodbye" in line for line in function.log_messages()), "goodbye")
    assert_it_serves(function)
