"""The map of user ids: the owner is the function's user, nobody else is, and all others stay."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lambdad.launcher.idmap import extents

IDS = st.integers(0, 0xFFFFFFFE)


def parse(text: str) -> list[tuple[int, ...]]:
    return [tuple(int(number) for number in line.split()) for line in text.splitlines()]


def seen(lines: list[tuple[int, ...]], owner: int) -> int | None:
    for inside, outside, count in lines:
        if inside <= owner < inside + count:
            return outside + owner - inside
    return None


@given(IDS, IDS, IDS)
def test_the_owner_is_the_functions_user_and_all_others_stay(
    owner: int, user: int, other: int
) -> None:
    lines = parse(extents(owner, user))
    assert seen(lines, owner) == user
    if other != owner:
        assert seen(lines, other) == (None if other == user else other)


@given(IDS, IDS)
def test_no_two_are_one(owner: int, user: int) -> None:
    """As the kernel wants it, on both sides."""
    lines = parse(extents(owner, user))
    assert len(lines) <= 4
    for side in (0, 1):
        ranges = sorted((line[side], line[side] + line[2]) for line in lines)
        assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
        assert ranges[-1][1] <= 0xFFFFFFFF
        assert all(line[2] > 0 for line in lines)
