"""Patterns of the policy language: `*`, `?` and policy variables such as `${aws:username}`.

A pattern may be hostile: it becomes a regular expression that never goes back over what it has
passed, so that matching takes no longer than both lengths multiplied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# The values of a request's condition keys; the names are in lower case.
Context = Mapping[str, tuple[str, ...]]

_SPECIAL = re.compile(r"\$\{(?P<variable>[^{}]*)\}|\*+|\?")
_SPECIAL_WITHOUT_VARIABLES = re.compile(r"(?P<variable>(?!))|\*+|\?")


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
    if not is_case_ignored and not any(special in pattern for special in "*?$"):
        return pattern == text
    segments = _segments(pattern, variables, has_wildcards)
    if segments is None:
        return False
    first, *middle, last = segments if len(segments) > 1 else (*segments, "")
    between = "".join(f"(?>.*?{segment})" for segment in middle)
    rest = f"{between}.*{last}" if len(segments) > 1 else ""
    flags = re.DOTALL | (re.IGNORECASE if is_case_ignored else 0)
    return re.compile(first + rest, flags).fullmatch(text) is not None


def _segments(pattern: str, variables: Context | None, has_wildcards: bool) -> list[str] | None:
    """What stands between the stars, as regular expressions."""
    special = _SPECIAL_WITHOUT_VARIABLES if variables is None else _SPECIAL
    segments, end = [""], 0
    for found in special.finditer(pattern):
        segments[-1] += re.escape(pattern[end : found.start()])
        end = found.end()
        if found["variable"] is not None:
            value = _value(found["variable"], variables or {})
            if value is None:
                return None
            segments[-1] += re.escape(value)
        elif not has_wildcards:
            segments[-1] += re.escape(found[0])
        elif found[0] == "?":
            segments[-1] += "."
        else:
            segments.append("")
    segments[-1] += re.escape(pattern[end:])
    return segments


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
