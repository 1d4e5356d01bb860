"""Reads expressions.

||, OR                    binds least
&&, AND
==  !=  <  <=  >  >=
+  -
*  /  %
- (in front of one)
^                         binds most, and from the right
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.functions import check_call
from lambdad.model.metric_math.search import Search
from lambdad.model.metric_math.search_parser import parse_search
from lambdad.model.metric_math.syntax import (
    Array,
    Call,
    Chain,
    Metrics,
    Negation,
    Node,
    Number,
    Reference,
    Text,
    Word,
    walk,
)
from lambdad.model.metric_math.tokens import END, Token, read_tokens

LONGEST = 2048  # characters
DEEPEST = 32  # parentheses, calls, arrays and powers within each other

_RANKS: Sequence[frozenset[str]] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that has been read."""

    text: str
    root: Node

    def references(self) -> frozenset[str]:
        """The ids of the metrics and expressions that it names; METRICS() names none."""
        return frozenset(node.id for node in walk(self.root) if isinstance(node, Reference))

    def searches(self) -> tuple[Search, ...]:
        """What it searches for; who evaluates it must have found that."""
        return tuple(node for node in walk(self.root) if isinstance(node, Search))


def parse(text: str) -> Expression:
    """Read an expression; ExpressionError says what is wrong with it."""
    if len(text) > LONGEST:
        raise ExpressionError(f"The expression is longer than {LONGEST} characters")
    if text.lstrip().upper().startswith("SELECT "):
        raise ExpressionError("Metrics Insights queries (SELECT) are not supported here")
    parser = _Parser(read_tokens(text))
    root = parser.chain(0, 0)
    parser.expect_end()
    if isinstance(root, Word | Text):
        raise ExpressionError(f"'{root.value}' is not an expression")
    return Expression(text, root)


class _Parser:
    """Reads tokens from the left; `depth` says how far inside the caller is."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def chain(self, rank: int, depth: int) -> Node:
        """Operands of a higher rank, and operators of this one between them."""
        if rank == len(_RANKS):
            return self._negation(depth)
        first = self.chain(rank + 1, depth)
        rest = []
        while (operator := self._operator()) in _RANKS[rank]:
            self._next += 1
            rest.append((operator, self.chain(rank + 1, depth)))
        return Chain(first, tuple(rest)) if rest else first

    def expect_end(self) -> None:
        """There must be nothing more."""
        if self._token.kind != END:
            raise self._unexpected()

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _operator(self) -> str:
        token = self._token
        if token.kind == "name":
            return {"AND": "&&", "OR": "||"}.get(token.text, "")
        return token.text if token.kind == "sign" else ""

    def _negation(self, depth: int) -> Node:
        signs = 0
        while self._takes("-"):
            signs += 1
        operand = self._power(depth)
        return Negation(operand) if signs % 2 else operand

    def _power(self, depth: int) -> Node:
        base = self._operand(depth)
        if not self._takes("^"):
            return base
        return Chain(base, (("^", self._negation(_deeper(depth))),))

    def _operand(self, depth: int) -> Node:
        token = self._token
        self._next += 1
        match token.kind, token.text:
            case "number", text:
                return Number(float(text))
            case "text", text:
                return Text(text[1:-1])
            case "name", name:
                return self._named(name, depth)
            case "sign", "(":
                inner = self.chain(0, _deeper(depth))
                self._expect(")")
                return inner
            case "sign", "[":
                return Array(self._list("]", depth))
        self._next -= 1
        raise self._unexpected()

    def _named(self, name: str, depth: int) -> Node:
        if self._takes("("):
            return _call(name.upper(), self._list(")", depth))
        return Reference(name) if name[0].islower() else Word(name.upper())

    def _list(self, closing: str, depth: int) -> tuple[Node, ...]:
        if self._takes(closing):
            return ()
        items = [self.chain(0, _deeper(depth))]
        while self._takes(","):
            items.append(self.chain(0, _deeper(depth)))
        self._expect(closing)
        return tuple(items)

    def _takes(self, sign: str) -> bool:
        is_next = self._token.kind == "sign" and self._token.text == sign
        self._next += is_next
        return is_next

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._unexpected()

    def _unexpected(self) -> ExpressionError:
        token = self._token
        if token.kind == END:
            return ExpressionError("Unexpected end of the expression")
        return ExpressionError(f"Unexpected '{token.text}' at position {token.start + 1}")


def _deeper(depth: int) -> int:
    if depth >= DEEPEST:
        raise ExpressionError(f"The expression is nested deeper than {DEEPEST} levels")
    return depth + 1


def _call(name: str, arguments: tuple[Node, ...]) -> Node:
    if name == "SEARCH":
        return _search(arguments)
    if name == "METRICS":
        return _metrics(arguments)
    check_call(name, len(arguments))
    return Call(name, arguments)


def _search(arguments: tuple[Node, ...]) -> Search:
    match arguments:
        case (Text(query), Text(statistic)):
            return parse_search(query, statistic, None)
        case (Text(query), Text(statistic), Number(period)):
            return parse_search(query, statistic, period)
    raise ExpressionError("SEARCH needs a search expression, a statistic and a period")


def _metrics(arguments: tuple[Node, ...]) -> Metrics:
    match arguments:
        case ():
            return Metrics("")
        case (Text(part),):
            return Metrics(part)
    raise ExpressionError("METRICS takes nothing, or a part of the metrics' ids")
