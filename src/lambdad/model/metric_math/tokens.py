"""The words of an expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambdad.model.metric_math.errors import ExpressionError

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z][A-Za-z0-9_]*)
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%^<>()\[\],])
    )""",
    re.VERBOSE | re.ASCII,
)
END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, name, text, sign or end; `start` is where it stands."""

    kind: str
    text: str
    start: int


def read_tokens(expression: str) -> list[Token]:
    """All words of an expression, and one for its end; ExpressionError at what is none."""
    tokens, position, length = [], 0, len(expression.rstrip())
    while position < length:
        match = _TOKEN.match(expression, position)
        if match is None or match.lastgroup is None:
            text = expression[position:].lstrip()
            raise ExpressionError(f"Unexpected '{text[0]}' at {_place(expression, text)}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*tokens, Token(END, "", length)]


def _place(expression: str, rest: str) -> str:
    return f"position {len(expression) - len(rest) + 1}"
