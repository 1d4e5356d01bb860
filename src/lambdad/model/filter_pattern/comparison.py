"""Comparisons of one value: `= "x*"`, `!= %4\\d\\d%`, `>= 1.5e3`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lambdad.model.filter_pattern.regex import Regex, parse_regex
from lambdad.model.filter_pattern.scanner import Scanner

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")

_OPERATOR = re.compile(r"!=|<=|>=|=|<|>")
_REGEX = re.compile(r"%([^%]+)%")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r'(?:(?!&&|\|\|)[^\s"(){}\[\],%<>=])+')
_PART = re.compile(r"\\(.)|(\*+)|(.)", re.DOTALL)
_ORDER: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
)


@dataclass(frozen=True, slots=True)
class Value:
    """What a message says: the text, and whether it is a number."""

    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a pattern: numbers are equal by value, other values by how they are written."""

    text: str

    @property
    def value(self) -> float:
        return float(self.text)

    def equals(self, value: Value) -> bool:
        if value.is_number:
            return float(value.text) == self.value
        return value.text == self.text

    def required_terms(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Glob:
    """A text with stars: the pieces between them."""

    pieces: tuple[str, ...]

    def equals(self, value: Value) -> bool:
        text, (first, *others) = value.text, self.pieces
        if not others:
            return text == first
        *middle, last = others
        if not text.startswith(first):
            return False
        offset = len(first)
        for piece in middle:
            found = text.find(piece, offset)
            if found < 0:
                return False
            offset = found + len(piece)
        return len(text) - offset >= len(last) and text.endswith(last)

    def required_terms(self) -> frozenset[str]:
        return frozenset(self.pieces) - {""}


@dataclass(frozen=True, slots=True)
class Like:
    """What a regular expression finds."""

    regex: Regex

    def equals(self, value: Value) -> bool:
        return self.regex.is_in(value.text)

    def required_terms(self) -> frozenset[str]:
        return self.regex.required_terms()


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and what it compares with."""

    operator: str
    other: Number | Glob | Like

    def holds(self, value: Value) -> bool:
        if self.operator == "=":
            return self.other.equals(value)
        if self.operator == "!=":
            return not self.other.equals(value)
        assert isinstance(self.other, Number)
        return value.is_number and _ORDER[self.operator](float(value.text), self.other.value)

    def required_terms(self) -> frozenset[str]:
        return self.other.required_terms() if self.operator == "=" else frozenset()


def parse_comparison(scanner: Scanner) -> Comparison:
    """Read an operator and a value."""
    sign = scanner.take(_OPERATOR)
    if sign is None:
        raise scanner.invalid()
    other = _parse_other(scanner)
    if sign[0] in _ORDER and not isinstance(other, Number):
        raise scanner.invalid()
    return Comparison(sign[0], other)


def _parse_other(scanner: Scanner) -> Number | Glob | Like:
    if regex := scanner.take(_REGEX):
        return Like(parse_regex(regex[1]))
    if quoted := scanner.take(_QUOTED):
        return _glob(quoted[1])
    word = scanner.take(_WORD)
    if word is None:
        raise scanner.invalid()
    is_number = NUMBER.fullmatch(word[0]) is not None
    return Number(word[0]) if is_number else Glob(tuple(re.split(r"\*+", word[0])))


def _glob(quoted: str) -> Glob:
    """A quoted text, in which a backslash takes a star or a quote as it is."""
    pieces = [""]
    for escaped, stars, plain in _PART.findall(quoted):
        if stars:
            pieces.append("")
        else:
            pieces[-1] += escaped or plain
    return Glob(tuple(pieces))
