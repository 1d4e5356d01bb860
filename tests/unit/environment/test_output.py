"""What a function prints: from a pipe to lines, whatever the pieces in which it comes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import happens

from lambdad.environment import output as output_module
from lambdad.environment.output import MAX_LINE, Output
from lambdad.model.lines import Lines


class Printer:
    """A pipe whose reading end is an Output."""

    def __init__(self, is_congested: Callable[[], bool] = lambda: False) -> None:
        reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)
        self.lines: list[str] = []
        self.batches = 0
        self.output = Output(reading, now=lambda: 12.5, emit=self._emit, is_congested=is_congested)

    def _emit(self, lines: Lines) -> None:
        assert {line.timestamp_ms for line in lines} == {12_500}
        self.batches += 1
        self.lines += [line.message for line in lines]

    def print(self, chunk: bytes) -> None:
        """Print so much; what the pipe cannot hold is read meanwhile."""
        while chunk:
            try:
                chunk = chunk[os.write(self.writing, chunk) :]
            except BlockingIOError:
                self.output.drain()
        self.output.drain()

    def print_without_end(self) -> None:
        while True:
            os.write(self.writing, b"x" * 1000)
            self.output.drain()

    def close(self) -> list[str]:
        os.close(self.writing)
        self.output.drain()
        self.output.close()
        return self.lines


async def test_lines_come_by_themselves_as_they_are_printed() -> None:
    printer = Printer()
    os.write(printer.writing, b"one\ntwo\nthr")
    await happens(lambda: printer.lines)
    assert printer.lines == ["one", "two"]
    os.write(printer.writing, b"ee\n")
    await happens(lambda: len(printer.lines) == 3)
    assert printer.close() == ["one", "two", "three"]


async def test_a_last_line_without_an_end_counts() -> None:
    printer = Printer()
    printer.print(b"one\nlast")
    assert printer.lines == ["one"]
    assert printer.close() == ["one", "last"]


async def test_the_end_of_the_pipe_closes_it_once() -> None:
    printer = Printer()
    printer.print(b"last")
    printer.close()
    printer.output.close()
    printer.output.drain()
    assert printer.lines == ["last"]


async def test_empty_lines_count() -> None:
    printer = Printer()
    printer.print(b"\n\na\n")
    assert printer.close() == ["", "", "a"]


async def test_carriage_returns_are_line_feeds_inside_of_one_event() -> None:
    printer = Printer()
    printer.print(b"Traceback\r  line 1\rError\nnext\r\n")
    assert printer.close() == ["Traceback\n  line 1\nError", "next"]


async def test_what_is_not_utf8_is_replaced() -> None:
    printer = Printer()
    printer.print(b"a\xffb\n\xc3\n")
    assert printer.close() == ["a\ufffdb", "\ufffd"]


async def test_a_character_may_come_in_two_pieces() -> None:
    printer = Printer()
    printer.print("ü".encode()[:1])
    printer.print("ü".encode()[1:] + b"\n")
    assert printer.close() == ["ü"]


@pytest.mark.parametrize("size", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE + 7])
async def test_a_longer_line_becomes_several(size: int) -> None:
    printer = Printer()
    printer.print(b"x" * size + b"\nend\n")
    *pieces, last = printer.close()
    assert last == "end"
    assert "".join(pieces) == "x" * size
    assert max(map(len, pieces)) <= MAX_LINE
    assert len(pieces) == -(-size // MAX_LINE)


async def test_a_line_that_comes_in_small_pieces_is_cut_at_the_same_size() -> None:
    """The end of a line may come with a piece that is itself too much."""
    printer = Printer()
    printer.print(b"x" * MAX_LINE)
    printer.print(b"y" * 60_000 + b"\n")
    assert max(map(len, printer.close())) <= MAX_LINE


def run(scenario: Callable[[], Iterable[str]]) -> list[str]:
    async def main() -> list[str]:
        return list(scenario())

    return asyncio.run(main())


pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                b"\n",
                b"\r",
                b"\r\n",
                b"\r\r\n",
                b"\xff",
                b"\xc3",
                b"\xbc",
                b"\xf0\x9f",
                b"x" * 5000,
                b"",
            ]
        ),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(pieces)
def test_the_pieces_do_not_matter(pieces: list[bytes]) -> None:
    def scenario() -> Iterable[str]:
        printer = Printer()
        for piece in pieces:
            printer.print(piece)
        return printer.close()

    text = b"".join(pieces)
    lines = (text if text.endswith(b"\n") or not text else text + b"\n").split(b"\n")[:-1]
    expected = [line.decode("utf-8", "replace").replace("\r", "\n").rstrip("\n") for line in lines]
    assert run(scenario) == expected


# A log that cannot keep up


async def test_nothing_is_read_while_the_log_is_congested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    monkeypatch.setattr(output_module, "_RETRY_SECONDS", 0.001)
    is_congested = True
    printer = Printer(lambda: is_congested)
    os.write(printer.writing, b"one\n")
    await asyncio.sleep(0.01)
    assert printer.lines == []
    # When
    is_congested = False
    await happens(lambda: printer.lines)
    # Then
    assert printer.close() == ["one"]


async def test_a_pipe_that_is_full_makes_the_function_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_module, "_RETRY_SECONDS", 10)
    printer = Printer(lambda: True)
    with pytest.raises(BlockingIOError):
        printer.print_without_end()
    printer.output.close()
    os.close(printer.writing)


async def test_what_was_printed_last_is_kept_though_the_log_is_congested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A crash prints its traceback and ends; a busy log is no reason to lose it."""
    monkeypatch.setattr(output_module, "_RETRY_SECONDS", 10)
    printer = Printer(lambda: True)
    os.write(printer.writing, b"last words\n")
    assert printer.close() == ["last words"]


async def test_closing_in_a_pause_is_the_end_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_module, "_RETRY_SECONDS", 0.001)
    printer = Printer(lambda: True)
    os.write(printer.writing, b"one\n")
    await asyncio.sleep(0.002)
    printer.close()
    await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("piece", "turn"),
    [
        (b"x" * 4_095 + b"\n", output_module._READS_PER_TURN),
        (b"\n" * output_module._LINES_PER_TURN, 1),
        (b"x\n" * (output_module._LINES_PER_TURN // 10), 10),
    ],
    ids=["long lines", "empty lines", "short lines"],
)
async def test_one_chatterbox_leaves_the_others_their_turn(
    monkeypatch: pytest.MonkeyPatch, piece: bytes, turn: int
) -> None:
    reads: list[int] = []

    def always_more(descriptor: int, size: int) -> bytes:
        reads.append(size)
        return piece

    printer = Printer()
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", always_more)
        printer.output.drain()
    assert len(reads) == turn
    printer.close()


async def test_a_pipe_full_of_empty_lines_is_read_to_the_last() -> None:
    printer = Printer()
    os.write(printer.writing, b"\n" * 65_536)
    printer.output.drain_to_the_last()
    assert printer.lines == [""] * 65_536
    os.write(printer.writing, b"\n" * 65_536)
    printer.close()
    assert len(printer.lines) == 2 * 65_536
