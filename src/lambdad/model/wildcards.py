"""Patterns of the policy language: `*`, `?` and policy variables such as `${aws:username}`.

A pattern may be hostile, and a policy may have thousands: each is matched in one pass, star by
star, and never goes back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# The values of a request's condition keys; the names are in lower case.
Context = Mapping[str, tuple[str, ...]]
# What stands between two stars: the texts before, between and after its question marks.
Segment = list[str]

_SPECIAL = re.compile(r"\$\{(?P<variable>[^{}]*)\}|\*+|\?")
_WILDCARD = re.compile(r"(?P<variable>(?!))|\*+|\?")


def matches(
    pattern: str,
    text: str,
    variables: Context | None = None,
    *,
    has_wildcards: bool = True,
    is_case_ignored: bool = False,
) -> bool:
    """Whether `pattern` is all of `text`.

    Without `variables` a `${…}` means itself. A variable that has not exactly one value, and no
    default either, matches nothing.
    """
    if not _SPECIAL.search(pattern):  # as most are, and function URLs ask with every request
        return pattern.lower() == text.lower() if is_case_ignored else pattern == text
    segments = _segments(pattern, variables, has_wildcards)
    if segments is None:
        return False
    if is_case_ignored:
        text = text.lower()
        segments = [[part.lower() for part in segment] for segment in segments]
    if not _stands_at(segments[0], text, 0):
        return False
    end = _length(segments[0])
    if len(segments) == 1:
        return end == len(text)
    for segment in segments[1:-1]:
        start = _find(segment, text, end)
        if start < 0:
            return False
        end = start + _length(segment)
    rest = len(text) - _length(segments[-1])
    return rest >= end and _stands_at(segments[-1], text, rest)


def _segments(pattern: str, variables: Context | None, has_wildcards: bool) -> list[Segment] | None:
    """What stands between the stars; None when a variable has no value."""
    segments, end = [[""]], 0
    for found in (_WILDCARD if variables is None else _SPECIAL).finditer(pattern):
        segments[-1][-1] += pattern[end : found.start()]
        end = found.end()
        if found["variable"] is not None:
            value = _value(found["variable"], variables or {})
            if value is None:
                return None
            segments[-1][-1] += value
        elif not has_wildcards:
            segments[-1][-1] += found[0]
        elif found[0] == "?":
            segments[-1].append("")
        else:
            segments.append([""])
    segments[-1][-1] += pattern[end:]
    return segments


def _length(segment: Segment) -> int:
    return sum(map(len, segment)) + len(segment) - 1


def _stands_at(segment: Segment, text: str, start: int) -> bool:
    for part in segment:
        if not text.startswith(part, start):
            return False
        start += len(part) + 1
    return True


def _find(segment: Segment, text: str, start: int) -> int:
    """Where the segment stands first, from `start` on; -1 if nowhere."""
    if len(segment) == 1:
        return text.find(segment[0], start)
    places = range(start, len(text) - _length(segment) + 1)
    return next((place for place in places if _stands_at(segment, text, place)), -1)


def _value(variable: str, variables: Context) -> str | None:
    """What a variable stands for: `aws:username`, `aws:username, 'nobody'`, or `*`, which is the
    character."""
    if variable in ("*", "?", "$"):
        return variable
    key, _, default = variable.partition(",")
    values = variables.get(key.strip().lower(), ())
    if len(values) == 1:
        return values[0]
    default = default.strip()
    is_quoted = len(default) > 1 and default[0] == default[-1] == "'"
    return default[1:-1] if is_quoted else None
