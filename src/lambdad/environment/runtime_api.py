"""The Runtime API of one execution environment, as AWS documents it (version 2018-06-01).

GET  /runtime/invocation/next            waits for an event
POST /runtime/invocation/{id}/response   the function's answer
POST /runtime/invocation/{id}/error      the function's failure
POST /runtime/init/error                 the function could not be loaded

A response may be streamed: its head says so, and the body goes to who reads it while it comes. How
it ended, trailers tell.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from lambdad.environment.http import Request
from lambdad.model import limits
from lambdad.model.invocation import Invocation
from lambdad.model.response_stream import ResponseStream

_PREFIX = "/2018-06-01/runtime/"
_NEXT = _PREFIX + "invocation/next"
_INIT_ERROR = _PREFIX + "init/error"
_INVOCATION = _PREFIX + "invocation/"
_OK = b'{"status":"OK"}\n'
_PLATFORM_ERROR_TYPE = re.compile(r"^(Runtime|Function)\.[A-Z][a-zA-Z]+$")
_RESPONSE_MODE = b"lambda-runtime-function-response-mode"
_STREAMING = "streaming"
_ERROR_TYPE = "lambda-runtime-function-error-type"
_ERROR_BODY = "lambda-runtime-function-error-body"
_INVALID_MODE = f"The response mode may be {_STREAMING}, and nothing else."


@dataclass(frozen=True, slots=True)
class Response:
    """What the runtime sent to `response`; nothing when it went into a stream."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What the runtime sent to one of the error calls."""

    payload: bytes
    error_type: str


Answer = Response | ErrorResponse


@dataclass(slots=True)
class _Event:
    """The event that is out: waiting to be taken by a `next`, or with the runtime."""

    request_id: str
    payload: bytes
    headers: str
    stream: ResponseStream | None
    is_taken: bool = False
    writer: Request | None = None  # of its response, once that streams
    is_broken_off: bool = False  # it will write no more, though it was not at its end

    def may_be_answered_by(self, request: Request, kind: str) -> bool:
        """Once a response streams, it is the answer; where it broke off, an error may follow."""
        if self.writer is None or request is self.writer:
            return True
        return self.is_broken_off and kind == "error"


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
        self._event: _Event | None = None

    @property
    def is_handed_over(self) -> bool:
        """Whether the runtime has the event that was last delivered."""
        return self._event is None or self._event.is_taken

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand the event to the runtime, as soon as it asks."""
        self._event = _Event(
            invocation.request_id,
            invocation.payload,
            _event_headers(invocation, deadline_ms),
            invocation.stream,
        )
        if self._waiting is not None:
            request, self._waiting = self._waiting, None
            self._hand_over(self._event, request)

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

    def open_stream(self, request: Request) -> ResponseStream | None:
        """Where the body goes of a response that streams, if somebody reads it as it comes."""
        event = self._event
        if event is None or event.stream is None or event.stream.has_begun or not event.is_taken:
            return None
        if request.header(_RESPONSE_MODE) != _STREAMING or request.method != "POST":
            return None
        if request.path.partition("?")[0] != f"{_INVOCATION}{event.request_id}/response":
            return None
        event.writer = request
        event.stream.begin(request.header(b"content-type"), lambda: self._overflow(request))
        return event.stream

    def lost(self, request: Request | None) -> None:
        """A connection ended; a `next` that waited on it waits no more. A response that broke off
        is no outcome yet: perhaps its process has crashed."""
        if request is None:
            return
        if request is self._waiting:
            self._waiting = None
        if self._event is not None and request is self._event.writer:
            self._event.is_broken_off = True

    def _overflow(self, request: Request) -> None:
        self._finish(_too_large(limits.STREAMED_RESPONSE))
        request.cut_off()
        _refuse_too_large(request, limits.STREAMED_RESPONSE)

    def _next(self, request: Request) -> None:
        if self._waiting is not None:
            _refuse(request, 403, "InvalidStateTransition", "A call of next is waiting already.")
        elif self._event is not None and not self._event.is_taken:
            self._hand_over(self._event, request)
        elif self._event is not None and not self._event.is_broken_off:
            _refuse(request, 403, "InvalidStateTransition", "The last event has no answer yet.")
        else:
            if self._event is not None:
                self._finish(_truncated())
            self._waiting = request
            if not self._is_initialized:
                self._is_initialized = True
                self._on_next()

    def _hand_over(self, event: _Event, request: Request) -> None:
        event.is_taken = True
        payload, event.payload = event.payload, b""
        request.answer(200, payload, event.headers)

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
        event = self._event
        if not path.startswith(_INVOCATION) or kind not in ("response", "error"):
            _refuse(request, 404, "NotFound", f"There is no POST {path[:200]} here.")
        elif event is None or not event.is_taken:
            _refuse(request, 403, "InvalidStateTransition", "No event is waiting for an answer.")
        elif request_id != event.request_id:
            _refuse(request, 400, "InvalidRequestID", "Invalid request ID")
        elif not event.may_be_answered_by(request, kind):
            _refuse(request, 403, "InvalidStateTransition", "The response has begun already.")
        elif request.is_too_large:
            self._finish(_too_large(limits.RESPONSE_PAYLOAD))
            _refuse_too_large(request, limits.RESPONSE_PAYLOAD)
        elif request.header(_RESPONSE_MODE) not in ("", _STREAMING):
            self._finish(_invalid_mode())
            _refuse(request, 400, "InvalidFunctionResponseMode", _INVALID_MODE)
        else:
            answer = _error_response(request) if kind == "error" else _response(request)
            # The next event may be delivered before the runtime asks, so this goes first.
            request.answer(202, _OK)
            self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        self._event = None
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


def _response(request: Request) -> Answer:
    """What the runtime answered; the trailers of one that streamed may tell that it failed."""
    trailers = request.trailers
    if _ERROR_TYPE not in trailers and _ERROR_BODY not in trailers:
        return Response(request.body)
    declared = trailers.get(_ERROR_TYPE, "")
    encoded = trailers.get(_ERROR_BODY, "")
    try:
        body = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        body = encoded.encode("latin-1")
    if not body:
        return _failure(declared, "The response ended with an error.", _platform_type(declared))
    return ErrorResponse(body, _platform_type(declared))


def _error_response(request: Request) -> ErrorResponse:
    return ErrorResponse(request.body, _platform_type(request.headers.get(_ERROR_TYPE, "")))


def _platform_type(declared: str) -> str:
    if _PLATFORM_ERROR_TYPE.match(declared):
        return declared
    return "Function.Unknown" if declared.startswith("Function.") else "Runtime.Unknown"


def _too_large(limit: int) -> ErrorResponse:
    return _failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({limit} bytes).",
    )


def _truncated() -> ErrorResponse:
    return _failure("Runtime.TruncatedResponse", "The response ended before it was complete.")


def _invalid_mode() -> ErrorResponse:
    return _failure("Runtime.InvalidResponseModeHeader", _INVALID_MODE)


def _failure(error_type: str, message: str, platform_type: str = "") -> ErrorResponse:
    """A failure of which the runtime has not sent a body."""
    body = {"errorType": error_type, "errorMessage": message}
    return ErrorResponse(json.dumps(body).encode(), platform_type or error_type)


def _refuse_too_large(request: Request, limit: int) -> None:
    message = f"Exceeded maximum allowed payload size ({limit} bytes)."
    _refuse(request, 413, "RequestEntityTooLarge", message)


def _refuse(request: Request, status: int, error_type: str, message: str) -> None:
    body = json.dumps({"errorMessage": message, "errorType": error_type})
    request.answer(status, body.encode())
