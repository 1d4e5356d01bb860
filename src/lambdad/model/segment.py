"""X-Ray's segment documents, as SDKs send them: JSON that is not to be trusted.

A segment is what one service did for a request. It holds subsegments; those that are still running
when their segment is sent come later, by themselves (`type` is `subsegment`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn, TypeGuard

LARGEST = 64 * 1024  # bytes of a document
DEEPEST = 200  # objects and lists within each other

_TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_ID = re.compile(r"[0-9a-fA-F]{16}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character, if it is not a whole one


@dataclass(frozen=True, slots=True)
class Segment:
    """A document, with the members that every one has. Without `end_time` it is not over."""

    id: str
    trace_id: str
    name: str
    start_time: float  # epoch seconds
    end_time: float | None
    parent_id: str
    size: int  # bytes, as it was sent
    document: dict[str, Any] = field(repr=False)

    @property
    def trace_begun(self) -> int:
        """When its trace began, as the id tells: whole seconds."""
        return int(self.trace_id.split("-")[1], 16)

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
    document, size = _read_json(text)
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
    return Segment(segment_id, trace_id, name, float(start), end, parent_id, size, document)


def is_trace_id(text: str) -> bool:
    """Whether it is the id of a trace, as SDKs make them."""
    return _TRACE_ID.fullmatch(text) is not None


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


def _read_json(text: str) -> tuple[Any, int]:
    """A document that can be told again as JSON, and its size; InvalidSegment of any other."""
    try:
        size = len(text.encode())
        if size > LARGEST:
            raise InvalidSegment(f"A segment document has at most {LARGEST} bytes.")
        document = _decode(text)
        if _SURROGATE.search(text):
            whole = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
            document = _decode(whole.decode())
    except InvalidSegment:
        raise
    except (ValueError, RecursionError):
        raise InvalidSegment("A segment document is one JSON object.") from None
    if text.count("{") + text.count("[") > DEEPEST and _is_deep(document):
        raise InvalidSegment(f"A segment document is at most {DEEPEST} levels deep.")
    return document, size


def _is_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        level = [
            below
            for each in level
            for below in (each.values() if isinstance(each, dict) else each)
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).decode
