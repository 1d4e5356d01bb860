"""InvokeWithResponseStream: the response as an event stream, sent while the function writes it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from lambdad.errors import ClientError, PlatformError
from lambdad.invocation.streaming import StreamedInvocation
from lambdad.model.caller import RequestContext
from lambdad.model.invocation import Result
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.invoke import find_invocable, is_tail_wanted, log_tail
from lambdad.services.lambda_.tracing import told_to_caller

_log = logging.getLogger(__name__)


async def invoke_with_response_stream(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Run a function and hand on what it writes, as it writes it. What a function answers that
    does not stream is one PayloadChunk."""
    found = find_invocable(control, context, request)
    if found is None:
        return {"StatusCode": 204}
    streamed = await control.invoker.stream(found.version, found.invocation)
    return {
        "StatusCode": 200,
        "ExecutedVersion": found.version.version,
        "EventStream": _events(streamed, has_tail=is_tail_wanted(request)),
        **told_to_caller(found.invocation.trace_id),
    }


async def _events(streamed: StreamedInvocation, *, has_tail: bool) -> AsyncIterator[dict[str, Any]]:
    async for chunk in streamed.chunks():
        yield {"PayloadChunk": {"Payload": chunk}}
    try:
        result = await streamed.result()
    except (ClientError, PlatformError) as error:
        # The answer has begun, so that its end is the only place left to say it.
        _log.error("A response broke off.", exc_info=error)
        yield {"InvokeComplete": {"ErrorCode": "ServiceException", "ErrorDetails": str(error)}}
        return
    if result.payload and result.error is None:
        yield {"PayloadChunk": {"Payload": result.payload}}
    yield {"InvokeComplete": _complete(result, has_tail=has_tail)}


def _complete(result: Result, *, has_tail: bool) -> dict[str, Any]:
    """How it ended. A failure of the function is told with its JSON as ErrorDetails; AWS's word
    for its code is not documented, so it is the one that Invoke has in its header."""
    complete = {"LogResult": log_tail(result)} if has_tail else {}
    if result.error is not None:
        complete["ErrorCode"] = "Unhandled"
        complete["ErrorDetails"] = result.payload.decode("utf-8", "replace")
    return complete


OPERATIONS = {"InvokeWithResponseStream": invoke_with_response_stream}
