"""A body takes hardly more memory than it has bytes, however it comes."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.pieces import add_piece


@given(st.lists(st.binary(max_size=700), max_size=40))
def test_nothing_is_lost(pieces: list[bytes]) -> None:
    kept: list[bytes] = []
    for piece in pieces:
        add_piece(kept, piece)
    assert b"".join(kept) == b"".join(pieces)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 513])
def test_small_pieces_take_little_more_than_they_have(size: int) -> None:
    kept: list[bytes] = []
    for _ in range(10_000):
        add_piece(kept, b"x" * size)
    taken = sys.getsizeof(kept) + sum(map(sys.getsizeof, kept))
    assert taken < 1.3 * 10_000 * size


def test_a_large_piece_is_not_copied() -> None:
    first, second = bytes(1_000), bytes(1_000)
    kept = [first]
    add_piece(kept, second)
    assert kept[1] is second
