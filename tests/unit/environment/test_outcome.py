"""What the caller gets to see of each way in which an invocation can end."""

from __future__ import annotations

import json
import signal

import pytest

from lambdad.environment.outcome import describe, exit_text
from lambdad.environment.runtime_api import ErrorResponse, Response
from lambdad.environment.sandbox import Initialized, TimedOut
from lambdad.launcher.messages import Exited
from lambdad.model.invocation import FunctionError


def test_an_answer_is_passed_on_as_it_is() -> None:
    assert describe(Response(b"\xff"), "r1") == (b"\xff", None)


def test_an_error_keeps_its_body_and_its_type() -> None:
    outcome = describe(ErrorResponse(b"{}", "Runtime.Own"), "r1")
    assert outcome == (b"{}", FunctionError("Runtime.Own"))


def test_a_timeout_has_two_digits_of_seconds() -> None:
    body, error = describe(TimedOut(3), "r1")
    assert json.loads(body) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: r1 Error: Task timed out after 3.00 seconds",
    }
    assert error == FunctionError("Sandbox.Timedout", "timeout")


def test_an_exit_for_want_of_memory_looks_like_any_kill_to_the_caller() -> None:
    body, error = describe(Exited("e", 9, True, 0), "r1")
    assert json.loads(body) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: r1 Error: Runtime exited with error: signal: killed",
    }
    assert error == FunctionError("Runtime.OutOfMemory")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "Runtime exited without providing a reason"),
        (1 << 8, "Runtime exited with error: exit status 1"),
        (255 << 8, "Runtime exited with error: exit status 255"),
        (signal.SIGKILL, "Runtime exited with error: signal: killed"),
        (signal.SIGSEGV | 0x80, "Runtime exited with error: signal: segmentation fault"),
        (signal.SIGABRT | 0x80, "Runtime exited with error: signal: aborted"),
        (signal.SIGTERM, "Runtime exited with error: signal: terminated"),
        (signal.SIGPIPE, "Runtime exited with error: signal: broken pipe"),
        (40, "Runtime exited with error: signal: "),
    ],
)
def test_a_wait_status_is_put_into_words(status: int, words: str) -> None:
    assert exit_text(status).startswith(words)


def test_every_possible_wait_status_has_words() -> None:
    assert all(exit_text(number << 8) and exit_text(number & 0x7F or 1) for number in range(256)
               if number & 0x7F != 0x7F)  # fmt: skip


def test_what_ends_no_invocation_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        describe(Initialized(), "r1")
