"""Requests to function URLs: from HTTP to an event, and from what the function says to HTTP.

find the URL ─▶ preflight? ─▶ who may ─▶ event ─▶ BUFFERED         invoke ─▶ response
                                              └─▶ RESPONSE_STREAM  stream ─▶ head, chunks
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from lambdad.errors import ClientError, LambdadError, ResponseBrokenOff
from lambdad.invocation.streaming import StreamedInvocation
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.cors import preflight_answer, with_cors
from lambdad.model.function import FunctionVersion
from lambdad.model.function_url import (
    NO_AUTH,
    REQUEST_TOO_LONG,
    RESPONSE_STREAM,
    FunctionUrl,
    UrlAddress,
)
from lambdad.model.invocation import Invocation, Result
from lambdad.model.limits import REQUEST_PAYLOAD
from lambdad.model.url_event import event_of, iam_authorizer
from lambdad.model.url_response import (
    HTTP_INTEGRATION,
    BadResponse,
    PreludeReader,
    response_of,
)
from lambdad.model.web_request import WebRequest, WebResponse
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.invoke import check_invocable
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.tracing import invocation_trace, upstream
from lambdad.services.lambda_.url_authorization import may_call

_CANNOT_RUN = 503
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_TRACE = "x-amzn-trace-id"
_JSON = ("content-type", "application/json")

UserId = Callable[[Caller], str]
Who = Callable[[str], Caller]


async def answer_url(
    control: ControlPlane,
    user_id: UserId,
    address: UrlAddress,
    request: WebRequest,
    who: Who,
    request_id: str,
) -> WebResponse:
    """Answer one request. `who` tells who has signed it for a region, or raises a ClientError;
    `user_id` is what GetCallerIdentity calls them. A ClientError says why the
    function has not run."""
    url = control.resources.urls.find(address.url_id)
    if url is None or address.region not in (None, url.region):
        raise ClientError("ResourceNotFoundException", "There is no such function URL.")
    began, status = control.clock.monotonic(), _SERVER_ERROR
    try:
        response = await _answer(control, user_id, url, request, who, request_id)
        status = response.status
        return response
    except ClientError as error:
        status = error.status or _CLIENT_ERROR
        raise
    finally:
        _count(control, url, status, (control.clock.monotonic() - began) * 1000)


def _count(control: ControlPlane, url: FunctionUrl, status: int, took_ms: float) -> None:
    function = (url.account_id, url.region, url.function_name)
    control.emit("UrlRequestCount", function)
    control.emit("UrlRequestLatency", function, took_ms)
    if status >= _CLIENT_ERROR:
        control.emit("Url4xxError" if status < _SERVER_ERROR else "Url5xxError", function)


async def _answer(
    control: ControlPlane,
    user_id: UserId,
    url: FunctionUrl,
    request: WebRequest,
    who: Who,
    request_id: str,
) -> WebResponse:
    preflight = preflight_answer(url.cors, request)
    if preflight is not None:
        return preflight
    caller = None if url.auth_type == NO_AUTH else who(url.region)
    if not may_call(control, url, request, caller):
        raise ClientError("AccessDeniedException", "Forbidden")
    version = _version(control, url)
    trace = _trace(control, url, version, request, request_id, caller)
    now = control.clock.now()
    event = event_of(
        request,
        url_id=url.url_id,
        request_id=request_id,
        now=now,
        trace_header=trace,
        authorizer=None if caller is None else iam_authorizer(caller, user_id(caller)),
    )
    if len(event) > REQUEST_PAYLOAD:
        raise ClientError("RequestTooLargeException", REQUEST_TOO_LONG)
    sent_by = upstream(request.headers.get(_TRACE, ""))
    invocation = Invocation(request_id, event, url.arn, trace, accepted_at=now, upstream=sent_by)
    response = await _run(control, url, version, invocation)
    response = with_cors(response, url.cors, request.headers.get("origin"))
    return replace(response, headers=(*response.headers, (_TRACE, trace)))


def _version(control: ControlPlane, url: FunctionUrl) -> FunctionVersion:
    name = FunctionName(url.account_id, url.region, url.function_name, url.qualifier)
    version = names.choose_invoked(control.resources, name, control.draw())
    try:
        check_invocable(version, {})
    except ClientError as error:  # here it is not the caller's fault
        raise ClientError(error.code, error.message, status=_CANNOT_RUN) from None
    return version


def _trace(
    control: ControlPlane,
    url: FunctionUrl,
    version: FunctionVersion,
    request: WebRequest,
    request_id: str,
    caller: Caller | None,
) -> str:
    context = RequestContext(
        request_id,
        "lambda",
        "InvokeFunctionUrl",
        caller or Caller(url.account_id, url.region),
        f"{request.scheme}://{request.host}",
        request.headers.get(_TRACE, ""),
    )
    return invocation_trace(control, context, version)


async def _run(
    control: ControlPlane, url: FunctionUrl, version: FunctionVersion, invocation: Invocation
) -> WebResponse:
    if url.invoke_mode != RESPONSE_STREAM:
        return _buffered(await control.invoker.invoke(version, invocation))
    streamed = await control.invoker.stream(version, invocation)
    if not streamed.is_streamed:
        return _whole(await streamed.result())
    return await _streamed(streamed)


def _buffered(result: Result) -> WebResponse:
    if result.error is not None:
        return _bad_gateway()
    try:
        return response_of(result.payload)
    except BadResponse:
        return _bad_gateway()


def _whole(result: Result) -> WebResponse:
    """Of a function that does not stream, though its URL does: what it returned, as it is."""
    return (
        _bad_gateway() if result.error is not None else WebResponse(200, (_JSON,), result.payload)
    )


async def _streamed(streamed: StreamedInvocation) -> WebResponse:
    chunks = streamed.chunks()
    if streamed.content_type != HTTP_INTEGRATION:
        content_type = streamed.content_type or "application/octet-stream"
        return WebResponse(
            200, (("content-type", content_type),), stream=_body(b"", chunks, streamed)
        )
    try:
        head, first = await _read_prelude(chunks)
    except BadResponse:
        streamed.abandon()
        return _bad_gateway()
    return replace(head, stream=_body(first, chunks, streamed))


async def _read_prelude(chunks: AsyncIterator[bytes]) -> tuple[WebResponse, bytes]:
    reader = PreludeReader()
    async for chunk in chunks:
        found = reader.feed(chunk)
        if found is not None:
            return found
    raise BadResponse("The stream ended before its prelude did.")


async def _body(
    first: bytes, chunks: AsyncIterator[bytes], streamed: StreamedInvocation
) -> AsyncIterator[bytes]:
    """The body as the function writes it; a failure on the way leaves it without an end."""
    if first:
        yield first
    async for chunk in chunks:
        yield chunk
    try:
        result = await streamed.result()
    except LambdadError as error:
        raise ResponseBrokenOff from error
    if result.error is not None:
        raise ResponseBrokenOff


def _bad_gateway() -> WebResponse:
    """What AWS says of a function that fails, or answers with what is no HTTP."""
    return WebResponse(502, (_JSON,), b"Internal Server Error")
