"""What the caller gets to see of each way in which an invocation can end."""

from __future__ import annotations

import json
import os
import signal

from lambdad.environment.runtime_api import ErrorResponse, Response
from lambdad.environment.sandbox import Event, TimedOut
from lambdad.launcher.messages import Exited
from lambdad.model.invocation import FunctionError

Outcome = tuple[bytes, FunctionError | None]

# Go's words for signals, which are what AWS's messages have.
_SIGNALS = {
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
}


def describe(event: Event, request_id: str) -> Outcome:
    """The payload for the caller, and what the platform says about it."""
    match event:
        case Response():
            return event.payload, None
        case ErrorResponse():
            return event.payload, FunctionError(event.error_type)
        case TimedOut():
            message = f"Task timed out after {event.seconds:.2f} seconds"
            return _body("Sandbox.Timedout", message, request_id), FunctionError(
                "Sandbox.Timedout", "timeout"
            )
        case Exited():
            return _describe_exit(event, request_id)
    raise AssertionError(f"{event} does not end an invocation")


def _describe_exit(event: Exited, request_id: str) -> Outcome:
    body = _body("Runtime.ExitError", exit_text(event.status), request_id)
    if event.out_of_memory:
        return body, FunctionError("Runtime.OutOfMemory")
    return body, FunctionError("Runtime.ExitError")


def exit_text(status: int) -> str:
    """How AWS puts a wait status into words."""
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    try:
        name = _SIGNALS.get(signal.Signals(-code)) or signal.strsignal(-code) or str(-code)
    except ValueError:
        name = str(-code)
    return f"Runtime exited with error: signal: {name.lower()}"


def _body(error_type: str, message: str, request_id: str) -> bytes:
    text = f"RequestId: {request_id} Error: {message}"
    return json.dumps({"errorType": error_type, "errorMessage": text}).encode()
