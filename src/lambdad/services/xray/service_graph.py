"""Which services call which: GetServiceGraph over a time, GetTraceGraph over some traces."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from lambdad.clock import to_datetime
from lambdad.model.caller import RequestContext
from lambdad.model.segment import Segment, subsegments
from lambdad.model.trace import Service, Trace, service_of
from lambdad.services.xray.summaries import check_range, traces_between
from lambdad.services.xray.traces import read_traces
from lambdad.services.xray.xray import XRay


async def get_service_graph(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The services of a time's traces."""
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    check_range(start, end)

    def read() -> list[dict[str, Any]]:
        return _services(traces_between(xray, context, start, end), context.caller.account_id)

    return {
        "StartTime": request["StartTime"],
        "EndTime": request["EndTime"],
        "Services": await asyncio.to_thread(read),
        "ContainsOldGroupVersions": False,
    }


async def get_trace_graph(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The services of some traces."""
    found = await read_traces(xray, context, request["TraceIds"])
    return {"Services": await asyncio.to_thread(_services, found, context.caller.account_id)}


def _services(traces: Iterable[Trace], account_id: str) -> list[dict[str, Any]]:
    nodes: dict[Service, list[Segment]] = {}
    edges: defaultdict[Service, dict[Service, list[Segment]]] = defaultdict(dict)
    roots: set[Service] = set()
    for trace in traces:
        owners = _owners(trace)
        for segment in trace.segments:
            service = service_of(segment)
            nodes.setdefault(service, []).append(segment)
            caller = owners.get(segment.parent_id)
            if caller is None:
                roots.add(service)
            else:
                edges[caller].setdefault(service, []).append(segment)
    ids = {service: number for number, service in enumerate(nodes)}
    return [
        {
            "ReferenceId": ids[service],
            "Name": service[0],
            "Names": [service[0]],
            "Root": service in roots,
            "AccountId": account_id,
            **({"Type": service[1]} if service[1] else {}),
            "State": "active",
            **_span(segments),
            "SummaryStatistics": _statistics(segments),
            "Edges": [
                {
                    "ReferenceId": ids[called],
                    **_span(calls),
                    "SummaryStatistics": _statistics(calls),
                    "Aliases": [],
                }
                for called, calls in edges[service].items()
            ],
        }
        for service, segments in nodes.items()
    ]


def _owners(trace: Trace) -> dict[str, Service]:
    """The service in which a segment or subsegment with an id is."""
    found: dict[str, Service] = {}
    for segment in trace.segments:
        for part in (segment.document, *subsegments(segment.document)):
            found[str(part.get("id"))] = service_of(segment)
    return found


def _span(segments: list[Segment]) -> dict[str, Any]:
    return {
        "StartTime": to_datetime(min(each.start_time for each in segments)),
        "EndTime": to_datetime(max(each.end_time or each.start_time for each in segments)),
    }


def _statistics(segments: list[Segment]) -> dict[str, Any]:
    kinds = [_kind(segment.document) for segment in segments]
    throttles, errors, faults = (kinds.count(kind) for kind in ("throttle", "error", "fault"))
    times = [max(0.0, (each.end_time or each.start_time) - each.start_time) for each in segments]
    return {
        "OkCount": kinds.count("ok"),
        "ErrorStatistics": {
            "ThrottleCount": throttles,
            "OtherCount": errors,
            "TotalCount": throttles + errors,
        },
        "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
        "TotalCount": len(segments),
        "TotalResponseTime": round(sum(times), 6),
    }


def _kind(document: dict[str, Any]) -> str:
    kinds = ("throttle", "error", "fault")
    return next((kind for kind in kinds if document.get(kind) is True), "ok")


OPERATIONS = {"GetServiceGraph": get_service_graph, "GetTraceGraph": get_trace_graph}
