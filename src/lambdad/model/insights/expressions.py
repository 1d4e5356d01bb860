"""Expressions, from the loosest operator to the tightest.

or ▷ and ▷ not ▷ comparison ▷ + - ▷ * / % ▷ ^ ▷ minus ▷ number, text, field, call, ( … )
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from lambdad.model.insights.malformed import MalformedQuery, Span
from lambdad.model.insights.periods import parse_period
from lambdad.model.insights.regexp import parse_regexp
from lambdad.model.insights.syntax import (
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Field,
    In,
    Like,
    Logic,
    Negative,
    Not,
    Number,
    Regexp,
    Star,
    Text,
)
from lambdad.model.insights.tokens import Kind, Token, tokenize

MAX_DEPTH = 40
MAX_OPERATORS = 200  # of one precedence in a row

T = TypeVar("T")

_COMPARISONS = ("=", "==", "!=", "<", "<=", ">", ">=")


class ExpressionReader:
    """Reads expressions from the words of a query, one behind the other."""

    def __init__(self, query: str) -> None:
        self.query = query
        self._tokens = tokenize(query)
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        """The word that comes next."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The word behind that one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    @property
    def is_at_end(self) -> bool:
        """Whether no word is left."""
        return self.token.kind is Kind.END

    @property
    def end(self) -> int:
        """Behind the word that was read last."""
        return self._tokens[self._at - 1].span[1] if self._at else 0

    def take(self) -> Token:
        """The word that comes next, which is read by this."""
        token = self.token
        if not self.is_at_end:
            self._at += 1
        return token

    def take_sign(self, *signs: str) -> Token | None:
        """The next word if it is one of these signs."""
        return self.take() if self.token.is_sign(*signs) else None

    def take_word(self, *words: str) -> Token | None:
        """The next word if it is one of these key words."""
        return self.take() if self.token.is_word(*words) else None

    def expect(self, sign: str) -> None:
        if self.take_sign(sign) is None:
            raise self.unexpected(f"'{sign}'")

    def expect_kind(self, kind: Kind) -> Token:
        if self.token.kind is not kind:
            raise self.unexpected(kind.value)
        return self.take()

    def list_of(self, read: Callable[[], T]) -> tuple[T, ...]:
        """One or more with commas between them."""
        items = [read()]
        while self.take_sign(","):
            items.append(read())
        return tuple(items)

    def name(self) -> Token:
        """A name, with or without backticks."""
        if self.token.kind not in (Kind.NAME, Kind.QUOTED_NAME):
            raise self.unexpected(Kind.NAME.value)
        return self.take()

    def field(self) -> Field:
        name = self.name()
        return Field(name.value, name.span)

    def unexpected(self, wanted: str) -> MalformedQuery:
        """The error for what comes next."""
        found = self.query[slice(*self.token.span)] or self.token.kind.value
        return MalformedQuery(
            f"unexpected symbol found {found}, {wanted} expected", self.token.span
        )

    def expression(self) -> Expression:
        """The longest expression from here on."""
        with self._deeper():
            return self._logic("or", lambda: self._logic("and", self._not))

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        if self._depth == MAX_DEPTH:
            raise MalformedQuery("the query is nested too deeply", self.token.span)
        self._depth += 1
        yield
        self._depth -= 1

    def _logic(self, operator: str, operand: Callable[[], Expression]) -> Expression:
        operands = [operand()]
        while self.take_word(operator):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands))

    def _not(self) -> Expression:
        if self.take_word("not") is None:
            return self._comparison()
        with self._deeper():
            return Not(self._not())

    def _comparison(self) -> Expression:
        left = self._sum()
        sign = self.take_sign(*_COMPARISONS)
        if sign is not None:
            operator = "=" if sign.value == "==" else sign.value
            return Comparison(operator, left, self._sum())
        if self.take_sign("=~"):
            return Like(left, self._pattern())
        if self.take_word("not"):
            return Not(self._like_or_in(left))
        return self._like_or_in(left) if self.token.is_word("like", "in") else left

    def _like_or_in(self, left: Expression) -> Expression:
        if self.take_word("like"):
            return Like(left, self._pattern())
        if self.take_word("in"):
            self.expect("[")
            choices = self.list_of(self._sum)
            self.expect("]")
            return In(left, choices)
        raise self.unexpected("'like' or 'in'")

    def _pattern(self) -> Text | Regexp:
        if self.token.kind is Kind.REGEXP:
            pattern = self.take()
            return parse_regexp(pattern.value, pattern.span)
        if self.token.kind is Kind.TEXT:
            return Text(self.take().value)
        raise self.unexpected("a text in quotes or a regular expression")

    def _sum(self) -> Expression:
        return self._arithmetic(("+", "-"), self._product)

    def _product(self) -> Expression:
        return self._arithmetic(("*", "/", "%"), self._power)

    def _arithmetic(
        self, operators: tuple[str, ...], operand: Callable[[], Expression]
    ) -> Expression:
        first = operand()
        rest: list[tuple[str, Expression]] = []
        while (sign := self.take_sign(*operators)) is not None:
            rest.append((sign.value, operand()))
            if len(rest) > MAX_OPERATORS:
                raise MalformedQuery("the expression is too long", sign.span)
        return Arithmetic(first, tuple(rest)) if rest else first

    def _power(self) -> Expression:
        base = self._negative()
        if self.take_sign("^") is None:
            return base
        with self._deeper():  # 2 ^ 3 ^ 2 is 2 ^ 9
            return Arithmetic(base, (("^", self._power()),))

    def _negative(self) -> Expression:
        if self.take_sign("-") is None:
            return self._primary()
        with self._deeper():
            return Negative(self._negative())

    def _primary(self) -> Expression:
        token = self.token
        if token.kind is Kind.NUMBER:
            return self._number(self.take())
        if token.kind is Kind.TEXT:
            return Text(self.take().value)
        if token.kind is Kind.PERIOD:
            return parse_period(self.take())
        if self.take_sign("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if token.kind is Kind.QUOTED_NAME:
            return self.field()
        if token.kind is Kind.NAME:
            return self._field_or_call()
        raise self.unexpected("a field, a value or a function")

    def _number(self, token: Token) -> Number:
        value = float(token.value)
        if not math.isfinite(value):
            raise MalformedQuery("the number is too large", token.span)
        return Number(value)

    def _field_or_call(self) -> Expression:
        name = self.take()
        if self.take_sign("("):
            arguments = self._arguments()
            span = (name.span[0], self.end)
            return Call(name.value.lower(), arguments, self.text(span), span)
        if name.is_word("true", "false"):
            return Text(name.value.lower())
        return Field(name.value, name.span)

    def _arguments(self) -> tuple[Expression, ...]:
        if self.take_sign(")"):
            return ()
        arguments = self.list_of(self._argument)
        self.expect(")")
        return arguments

    def _argument(self) -> Expression:
        return Star() if self.take_sign("*") else self.expression()

    def text(self, span: Span) -> str:
        """That part of the query as it is written."""
        return self.query[slice(*span)]
