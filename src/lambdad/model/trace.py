"""A trace: the segments of one request, put together, and what is told of it in short."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lambdad.model.segment import Segment, is_time, subsegments

Service = tuple[str, str]  # name and type, AWS::Lambda say


@dataclass(frozen=True, slots=True)
class Trace:
    """Segments by their start; each holds the subsegments that were sent by themselves."""

    id: str
    segments: tuple[Segment, ...]

    @property
    def start_time(self) -> float:
        return self.segments[0].start_time

    @property
    def end_time(self) -> float:
        """When the last of what is known was over."""
        return max(each.end_time or each.start_time for each in self.segments)

    @property
    def duration(self) -> float:
        """Seconds from the first to the last of it."""
        return max(0.0, self.end_time - self.start_time)

    @property
    def root(self) -> Segment:
        """The first segment that hangs below no other one."""
        ids = {each.id for each in self.segments}
        return next((s for s in self.segments if s.parent_id not in ids), self.segments[0])


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """What is told, and can be filtered by."""

    trace: Trace
    has_fault: bool
    has_error: bool
    has_throttle: bool
    is_partial: bool
    http: dict[str, Any]  # url, method, status, user_agent, client_ip: those that are known
    annotations: dict[str, dict[str | float | bool, list[Service]]] = field(default_factory=dict)
    users: dict[str, list[Service]] = field(default_factory=dict)
    services: tuple[Service, ...] = ()

    @property
    def response_time(self) -> float:
        """Seconds that the first segment took."""
        root = self.trace.root
        return max(0.0, (root.end_time or root.start_time) - root.start_time)


def put_together(segments: Iterable[Segment]) -> list[Trace]:
    """Traces by their start. Of what was sent more than once, the last counts."""
    traces: dict[str, dict[str, Segment]] = {}
    for each in segments:
        traces.setdefault(each.trace_id, {})[each.id] = each
    found = [_trace(trace_id, parts) for trace_id, parts in traces.items()]
    return sorted(found, key=lambda trace: trace.start_time)


def _trace(trace_id: str, parts: dict[str, Segment]) -> Trace:
    holders: dict[str, dict[str, Any]] = {}
    embedded: set[str] = set()
    for part in parts.values():
        holders[part.id] = part.document
        for below in subsegments(part.document):
            if isinstance(below.get("id"), str):
                embedded.add(below["id"])
                holders.setdefault(below["id"], below)
    whole = [
        part
        for part in parts.values()
        if not part.is_subsegment or not _hang(part, holders, is_again=part.id in embedded)
    ]
    # Hostile subsegments may hang below each other in a circle: then nothing is whole.
    whole = whole or list(parts.values())[:1]
    return Trace(trace_id, tuple(sorted(whole, key=lambda part: part.start_time)))


def _hang(part: Segment, holders: dict[str, dict[str, Any]], *, is_again: bool) -> bool:
    """Put a subsegment where it belongs, instead of an earlier one if it came again; False when
    its place is not known."""
    holder = holders.get(part.parent_id)
    if holder is None or holder is part.document:
        return False
    if any(each is holder for each in subsegments(part.document)):
        return False
    kept = holder.get("subsegments")
    if not isinstance(kept, list):
        kept = holder["subsegments"] = []
    if is_again:
        kept[:] = [e for e in kept if not (isinstance(e, dict) and e.get("id") == part.id)]
    kept.append(part.document)
    return True


def summarize(trace: Trace) -> TraceSummary:
    """What is told of a trace."""
    annotations: dict[str, dict[str | float | bool, list[Service]]] = {}
    users: dict[str, list[Service]] = {}
    flags = {"fault": False, "error": False, "throttle": False}
    is_partial = False
    for segment in trace.segments:
        service = service_of(segment)
        is_partial |= segment.end_time is None
        for part in (segment.document, *subsegments(segment.document)):
            for flag in flags:
                flags[flag] |= part.get(flag) is True
            _add_annotations(annotations, part, service)
            if isinstance(part.get("user"), str):
                users.setdefault(part["user"], []).append(service)
    return TraceSummary(
        trace,
        flags["fault"],
        flags["error"],
        flags["throttle"],
        is_partial,
        _http(trace),
        annotations,
        users,
        tuple(dict.fromkeys(map(service_of, trace.segments))),
    )


def service_of(segment: Segment) -> Service:
    """Which service a segment is of."""
    origin = segment.document.get("origin")
    return segment.name, origin if isinstance(origin, str) else ""


def _add_annotations(
    found: dict[str, dict[str | float | bool, list[Service]]],
    part: dict[str, Any],
    service: Service,
) -> None:
    annotations = part.get("annotations")
    for key, value in annotations.items() if isinstance(annotations, dict) else ():
        if isinstance(value, str | bool | int | float):
            services = found.setdefault(key, {}).setdefault(value, [])
            if service not in services:
                services.append(service)


def _http(trace: Trace) -> dict[str, Any]:
    """Of the first segment that tells any."""
    for segment in trace.segments:
        http = segment.document.get("http")
        if isinstance(http, dict):
            request, response = (
                each if isinstance(each, dict) else {}
                for each in (http.get("request"), http.get("response"))
            )
            texts = {
                name: request[name]
                for name in ("url", "method", "user_agent", "client_ip")
                if isinstance(request.get(name), str)
            }
            status = response.get("status")
            return texts | ({"status": int(status)} if is_time(status) else {})
    return {}
