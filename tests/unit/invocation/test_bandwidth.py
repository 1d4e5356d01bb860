"""How fast a streamed response may go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdad.invocation.bandwidth import Bandwidth
from lambdad.model.limits import STREAMED_AT_ONCE

MB = 1 << 20


def test_the_first_6_mb_go_at_once() -> None:
    bandwidth = Bandwidth(MB)
    assert [bandwidth.send(MB, 0.0) for _ in range(6)] == [0.0] * 6
    assert bandwidth.send(MB, 0.0) == 1.0


def test_a_piece_that_begins_within_them_pays_for_what_is_beyond() -> None:
    assert Bandwidth(MB).send(STREAMED_AT_ONCE + MB // 2, 0.0) == 0.5


def test_without_a_rate_nothing_waits() -> None:
    bandwidth = Bandwidth(0)
    assert bandwidth.send(200 * MB, 0.0) == 0.0


def test_silence_is_not_saved_up() -> None:
    bandwidth = Bandwidth(MB)
    bandwidth.send(STREAMED_AT_ONCE, 0.0)
    assert bandwidth.send(MB, 100.0) == 1.0


@given(
    st.integers(1, 64 * MB),
    st.lists(st.tuples(st.integers(0, 2 * MB), st.floats(0, 5)), max_size=60),
)
def test_who_waits_as_told_is_never_faster_than_the_rate(
    rate: int, pieces: list[tuple[int, float]]
) -> None:
    bandwidth, now, sent = Bandwidth(rate), 0.0, 0
    for size, pause in pieces:
        now += pause
        sent += size
        now += bandwidth.send(size, now)
        assert sent - STREAMED_AT_ONCE <= rate * now * (1 + 1e-9) + 1e-6
