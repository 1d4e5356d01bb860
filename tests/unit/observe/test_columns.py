"""Columns: what is written is read back, whatever its width."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.observe.columns import (
    read_column,
    read_steps,
    read_times,
    write_column,
    write_steps,
    write_times,
)

wide = st.integers(-(2**62), 2**62 - 1)  # so that the step between two has 64 bits at most
numbers = st.one_of(st.integers(0, 255), st.integers(-(2**31), 2**31), wide)


@given(st.lists(numbers), st.binary(max_size=3))
def test_integers_of_any_width_come_back(values: list[int], before: bytes) -> None:
    written = before + write_column(values)
    assert read_column(written, len(before), len(values)) == (tuple(values), len(written))


@given(st.lists(numbers, min_size=1))
def test_steps_lead_to_the_same_integers(values: list[int]) -> None:
    written = write_steps(values)
    assert read_steps(written, 0, len(values)) == (tuple(values), len(written))


@given(st.lists(st.tuples(numbers, st.integers(1, 9)), min_size=1))
def test_times_come_back_with_their_numbers_of_lines(times: list[tuple[int, int]]) -> None:
    written = write_times(times)
    assert read_times(written, 0, len(times)) == (times, len(written))


def test_small_integers_take_a_byte_each() -> None:
    assert len(write_column([255] * 10)) == 11


def test_what_needs_more_than_64_bits_is_refused() -> None:
    with pytest.raises(struct.error):
        write_column([2**70])
