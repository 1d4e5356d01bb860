"""Pointers to log events: what `@ptr` is, and where it leads."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right
from typing import Any

from lambdad.model.log_line import Position
from lambdad.observe.scanning import ScannedBlock

_END = 1 << 53  # of times and places: no log gets as far


class Places:
    """Where the lines that were read are, by their numbers in the order of reading."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._blocks: list[tuple[str, int, int, range | list[int]]] = []

    def add(self, start: int, block: ScannedBlock) -> None:
        """The lines of `block` have the numbers from `start` on."""
        self._starts.append(start)
        self._blocks.append((block.key[2], block.frame, block.block, block.numbers))

    def pointer(self, number: int, timestamp_ms: int) -> str:
        """What leads to the line with that number."""
        index = bisect_right(self._starts, number) - 1
        group, frame, block, numbers = self._blocks[index]
        line = numbers[number - self._starts[index]]
        return serialize_pointer(group, Position(timestamp_ms, frame, block, line))


def serialize_pointer(group: str, position: Position) -> str:
    """A line of a log group, as a text without spaces."""
    return base64.urlsafe_b64encode(json.dumps([group, *position]).encode()).decode()


def parse_pointer(pointer: str) -> tuple[str, Position] | None:
    """The log group and the place that it leads to; None if it is no pointer."""
    try:
        group, *numbers = json.loads(base64.urlsafe_b64decode(pointer))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        return None
    fits = len(numbers) == 4 and all(type(each) is int and 0 <= each < _END for each in numbers)
    return (group, Position(*numbers)) if fits and _is_name(group) else None


def _is_name(group: Any) -> bool:
    return isinstance(group, str) and group.isascii()
