"""A trace: the segments of one request, put together, and what is told of it in short."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lambdad.model.segment import Segment, is_time, subsegments

LARGEST = 5 * 1024 * 1024  # bytes that are sent of a trace; what is more is left out
DEEPEST = 100  # subsegments below each other; those of the last begin again, as if without a place

Service = tuple[str, str]  # name and type, AWS::Lambda say
Services = dict[Service, None]  # each once, in order


class TooManySegments(ValueError):
    """There is more of all traces than is to be put together."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Segments by their start; each holds the subsegments that were sent by themselves."""

    id: str
    segments: tuple[Segment, ...]
    is_cut: bool = False  # there is more of it

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
    annotations: dict[str, dict[str | float | bool, Services]] = field(default_factory=dict)
    users: dict[str, Services] = field(default_factory=dict)
    services: tuple[Service, ...] = ()

    @property
    def response_time(self) -> float:
        """Seconds that the first segment took."""
        root = self.trace.root
        return max(0.0, (root.end_time or root.start_time) - root.start_time)


@dataclass(slots=True)
class _Sent:
    """What has been sent of a trace, each part as it was sent last."""

    size: int = 0
    parts: dict[str, Segment] = field(default_factory=dict)

    @property
    def is_cut(self) -> bool:
        return self.size > LARGEST


def put_together(segments: Iterable[Segment], most_bytes: int = sys.maxsize) -> list[Trace]:
    """Traces by their start. Of what was sent more than once, the last counts. TooManySegments
    when all of them have more than `most_bytes`."""
    traces: defaultdict[str, _Sent] = defaultdict(_Sent)
    kept = 0
    for each in segments:
        sent = traces[each.trace_id]
        sent.size += each.size
        if not sent.is_cut:
            sent.parts[each.id] = each
            kept += each.size
        if kept > most_bytes:
            raise TooManySegments
    found = [Trace(id, _whole(sent.parts), sent.is_cut) for id, sent in traces.items()]
    return sorted(found, key=lambda trace: trace.start_time)


def _whole(parts: dict[str, Segment]) -> tuple[Segment, ...]:
    """The segments, by their start, with the subsegments that belong to them. One whose place is
    not known is told as a segment, as are some of those that hang below each other in a circle."""
    below = _by_holder(parts)
    hanging = {part.id for each in below.values() for part in each}
    placed: set[str] = set()
    whole = []
    for part in sorted(parts.values(), key=lambda part: (part.id in hanging, part.start_time)):
        if part.id not in placed:
            placed.add(part.id)
            whole.append(part)
            _hang(part, below, hanging, placed)
    return tuple(sorted(whole, key=lambda part: part.start_time))


def _by_holder(parts: dict[str, Segment]) -> dict[str, list[Segment]]:
    """The subsegments that were sent by themselves and have a place, by what they hang below."""
    holders = set(parts)
    for part in parts.values():
        holders.update(map(_id, subsegments(part.document)))
    below: dict[str, list[Segment]] = {}
    for part in parts.values():
        if part.is_subsegment and part.parent_id in holders and part.parent_id != part.id:
            below.setdefault(part.parent_id, []).append(part)
    return below


def _hang(
    whole: Segment, below: dict[str, list[Segment]], hanging: set[str], placed: set[str]
) -> None:
    """Put what hangs below a segment into it, in the place of what was sent earlier of the same."""
    level = [whole.document]
    for _ in range(DEEPEST):
        following = []
        for document in level:
            kept = [each for each in _held(document) if _id(each) not in hanging]
            for part in below.pop(_id(document), ()):
                if part.id not in placed:
                    placed.add(part.id)
                    kept.append(part.document)
            if kept or "subsegments" in document:
                document["subsegments"] = kept
            following += kept
        level = following


def _id(document: dict[str, Any]) -> str:
    found = document.get("id")
    return found if isinstance(found, str) else ""


def _held(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    held = document.get("subsegments")
    return (each for each in held if isinstance(each, dict)) if isinstance(held, list) else iter(())


def summarize(trace: Trace) -> TraceSummary:
    """What is told of a trace."""
    annotations: dict[str, dict[str | float | bool, Services]] = {}
    users: dict[str, Services] = {}
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
                users.setdefault(part["user"], {})[service] = None
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
    found: dict[str, dict[str | float | bool, Services]],
    part: dict[str, Any],
    service: Service,
) -> None:
    annotations = part.get("annotations")
    for key, value in annotations.items() if isinstance(annotations, dict) else ():
        if isinstance(value, str) or _is_number(value):
            found.setdefault(key, {}).setdefault(value, {})[service] = None


def _is_number(value: Any) -> bool:
    """Whether it is a truth value, or a number that others than Python have too."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


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
