"""What is told of traces in short, and which are asked for: GetTraceSummaries."""

from __future__ import annotations

import asyncio
from typing import Any

from lambdad.clock import to_datetime
from lambdad.model.caller import RequestContext
from lambdad.model.trace import (
    Service,
    TooManySegments,
    Trace,
    TraceSummary,
    put_together,
    service_of,
    summarize,
)
from lambdad.model.trace_filter import InvalidFilter, parse_trace_filter
from lambdad.services.xray.xray import XRay, invalid_request

_PAGE = 1000
_LONGEST_RANGE = 86_400  # seconds
_MOST_BYTES = 64 * 1024 * 1024  # of the segments that one request may have read


async def get_trace_summaries(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The traces of a time that a filter takes, the latest first."""
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    check_range(start, end)
    try:
        is_wanted = parse_trace_filter(request.get("FilterExpression", ""))
    except InvalidFilter as error:
        raise invalid_request(str(error)) from None
    is_by_id = request.get("TimeRangeType", "TraceId") == "TraceId"

    def read() -> tuple[int, list[TraceSummary]]:
        traces = traces_between(xray, context, start, end, is_by_id=is_by_id)
        found = [summarize(trace) for trace in traces]
        return len(found), [summary for summary in reversed(found) if is_wanted(summary)]

    looked_at, found = await asyncio.to_thread(read)
    first = _place(request.get("NextToken"))
    answer: dict[str, Any] = {
        "TraceSummaries": [
            _described(each, context.caller.account_id) for each in found[first : first + _PAGE]
        ],
        "ApproximateTime": to_datetime(xray.clock.now()),
        "TracesProcessedCount": looked_at,
    }
    if len(found) > first + _PAGE:
        answer["NextToken"] = str(first + _PAGE)
    return answer


def check_range(start: float, end: float) -> None:
    """InvalidRequestException unless it is a time of at most a day."""
    if not 0 <= end - start <= _LONGEST_RANGE:
        raise invalid_request("EndTime has to be at most 24 hours behind StartTime.")


def traces_between(
    xray: XRay, context: RequestContext, start: float, end: float, *, is_by_id: bool = False
) -> list[Trace]:
    """Traces of which something happened in this time, and which begun in it as their ids tell if
    that is asked for. Call it on a thread."""
    caller = context.caller
    segments = xray.traces.segments_between(caller.account_id, caller.region, start, end)
    wanted = (each for each in segments if not is_by_id or start <= each.trace_begun <= end)
    try:
        traces = put_together(wanted, _MOST_BYTES)
    except TooManySegments:
        raise invalid_request(
            "Too much has been traced in this time to be looked at at once. Ask for a shorter one."
        ) from None
    return [each for each in traces if each.start_time <= end and each.end_time >= start]


def _place(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or len(token) > 9:
        raise invalid_request("NextToken is not one of ours.")
    return int(token)


def _described(summary: TraceSummary, account_id: str) -> dict[str, Any]:
    trace = summary.trace
    names = {
        "HttpURL": "url",
        "HttpStatus": "status",
        "HttpMethod": "method",
        "UserAgent": "user_agent",
        "ClientIp": "client_ip",
    }
    http = summary.http
    arns = {str(segment.document.get("resource_arn") or "") for segment in trace.segments}
    return {
        "Id": trace.id,
        "StartTime": to_datetime(trace.start_time),
        "Duration": round(trace.duration, 3),
        "ResponseTime": round(summary.response_time, 3),
        "HasFault": summary.has_fault,
        "HasError": summary.has_error,
        "HasThrottle": summary.has_throttle,
        "IsPartial": summary.is_partial,
        "Http": {name: http[key] for name, key in names.items() if key in http},
        "Annotations": {
            key: [
                {
                    "AnnotationValue": _annotation_value(value),
                    "ServiceIds": [_service_id(each, account_id) for each in services],
                }
                for value, services in values.items()
            ]
            for key, values in summary.annotations.items()
        },
        "Users": [
            {"UserName": user, "ServiceIds": [_service_id(each, account_id) for each in services]}
            for user, services in summary.users.items()
        ],
        "ServiceIds": [_service_id(each, account_id) for each in summary.services],
        "ResourceARNs": [{"ARN": arn} for arn in sorted(arns - {""})],
        "EntryPoint": _service_id(service_of(trace.root), account_id),
        "Revision": len(trace.segments),
        "MatchedEventTime": to_datetime(trace.start_time),
    }


def _annotation_value(value: str | float | bool) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": float(value)}


def _service_id(service: Service, account_id: str) -> dict[str, Any]:
    name, kind = service
    described = {"Name": name, "Names": [name], "AccountId": account_id}
    return {**described, "Type": kind} if kind else described


OPERATIONS = {"GetTraceSummaries": get_trace_summaries}
