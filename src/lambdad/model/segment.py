"""X-Ray's segment documents, as SDKs send them: JSON that is not to be trusted.

A segment is what one service did for a request. It holds subsegments; those that are still running
when their segment is sent come later, by themselves (`type` is `subsegment`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

LARGEST = 64 * 1024  # bytes of a document

_TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_ID = re.compile(r"[0-9a-fA-F]{16}")


@dataclass(frozen=True, slots=True)
class Segment:
    """A document, with the members that every one has. Without `end_time` it is not over."""

    id: str
    trace_id: str
    name: str
    start_time: float  # epoch seconds
    end_time: float | None
    parent_id: str
    document: dict[str, Any] = field(repr=False)

    @property
    def is_subsegment(self) -> bool:
        """Whether it is a part of a segment that was, or will be, sent without it."""
        return bool(self.document.get("type") == "subsegment")


class InvalidSegment(ValueError):
    """What was sent is no segment; the sentence says why."""

    def __init__(self, message: str, segment_id: str = "") -> None:
        super().__init__(message)
        self.segment_id = segment_id


def read_segment(text: str) -> Segment | None:
    """The segment of a document, None when it is none."""
    try:
        return parse_segment(text)
    except InvalidSegment:
        return None


def parse_segment(text: str) -> Segment:
    """The segment of a document; InvalidSegment when it lacks what every segment has."""
    if len(text) > LARGEST:
        raise InvalidSegment(f"A segment document has at most {LARGEST} bytes.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidSegment("A segment document is one JSON object.") from None
    if not isinstance(document, dict):
        raise InvalidSegment("A segment document is one JSON object.")
    segment_id = document.get("id")
    if not isinstance(segment_id, str) or not _ID.fullmatch(segment_id):
        raise InvalidSegment("id has to have 16 hexadecimal digits.")
    trace_id, name = document.get("trace_id"), document.get("name")
    if not isinstance(trace_id, str) or not _TRACE_ID.fullmatch(trace_id):
        raise InvalidSegment("trace_id is not a trace id.", segment_id)
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise InvalidSegment("name has to have 1 to 200 characters.", segment_id)
    start, end = document.get("start_time"), document.get("end_time")
    if not (is_time(start) and (end is None or is_time(end))):
        raise InvalidSegment("start_time and end_time have to be seconds.", segment_id)
    parent = document.get("parent_id")
    parent_id = parent if isinstance(parent, str) and _ID.fullmatch(parent) else ""
    return Segment(segment_id, trace_id, name, float(start), end, parent_id, document)


def subsegments(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every subsegment within a document, however deep."""
    waiting = [document]
    while waiting:
        below = waiting.pop().get("subsegments")
        if not isinstance(below, list):
            continue
        found = [each for each in below if isinstance(each, dict)]
        yield from found
        waiting += found


def is_time(value: Any) -> TypeGuard[float]:
    """Whether it is a number of seconds since the epoch that a calendar has."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**36
