"""The Runtime API of one execution environment, as AWS documents it (version 2018-06-01).

GET  /runtime/invocation/next            waits for an event
POST /runtime/invocation/{id}/response   the function's answer
POST /runtime/invocation/{id}/error      the function's failure
POST /runtime/init/error                 the function could not be loaded
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from lambdad.environment.http import Request
from lambdad.model import limits
from lambdad.model.invocation import Invocation

_PREFIX = "/2018-06-01/runtime/"
_NEXT = _PREFIX + "invocation/next"
_INIT_ERROR = _PREFIX + "init/error"
_INVOCATION = _PREFIX + "invocation/"
_OK = b'{"status":"OK"}\n'
_PLATFORM_ERROR_TYPE = re.compile(r"^(Runtime|Function)\.[A-Z][a-zA-Z]+$")
_TOO_LARGE = f"Exceeded maximum allowed payload size ({limits.RESPONSE_PAYLOAD} bytes)."


@dataclass(frozen=True, slots=True)
class Response:
    """What the runtime sent to `response`."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What the runtime sent to one of the error calls."""

    payload: bytes
    error_type: str


Answer = Response | ErrorResponse


class RuntimeApi:
    """The state of the API: at most one event is out, at most one `next` waits.

    `on_next` is called when the runtime asks for its first event, that is, when Init is over.
    `on_init_error` gets what it sent instead. `on_answer` gets the outcome of the event that is
    out.
    """

    max_body = limits.RESPONSE_PAYLOAD

    def __init__(
        self,
        *,
        on_next: Callable[[], None],
        on_init_error: Callable[[ErrorResponse], None],
        on_answer: Callable[[Answer], None],
    ) -> None:
        self._on_next = on_next
        self._on_init_error = on_init_error
        self._on_answer = on_answer
        self._is_initialized = False
        self._waiting: Request | None = None
        self._queued: tuple[bytes, str] | None = None
        self._out: str | None = None

    @property
    def is_handed_over(self) -> bool:
        """Whether the runtime has the event that was last delivered."""
        return self._queued is None

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand the event to the runtime, as soon as it asks."""
        headers = _event_headers(invocation, deadline_ms)
        self._out = invocation.request_id
        if self._waiting is not None:
            request, self._waiting = self._waiting, None
            request.answer(200, invocation.payload, headers)
        else:
            self._queued = (invocation.payload, headers)

    # Routes

    def handle(self, request: Request) -> None:
        """Answer one request of the sandbox."""
        path = request.path.partition("?")[0]
        if path == _NEXT and request.method == "GET":
            self._next(request)
        elif request.method != "POST" or not path.startswith(_PREFIX):
            _refuse(request, 404, "NotFound", f"There is no {request.method} {path[:200]} here.")
        elif path == _INIT_ERROR:
            self._init_error(request)
        else:
            self._outcome(request, path)

    def lost(self, request: Request | None) -> None:
        """A connection ended; a `next` that waited on it waits no more."""
        if request is not None and request is self._waiting:
            self._waiting = None

    def _next(self, request: Request) -> None:
        if self._waiting is not None:
            _refuse(request, 403, "InvalidStateTransition", "A call of next is waiting already.")
        elif self._queued is not None:
            (payload, headers), self._queued = self._queued, None
            request.answer(200, payload, headers)
        elif self._out is not None:
            _refuse(request, 403, "InvalidStateTransition", "The last event has no answer yet.")
        else:
            self._waiting = request
            if not self._is_initialized:
                self._is_initialized = True
                self._on_next()

    def _init_error(self, request: Request) -> None:
        if self._is_initialized:
            _refuse(request, 403, "InvalidStateTransition", "Init is over.")
            return
        self._is_initialized = True
        error = _error_response(request)
        request.answer(202, _OK)
        self._on_init_error(error)

    def _outcome(self, request: Request, path: str) -> None:
        request_id, _, kind = path[len(_INVOCATION) :].partition("/")
        if not path.startswith(_INVOCATION) or kind not in ("response", "error"):
            _refuse(request, 404, "NotFound", f"There is no POST {path[:200]} here.")
        elif self._out is None or self._queued is not None:
            _refuse(request, 403, "InvalidStateTransition", "No event is waiting for an answer.")
        elif request_id != self._out:
            _refuse(request, 400, "InvalidRequestID", "Invalid request ID")
        elif request.is_too_large:
            self._finish(_too_large())
            _refuse(request, 413, "RequestEntityTooLarge", _TOO_LARGE)
        else:
            answer = Response(request.body) if kind == "response" else _error_response(request)
            # The next event may be delivered before the runtime asks, so this goes first.
            request.answer(202, _OK)
            self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        self._out = None
        self._on_answer(answer)


def _event_headers(invocation: Invocation, deadline_ms: int) -> str:
    headers = (
        f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_arn}\r\n"
        f"Lambda-Runtime-Trace-Id: {invocation.trace_id}\r\n"
    )
    if invocation.client_context:
        headers += f"Lambda-Runtime-Client-Context: {_one_line(invocation.client_context)}\r\n"
    if invocation.tenant_id:
        headers += f"Lambda-Runtime-Aws-Tenant-Id: {invocation.tenant_id}\r\n"
    return headers


def _one_line(json_text: str) -> str:
    """JSON as a header can carry it: line breaks mean nothing in it outside of strings, where
    they cannot stand, and everything beyond ASCII can be escaped."""
    escaped = "".join(c if ord(c) < 128 else json.dumps(c)[1:-1] for c in json_text)
    return escaped.replace("\r", " ").replace("\n", " ")


def _error_response(request: Request) -> ErrorResponse:
    declared = request.headers.get("lambda-runtime-function-error-type", "")
    if not _PLATFORM_ERROR_TYPE.match(declared):
        declared = "Function.Unknown" if declared.startswith("Function.") else "Runtime.Unknown"
    return ErrorResponse(request.body, declared)


def _too_large() -> ErrorResponse:
    error_type = "Function.ResponseSizeTooLarge"
    message = (
        "Response payload size exceeded maximum allowed payload size "
        f"({limits.RESPONSE_PAYLOAD} bytes)."
    )
    body = {"errorType": error_type, "errorMessage": message}
    return ErrorResponse(json.dumps(body).encode(), error_type)


def _refuse(request: Request, status: int, error_type: str, message: str) -> None:
    body = json.dumps({"errorMessage": message, "errorType": error_type})
    request.answer(status, body.encode())
