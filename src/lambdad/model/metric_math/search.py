"""SEARCH: which metrics an expression is about, said by words of their names.

    SEARCH('{AWS/Lambda,FunctionName} MetricName="Errors" NOT test', 'Sum', 300)

    {Namespace,Dimension,…}   only metrics of this namespace, with exactly these dimensions
    word                      a word in the namespace, name or dimensions, whatever its case
    "text"                    one of them is just this
    Name=word                 only in `Namespace`, `MetricName` or the value of the dimension Name
    AND (or nothing), OR, NOT and parentheses

Words are what stands between other characters than letters and digits, and the parts of these:
`NetworkIn-2` has NetworkIn, Network, In and 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Schema:
    """`{AWS/Lambda,FunctionName}`."""

    namespace: str
    dimensions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Term:
    """`Errors`, `"Errors"`, `MetricName=Errors`."""

    property: str | None
    text: str
    words: frozenset[str] | None  # None when the text is meant exactly


@dataclass(frozen=True, slots=True)
class Every:
    """All of these."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of these."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not this."""

    part: Condition


Condition: TypeAlias = Schema | Term | Every | Either | Not


@dataclass(frozen=True, slots=True)
class Search:
    """A search that has been read. `statistic` and `period` (in seconds, None for the request's)
    are those of the series that are wanted."""

    query: str
    statistic: str
    period: int | None
    condition: Condition = field(repr=False)

    def matches(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> bool:
        """Whether this metric is one of those."""
        return _holds(self.condition, namespace, name, dimensions)


def _holds(condition: Condition, namespace: str, name: str, dimensions: Mapping[str, str]) -> bool:
    match condition:
        case Schema():
            return condition.namespace == namespace and condition.dimensions == dimensions.keys()
        case Term():
            fields = _fields(condition.property, namespace, name, dimensions)
            return any(_is_in(condition, each) for each in fields)
        case Every(parts):
            return all(_holds(part, namespace, name, dimensions) for part in parts)
        case Either(parts):
            return any(_holds(part, namespace, name, dimensions) for part in parts)
        case Not(part):
            return not _holds(part, namespace, name, dimensions)


def _fields(
    property: str | None, namespace: str, name: str, dimensions: Mapping[str, str]
) -> Iterable[str]:
    match property:
        case None:
            return (namespace, name, *dimensions.keys(), *dimensions.values())
        case "Namespace":
            return (namespace,)
        case "MetricName":
            return (name,)
    return (dimensions[property],) if property in dimensions else ()


def _is_in(term: Term, text: str) -> bool:
    return term.text == text if term.words is None else term.words <= words_of(text)


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """The words by which `text` is found, in lower case."""
    parts = (part.lower() for word in _WORD.findall(text) for part in _PART.findall(word))
    return whole_words(text) | frozenset(parts)


def whole_words(text: str) -> frozenset[str]:
    """The words that stand in `text`, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(text))
