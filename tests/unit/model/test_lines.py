"""Lines in one piece are the same lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.lines import END, Lines
from lambdad.model.log_line import LogLine

some_lines = st.lists(st.builds(LogLine, st.integers(0, 5), st.text()), max_size=8)


@given(some_lines)
def test_they_come_back_as_they_were(lines: list[LogLine]) -> None:
    piece = Lines.of(lines)
    assert list(piece) == lines
    assert len(piece) == len(lines)


@given(st.lists(some_lines, min_size=1))
def test_pieces_are_joined_in_their_order(pieces: list[list[LogLine]]) -> None:
    joined = Lines.joined([Lines.of(lines) for lines in pieces])
    assert list(joined) == [line for lines in pieces for line in lines]


def test_a_text_is_lines_of_one_time() -> None:
    lines = Lines.at(7, b"one" + END + END + b"three" + END)
    assert list(lines) == [LogLine(7, "one"), LogLine(7, ""), LogLine(7, "three")]
    assert (lines.first_ms, lines.last_ms) == (7, 7)


def test_their_size_is_that_which_cloudwatch_counts() -> None:
    assert Lines.of([LogLine(0, "Größe"), LogLine(9, "xx")]).stored_size == 7 + 2 + 2 * 26
