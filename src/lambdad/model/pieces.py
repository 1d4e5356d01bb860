"""A body that comes in pieces of any size, kept in a list until it is joined.

A piece costs some forty bytes beside its own. Whoever sends few bytes at a time could so make a
body take twenty times the memory that it may have.
"""

from __future__ import annotations

_SMALL = 512  # bytes


def add_piece(pieces: list[bytes], piece: bytes) -> None:
    """Put it behind the others; one of few bytes becomes a part of the last."""
    if pieces and len(pieces[-1]) + len(piece) <= _SMALL:
        pieces[-1] += piece
    else:
        pieces.append(piece)
