"""InvokeWithResponseStream: the same invocation, answered as an event stream."""

from __future__ import annotations

from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.invoke import invoke


async def invoke_with_response_stream(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Run a function. What it returned is one PayloadChunk, sent when it is complete: a function
    that writes while it runs is not heard before its end yet.

    A failure of the function is told by InvokeComplete, with its JSON as ErrorDetails; AWS's word
    for the code of a failure before the first byte is not documented, so it is the one that Invoke
    has in its header.
    """
    answer = await invoke(control, context, request)
    if "Payload" not in answer:
        return answer  # a dry run
    complete = {"LogResult": answer["LogResult"]} if "LogResult" in answer else {}
    if "FunctionError" in answer:
        complete["ErrorCode"] = answer["FunctionError"]
        complete["ErrorDetails"] = answer["Payload"].decode("utf-8", "replace")
        chunks = []
    else:
        chunks = [{"PayloadChunk": {"Payload": answer["Payload"]}}]
    return {
        "StatusCode": answer["StatusCode"],
        "ExecutedVersion": answer["ExecutedVersion"],
        "EventStream": [*chunks, {"InvokeComplete": complete}],
        "ResponseMetadata": answer["ResponseMetadata"],
    }


OPERATIONS = {"InvokeWithResponseStream": invoke_with_response_stream}
