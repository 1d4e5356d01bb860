"""Reads what stands in a SEARCH."""

from __future__ import annotations

import re

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.search import (
    Condition,
    Either,
    Every,
    Not,
    Schema,
    Search,
    Term,
    whole_words,
)

LONGEST = 1024  # characters
DEEPEST = 32  # parentheses within each other

_TOKEN = re.compile(
    r"""\s*(?:
        \{(?P<schema>[^{}]*)\}
      | "(?P<exact>[^"]*)"
      | (?P<sign>[()=])
      | (?P<word>[^\s(){}"=]+)
    )""",
    re.VERBOSE,
)
_SCHEMA_PART = re.compile(r'\s*(?:"([^"]*)"|([^",]+?))\s*(?:,|$)')


def parse_search(query: str, statistic: str, period: float | None) -> Search:
    """Read the parts of a SEARCH; ExpressionError says what is wrong with them."""
    if len(query) > LONGEST:
        raise ExpressionError(f"The search expression is longer than {LONGEST} characters")
    if period is not None and (period < 1 or not float(period).is_integer()):
        raise ExpressionError("The period of a SEARCH must be a whole number of seconds")
    condition = _Parser(query).whole()
    return Search(query, statistic, None if period is None else int(period), condition)


class _Parser:
    """Reads a query from the left; `property` is what the terms are held against."""

    def __init__(self, query: str) -> None:
        self._tokens = _read_tokens(query)
        self._next = 0

    def whole(self) -> Condition:
        """All of it: a schema, conditions, or both."""
        if not self._tokens:
            raise ExpressionError("The search expression is empty")
        parts: list[Condition] = []
        if self._tokens[0][0] == "schema":
            self._next = 1
            parts.append(_schema(self._tokens[0][1]))
        if self._next < len(self._tokens):
            parts.append(self._either(None, 0))
        if self._next < len(self._tokens):
            raise self._unexpected()
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _either(self, property: str | None, depth: int) -> Condition:
        parts = [self._every(property, depth)]
        while self._takes("word", "OR"):
            parts.append(self._every(property, depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _every(self, property: str | None, depth: int) -> Condition:
        parts = [self._maybe_not(property, depth)]
        while self._takes("word", "AND") or self._begins_another():
            parts.append(self._maybe_not(property, depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _begins_another(self) -> bool:
        kind, text = self._token
        return (kind in ("exact", "word") and text != "OR") or (kind, text) == ("sign", "(")

    def _maybe_not(self, property: str | None, depth: int) -> Condition:
        negations = 0
        while self._takes("word", "NOT"):
            negations += 1
        part = self._part(property, depth)
        return Not(part) if negations % 2 else part

    def _part(self, property: str | None, depth: int) -> Condition:
        kind, text = self._token
        if self._takes("sign", "("):
            if depth == DEEPEST:
                raise ExpressionError(f"The search is nested deeper than {DEEPEST} levels")
            inner = self._either(property, depth + 1)
            if not self._takes("sign", ")"):
                raise self._unexpected()
            return inner
        if kind not in ("exact", "word") or (kind == "word" and text in ("AND", "OR")):
            raise self._unexpected()
        self._next += 1
        if property is None and self._takes("sign", "="):
            if text.startswith(":"):
                raise ExpressionError(f"Searches by {text} are not supported here")
            return self._part(text, depth)
        return _term(property, text, is_exact=kind == "exact")

    @property
    def _token(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _takes(self, kind: str, text: str) -> bool:
        is_next = self._token == (kind, text)
        self._next += is_next
        return is_next

    def _unexpected(self) -> ExpressionError:
        kind, text = self._token
        if kind == "end":
            return ExpressionError("Unexpected end of the search expression")
        return ExpressionError(f"Unexpected '{text}' in the search expression")


def _read_tokens(query: str) -> list[tuple[str, str]]:
    tokens, position, length = [], 0, len(query.rstrip())
    while position < length:
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"Unexpected '{query[position:].lstrip()[0]}' in the search")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


def _schema(text: str) -> Schema:
    names, position = [], 0
    while position < len(text):
        match = _SCHEMA_PART.match(text, position)
        if match is None:
            break
        names.append(match[1] if match[2] is None else match[2])
        position = match.end()
    if not names or position < len(text):
        raise ExpressionError(f"'{{{text}}}' is not a namespace and names of dimensions")
    return Schema(names[0], frozenset(names[1:]))


def _term(property: str | None, text: str, *, is_exact: bool) -> Term:
    if is_exact:
        return Term(property, text, None)
    words = whole_words(text)
    if not words:
        raise ExpressionError(f"'{text}' has no word to search for")
    return Term(property, text, words)
