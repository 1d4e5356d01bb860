"""Selectors: `$.a.b[0]`, `$.list[*].id`, `$['a.b']`, and what they find in a JSON document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lambdad.model.filter_pattern.scanner import Scanner

ALL = -1  # instead of an index: every element of an array

_SELECTOR = re.compile(r"""\$(?:\.?\['[^']+'\]|\.?\["[^"]+"\]|\.[\w-]+|\[(?:\d{1,9}|\*)\])+""")
_STEP = re.compile(r"""\.?\['([^']+)'\]|\.?\["([^"]+)"\]|\.([\w-]+)|\[(\d{1,9}|\*)\]""")


@dataclass(frozen=True, slots=True)
class Selector:
    """Steps from the whole document on: names of members, and indexes of elements."""

    text: str
    steps: tuple[str | int, ...]

    def find(self, document: Any) -> list[Any]:
        """What it finds: nothing, one value, or with `[*]` perhaps more."""
        found = [document]
        for step in self.steps:
            found = [inner for value in found for inner in _inner(value, step)]
        return found

    @property
    def names(self) -> Iterable[str]:
        return (step for step in self.steps if isinstance(step, str))


def take_selector(scanner: Scanner) -> Selector | None:
    """The selector that comes next in a pattern, if one does."""
    match = scanner.take(_SELECTOR)
    return None if match is None else _selector(match[0])


def parse_selector(text: str) -> Selector | None:
    """The selector that all of the text is; None if it is none."""
    return _selector(text) if _SELECTOR.fullmatch(text) else None


def _selector(text: str) -> Selector:
    return Selector(text, tuple(_step(match) for match in _STEP.finditer(text)))


def _step(match: re.Match[str]) -> str | int:
    index = match[4]
    if index is None:
        return match[1] or match[2] or match[3]
    return ALL if index == "*" else int(index)


def _inner(value: Any, step: str | int) -> list[Any]:
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if not isinstance(value, list):
        return []
    return value if step == ALL else value[step : step + 1]
