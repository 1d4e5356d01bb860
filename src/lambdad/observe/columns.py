"""Columns: many small integers in few bytes, written and read without a loop of Python's."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

from lambdad.model.lines import Times

# struct's codes from the narrowest to the widest, with what each can hold.
_WIDTHS = [("B", 0, 2**8), ("H", 0, 2**16), ("i", -(2**31), 2**31), ("q", -(2**63), 2**63)]


def write_column(values: Sequence[int]) -> bytes:
    """A column: a byte that says how wide its integers are, and they themselves. struct.error when
    one needs more than 64 bits."""
    lowest, highest = (min(values), max(values)) if values else (0, 0)
    code = next((code for code, low, end in _WIDTHS if low <= lowest and highest < end), "q")
    return code.encode() + struct.pack(f"<{len(values)}{code}", *values)


def read_column(data: bytes, offset: int, count: int) -> tuple[tuple[int, ...], int]:
    """The `count` integers of a column, and where it ends."""
    layout = f"<{count}{chr(data[offset])}"
    return struct.unpack_from(layout, data, offset + 1), offset + 1 + struct.calcsize(layout)


def write_steps(values: Sequence[int]) -> bytes:
    """A column of integers that grow slowly: the first, and the step to each next one."""
    return write_column(values[:1]) + write_column(list(map(sub, values[1:], values)))


def read_steps(data: bytes, offset: int, count: int) -> tuple[tuple[int, ...], int]:
    """The `count` integers, of which there is at least one, and where their columns end."""
    first, offset = read_column(data, offset, 1)
    steps, offset = read_column(data, offset, count - 1)
    return tuple(accumulate(steps, initial=first[0])), offset


def write_times(times: Times) -> bytes:
    """The columns of times and of their numbers of lines."""
    moments, counts = zip(*times, strict=True)
    return write_steps(moments) + write_column(counts)


def read_times(data: bytes, offset: int, count: int) -> tuple[Times, int]:
    """The times, of which there are `count`, and where their columns end."""
    moments, offset = read_steps(data, offset, count)
    counts, offset = read_column(data, offset, count)
    return list(zip(moments, counts, strict=True)), offset
