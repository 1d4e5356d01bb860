"""The words of a query.

A slash begins a regular expression where one can stand (after `like` and `=~`, and anywhere in a
`parse` command), and divides elsewhere. `#` begins a comment that ends with the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from lambdad.model.insights.malformed import MalformedQuery, Span


class Kind(Enum):
    NAME = "a name"
    QUOTED_NAME = "a name in backticks"
    NUMBER = "a number"
    PERIOD = "a period"
    TEXT = "a text in quotes"
    REGEXP = "a regular expression"
    SIGN = "a sign"
    END = "the end of the query"


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `value` is what it says, without quotes and escapes."""

    kind: Kind
    value: str
    span: Span

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these key words, in upper or lower case."""
        return self.kind is Kind.NAME and self.value.lower() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind is Kind.SIGN and self.value in signs


_BLANK = re.compile(r"(?:\s|#[^\n]*)+")
_NAME = re.compile(r"[^\W\d][\w.@$]*|[@$][\w.@$]*")
# Digits that are read are not given back: a long row of them would be tried in every division.
_PERIOD = re.compile(r"[0-9]++[A-Za-z]+")
_NUMBER = re.compile(r"(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+(?![\w.])")
_SIGN = re.compile(r"=~|!=|<=|>=|==|[-+*/%^=<>(),|\[\]]")
_LEXICON = ((Kind.NAME, _NAME), (Kind.NUMBER, _NUMBER), (Kind.PERIOD, _PERIOD), (Kind.SIGN, _SIGN))
_QUOTES = {'"': Kind.TEXT, "'": Kind.TEXT, "`": Kind.QUOTED_NAME}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokenize(query: str) -> list[Token]:
    """The words of `query`, the last of which is its end."""
    tokens: list[Token] = []
    command = ""  # the word that the command began with
    at = _skip_blank(query, 0)
    while at < len(query):
        token = _token(query, at, regexp=_takes_regexp(tokens, command))
        if not tokens or tokens[-1].is_sign("|"):
            command = token.value.lower()
        tokens.append(token)
        at = _skip_blank(query, token.span[1])
    return [*tokens, Token(Kind.END, "", (len(query), len(query)))]


def _takes_regexp(tokens: list[Token], command: str) -> bool:
    if not tokens or tokens[-1].is_sign("|"):
        return False
    return command == "parse" or tokens[-1].is_word("like") or tokens[-1].is_sign("=~")


def _skip_blank(query: str, at: int) -> int:
    blank = _BLANK.match(query, at)
    return at if blank is None else blank.end()


def _token(query: str, at: int, *, regexp: bool) -> Token:
    if query[at] in _QUOTES:
        return _quoted(query, at, _QUOTES[query[at]])
    if query[at] == "/" and regexp:
        return _quoted(query, at, Kind.REGEXP)
    for kind, pattern in _LEXICON:
        found = pattern.match(query, at)
        if found is not None:
            return Token(kind, found.group(), found.span())
    raise MalformedQuery(f"unexpected symbol found {query[at]}", (at, at + 1))


def _quoted(query: str, start: int, kind: Kind) -> Token:
    """What stands between two equal signs; a backslash protects the sign, or itself."""
    mark = query[start]
    parts: list[str] = []
    at = start + 1
    while at < len(query) and query[at] != mark:
        if query[at] == "\\" and at + 1 < len(query):
            parts.append(_unescape(query[at + 1], mark))
            at += 2
        else:
            parts.append(query[at])
            at += 1
    if at >= len(query):
        raise MalformedQuery(f"{kind.value} is not closed", (start, len(query)))
    return Token(kind, "".join(parts), (start, at + 1))


def _unescape(character: str, mark: str) -> str:
    if character == mark:
        return mark
    if mark == "/":  # the other escapes are the regular expression's own
        return f"\\{character}"
    if character in "\\\"'":
        return character
    return _ESCAPES.get(character, f"\\{character}")
