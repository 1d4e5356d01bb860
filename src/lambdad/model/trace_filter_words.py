"""The words of X-Ray's filter expressions: what can be asked of a trace, and how it is compared."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from lambdad.model.trace import TraceSummary

Test = Callable[[TraceSummary], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)
    |(?P<operator>!=|<=|>=|[=<>!(){},])
    |(?P<word>[A-Za-z_][\w.]*(?:\[[^\]]*\])?))""",
    re.VERBOSE,
)
FLAGS: dict[str, Test] = {
    "fault": lambda summary: summary.has_fault,
    "error": lambda summary: summary.has_error,
    "throttle": lambda summary: summary.has_throttle,
    "partial": lambda summary: summary.is_partial,
    "ok": lambda summary: not (summary.has_fault or summary.has_error or summary.has_throttle),
}
NUMBERS: dict[str, Callable[[TraceSummary], Any]] = {
    "duration": lambda summary: summary.trace.duration,
    "responsetime": lambda summary: summary.response_time,
    "http.status": lambda summary: summary.http.get("status"),
}
TEXTS: dict[str, Callable[[TraceSummary], list[Any]]] = {
    "http.url": lambda summary: [summary.http.get("url")],
    "http.method": lambda summary: [summary.http.get("method")],
    "http.useragent": lambda summary: [summary.http.get("user_agent")],
    "http.clientip": lambda summary: [summary.http.get("client_ip")],
    "user": lambda summary: list(summary.users),
}
NUMBER_OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "contains": operator.contains,
    "beginswith": str.startswith,
    "endswith": str.endswith,
}


class InvalidFilter(ValueError):
    """The expression cannot be read, or asks for what is not supported; the sentence says which."""


def read_tokens(expression: str) -> list[tuple[str, str]]:
    """The tokens of an expression, each with its kind: text, number, operator or word."""
    found, at = [], 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidFilter(
                f"The filter expression has an unexpected '{text[at:].strip()[0]}'."
            )
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    return found
