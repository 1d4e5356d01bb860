"""Patterns of JSON messages: `{ $.level = "ERROR" && ($.tries >= 2 || $.id NOT EXISTS) }`.

A message that is no JSON object does not match. A comparison, also `!=`, says something of a value
that is there: text, a number, true or false; none holds for an array, an object or what is missing.
Where `[*]` finds several, one is enough.

What a pattern asks for must be in the message as it is written there: before a message is read as
JSON the texts of names and values are looked for in it. So letters and digits that a writer has
made `\\u0041` are not found; there is no such writer of logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from lambdad.model.filter_pattern.comparison import Comparison, Value, parse_comparison
from lambdad.model.filter_pattern.expression import Condition, parse_expression
from lambdad.model.filter_pattern.scanner import Scanner
from lambdad.model.filter_pattern.selector import Selector, parse_selector, take_selector

_IS = re.compile(r"IS\s+(TRUE|FALSE|NULL)\b", re.IGNORECASE)
_NOT_EXISTS = re.compile(r"NOT\s+EXISTS\b", re.IGNORECASE)
_AS_WRITTEN = re.compile(r"[A-Za-z0-9 _.,:;@#=+*-]+")  # what JSON writes without a backslash


class _Number(str):
    """A number as a message writes it, however many digits it has."""

    __slots__ = ()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse)


@dataclass(frozen=True, slots=True)
class _Compared:
    """`$.level = "ERROR"`"""

    selector: Selector
    comparison: Comparison

    def holds(self, said: Any) -> bool:
        values = map(_value, self.selector.find(said))
        return any(value is not None and self.comparison.holds(value) for value in values)

    def required_terms(self) -> frozenset[str]:
        return _as_written([*self.selector.names, *self.comparison.required_terms()])


@dataclass(frozen=True, slots=True)
class _Is:
    """`$.flag IS TRUE`"""

    selector: Selector
    constant: bool | None

    def holds(self, said: Any) -> bool:
        return any(value is self.constant for value in self.selector.find(said))

    def required_terms(self) -> frozenset[str]:
        return _as_written([*self.selector.names, json.dumps(self.constant)])


@dataclass(frozen=True, slots=True)
class _IsMissing:
    """`$.id NOT EXISTS`"""

    selector: Selector

    def holds(self, said: Any) -> bool:
        return not self.selector.find(said)

    def required_terms(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class JsonPattern:
    """A condition on a message that is a JSON object, and the selectors that it names."""

    condition: Condition[Any]
    selectors: tuple[Selector, ...]

    def matches(self, message: str) -> bool:
        return self._read(message) is not None

    def extract(self, message: str, also: Collection[str] = ()) -> dict[str, str] | None:
        document = self._read(message)
        if document is None:
            return None
        references = filter(None, map(parse_selector, also))
        selectors = {each.text: each for each in (*self.selectors, *references)}
        values = {text: _first(selector, document) for text, selector in selectors.items()}
        return {text: value.text for text, value in values.items() if value is not None}

    def required_terms(self) -> frozenset[str]:
        return self._required

    @cached_property
    def _required(self) -> frozenset[str]:
        return self.condition.required_terms()

    def _read(self, message: str) -> dict[str, Any] | None:
        """The message as JSON, if it matches."""
        if not all(term in message for term in self._required):
            return None
        document = _parse(message)
        return document if document is not None and self.condition.holds(document) else None


def parse_json_pattern(text: str) -> JsonPattern:
    """Read `{ … }`."""
    scanner = Scanner(text)
    selectors: list[Selector] = []

    def parse_condition(scanner: Scanner) -> Condition[Any]:
        selector = take_selector(scanner)
        if selector is None:
            raise scanner.invalid()
        selectors.append(selector)
        return _parse_condition(scanner, selector)

    scanner.expect("{")
    condition = parse_expression(scanner, parse_condition)
    scanner.expect("}")
    scanner.expect_end()
    return JsonPattern(condition, tuple(selectors))


def _parse_condition(scanner: Scanner, selector: Selector) -> Condition[Any]:
    if constant := scanner.take(_IS):
        return _Is(selector, {"TRUE": True, "FALSE": False, "NULL": None}[constant[1].upper()])
    if scanner.take(_NOT_EXISTS):
        return _IsMissing(selector)
    return _Compared(selector, parse_comparison(scanner))


def _parse(message: str) -> dict[str, Any] | None:
    try:
        document = _DECODER.decode(message)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _value(found: Any) -> Value | None:
    """What can be compared; None for an array, an object and null."""
    if isinstance(found, bool):
        return Value(json.dumps(found), is_number=False)
    if isinstance(found, str):
        return Value(str(found), is_number=isinstance(found, _Number))
    return None


def _first(selector: Selector, document: Any) -> Value | None:
    return next(filter(None, map(_value, selector.find(document))), None)


def _as_written(texts: Iterable[str]) -> frozenset[str]:
    """The parts of the texts that JSON writes as they are."""
    return frozenset(part for text in texts for part in _AS_WRITTEN.findall(text))
