"""What a command shows: its result on standard output, everything else on standard error.

With `--json`, standard output carries one JSON document and nothing else. Colours come only on a
terminal and not when NO_COLOR is set, which rich sees to. rich is imported when it is first used.
"""

from __future__ import annotations

import codecs
import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# Wide enough that a table or line in a file is never folded.
_UNFOLDED = 100_000
# A table's columns of text, which are folded first: the names that the others are about are there.
NARROWEST = 12
# What a function printed must not steer the terminal: control characters become visible ones.
_VISIBLE = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


class Screen:
    """The two streams, and whether a machine reads the first."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @cached_property
    def out(self) -> Console:
        """Standard output, for people."""
        return _console(stderr=False)

    @cached_property
    def err(self) -> Console:
        """Standard error: progress, log tails, notes."""
        return _console(stderr=True)

    def json(self, value: Any) -> None:
        """Print `value` as one JSON document."""
        if self.as_json or not self.out.is_terminal:
            click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
        else:
            self.out.print_json(data=value, default=str)

    def json_line(self, value: Any) -> None:
        """Print `value` as one line of JSON, for output that has no end."""
        click.echo(json.dumps(value, ensure_ascii=False, default=str))

    def raw(self, piece: bytes) -> None:
        """Print a piece of the result, at once and as it is; made visible on a terminal."""
        stream = sys.stdout.buffer
        if stream.isatty():
            piece = visible(self._decoder.decode(piece)).encode()
        stream.write(piece)
        stream.flush()

    def show(self, renderable: RenderableType) -> None:
        """Print a table or a styled text to standard output."""
        self.out.print(renderable, soft_wrap=False)

    def line(self, text: str, style: str = "") -> None:
        """Print one line of the result, unfolded."""
        self.out.print(visible(text), style=style, markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """Say something beside the result; silent when a machine reads."""
        if not self.as_json:
            self.err.print(
                visible(text), style=style, markup=False, highlight=False, soft_wrap=True
            )


def visible(text: str) -> str:
    """`text` with control characters made visible, and carriage returns made line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_VISIBLE)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else _UNFOLDED)
