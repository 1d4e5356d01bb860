"""Whole traces: BatchGetTraces."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.segment import is_trace_id
from lambdad.model.trace import Trace, put_together
from lambdad.services.xray.xray import XRay, invalid_request

_MOST = 5  # traces of one request, as on AWS


async def batch_get_traces(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Traces by their ids. Subsegments that were sent by themselves are where they belong."""
    wanted = request["TraceIds"]
    found = await read_traces(xray, context, wanted)
    described = await asyncio.to_thread(lambda: [_described(trace) for trace in found])
    missing = [each for each in wanted if each not in {trace.id for trace in found}]
    return {"Traces": described, "UnprocessedTraceIds": missing}


async def read_traces(xray: XRay, context: RequestContext, trace_ids: list[str]) -> list[Trace]:
    """The traces that there are of those with these ids."""
    if len(trace_ids) > _MOST:
        raise invalid_request(f"At most {_MOST} trace ids can be asked for at once.")
    caller = context.caller
    known = frozenset(filter(is_trace_id, trace_ids))

    def read() -> list[Trace]:
        return put_together(xray.traces.segments(caller.account_id, caller.region, known))

    return await asyncio.to_thread(read)


def _described(trace: Trace) -> dict[str, Any]:
    return {
        "Id": trace.id,
        "Duration": round(trace.duration, 3),
        "LimitExceeded": trace.is_cut,
        "Segments": [
            {"Id": segment.id, "Document": json.dumps(segment.document, ensure_ascii=False)}
            for segment in trace.segments
        ],
    }


OPERATIONS = {"BatchGetTraces": batch_get_traces}
