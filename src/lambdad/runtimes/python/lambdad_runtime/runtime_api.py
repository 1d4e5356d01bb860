"""The Runtime API, as a runtime sees it.

A result is sent without waiting for its acknowledgement: the request for the next event follows
in the same breath, and both answers are read then. That saves a turn to the server and back on
every invocation. The server answers requests of one connection in their order.
"""

from __future__ import annotations

import json
import sys
import time
from base64 import b64encode
from typing import Any, Dict, NamedTuple, Optional, Type

from lambdad_runtime.connection import Answer, Connection

_VERSION = "/2018-06-01"
_PIPELINE_LIMIT = 65536
_TOO_LARGE = 413
_TYPE = "Lambda-Runtime-Function-Error-Type"
_BODY = "Lambda-Runtime-Function-Error-Body"
_STREAMING = "streaming"
_LAST_CHUNK = b"0\r\n"


class InvocationRequest(NamedTuple):
    """One event, as `next` hands it out."""

    invoke_id: str
    trace_id: str
    invoked_function_arn: str
    deadline_ms: int
    client_context: Optional[str]
    cognito_identity: Optional[str]
    tenant_id: Optional[str]
    content_type: str
    event_body: bytes


class LambdaRuntimeClient:
    """Speaks to the Runtime API at `address`; used by one thread."""

    def __init__(self, address: str, connect: Type[Connection] = Connection) -> None:
        self._connection = connect(address)
        self._unsent = b""
        self._unanswered = ""  # what the answer that is still to come is about
        self._is_cut_off = False  # nobody takes the rest of the response that is being written
        self._host = f" HTTP/1.1\r\nHost: {address}\r\n"
        self._next = f"GET {_VERSION}/runtime/invocation/next{self._host}\r\n".encode()

    def fileno(self) -> int:
        """The descriptor of its connection."""
        return self._connection.fileno()

    def wait_next_invocation(self) -> InvocationRequest:
        """Block until there is an event."""
        try:
            answer = self._ask_for_next()
        except ConnectionError:
            if self._unanswered not in ("", _STREAMING):  # the server knows of what broke off
                raise RuntimeError("Failed to post invocation response") from None
            self._unanswered = ""
            self._connection.reopen()  # which fails when the server is gone
            self._connection.send(self._next)
            answer = self._connection.receive()
        if answer.status != 200:
            raise RuntimeError("Failed to get next")
        return _parse_request(answer)

    def post_invocation_result(
        self, invoke_id: str, result_data: bytes, content_type: str = "application/json"
    ) -> None:
        """The handler returned."""
        fields = f"Content-Type: {content_type}\r\n"
        self._post(f"/runtime/invocation/{invoke_id}/response", fields, result_data, "success")

    def post_invocation_error(
        self, invoke_id: str, error_data: bytes, xray_cause: str = "", error_type: str = ""
    ) -> None:
        """The handler raised."""
        fields = f"Content-Type: application/json\r\n{_type_field(error_type)}"
        if xray_cause:
            fields += f"Lambda-Runtime-Function-XRay-Error-Cause: {xray_cause}\r\n"
        self._post(f"/runtime/invocation/{invoke_id}/error", fields, error_data, "failure")

    def begin_stream(self, invoke_id: str, content_type: str, first: bytes) -> None:
        """Send the head and the first bytes of a response that is sent while it is written."""
        self._is_cut_off = False
        head = (
            f"POST {_VERSION}/runtime/invocation/{invoke_id}/response{self._host}"
            f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n"
            f"Lambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: {_TYPE}, {_BODY}\r\n\r\n"
        )
        try:
            self._connection.send(head.encode() + _chunk(first))
        except ConnectionError:
            self._is_cut_off = True

    def write_stream(self, piece: bytes) -> bool:
        """Send more of it; waits while who reads it does not keep up. False when no more is
        taken, and the server knows why."""
        try:
            if piece:
                self._connection.send_pieces(b"%x\r\n" % len(piece), piece, b"\r\n")
        except ConnectionError:
            self._is_cut_off = True
        return not self._is_cut_off

    def end_stream(self, error_type: str = "", error_data: bytes = b"") -> None:
        """There is no more of it; if an error ended it, this is told behind."""
        if self._is_cut_off:
            self._connection.reopen()
            return
        trailers = _type_field(error_type)
        if error_data:
            trailers += f"{_BODY}: {b64encode(error_data).decode()}\r\n"
        self._unanswered = _STREAMING
        self._unsent = _LAST_CHUNK + trailers.encode() + b"\r\n"

    def post_init_error(self, error: Dict[str, Any]) -> None:
        """The function could not be loaded; the process must end after this."""
        fields = f"Content-Type: application/json\r\n{_type_field(error['errorType'])}"
        body = json.dumps(error).encode()
        self._post("/runtime/init/error", fields, body, "init error")
        self._connection.send(self._unsent)
        self._connection.receive()

    def _post(self, path: str, fields: str, body: bytes, subject: str) -> None:
        head = f"POST {_VERSION}{path}{self._host}{fields}Content-Length: {len(body)}\r\n\r\n"
        self._unanswered = subject
        if len(body) <= _PIPELINE_LIMIT:
            self._unsent = head.encode() + body
        else:
            self._send_large(head.encode(), body)

    def _send_large(self, head: bytes, body: bytes) -> None:
        try:
            self._connection.send(head, body)
            self._check(self._connection.receive())
        except ConnectionError:
            self._connection.reopen()  # refused halfway; the server knows what it refused
        self._unanswered = ""

    def _ask_for_next(self) -> Answer:
        request, self._unsent = self._unsent + self._next, b""
        self._connection.send(request)
        if self._unanswered:
            self._check(self._connection.receive())
        return self._connection.receive()

    def _check(self, answer: Answer) -> None:
        subject, self._unanswered = self._unanswered, ""
        if 200 <= answer.status < 300:
            return
        reason = str(answer.body, "utf-8", "replace")
        sys.stdout.write(
            f"[ERROR] [{int(time.time() * 1000)}] LAMBDA_RUNTIME Failed to post handler "
            f"{subject} response. Http response code: {answer.status}. {reason}\n"
        )
        if answer.status != _TOO_LARGE:  # which the caller of the function is told by the server
            raise RuntimeError("Failed to post invocation response")


def _type_field(error_type: str) -> str:
    plain = error_type.encode("ascii", "replace").decode()
    return f"{_TYPE}: {plain}\r\n" if plain else ""


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _parse_request(answer: Answer) -> InvocationRequest:
    get = answer.headers.get
    return InvocationRequest(
        answer.headers["lambda-runtime-aws-request-id"],
        get("lambda-runtime-trace-id", ""),
        get("lambda-runtime-invoked-function-arn", ""),
        int(get("lambda-runtime-deadline-ms", 0)),
        get("lambda-runtime-client-context"),
        get("lambda-runtime-cognito-identity"),
        get("lambda-runtime-aws-tenant-id"),
        get("content-type", "application/json"),
        answer.body,
    )
