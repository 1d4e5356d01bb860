"""Segments come in: PutTraceSegments, and the figures that a daemon tells of itself."""

from __future__ import annotations

import asyncio
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.segment import InvalidSegment, parse_segment
from lambdad.services.xray.xray import XRay


async def put_trace_segments(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep documents of segments, which are on disk when this returns; those that are none are
    told, and the others kept."""
    taken, refused = [], []
    for document in request["TraceSegmentDocuments"]:
        try:
            parse_segment(document)
            taken.append(document)
        except InvalidSegment as error:
            refused.append(
                {"Id": error.segment_id, "ErrorCode": "InvalidSegment", "Message": str(error)}
            )
    caller = context.caller
    xray.traces.put(caller.account_id, caller.region, taken)
    await asyncio.to_thread(xray.traces.flush)
    return {"UnprocessedTraceSegments": refused}


async def put_telemetry_records(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Taken, as daemons send them; nobody can ask for them, on AWS neither."""
    return {}


OPERATIONS = {
    "PutTraceSegments": put_trace_segments,
    "PutTelemetryRecords": put_telemetry_records,
}
