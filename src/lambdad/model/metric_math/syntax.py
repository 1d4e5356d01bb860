"""The tree that an expression is read into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from lambdad.model.metric_math.search import Search


@dataclass(frozen=True, slots=True)
class Number:
    """`50.25`."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """`'errors'`."""

    value: str


@dataclass(frozen=True, slots=True)
class Word:
    """`REPEAT`, `ASC`: what some functions are told."""

    value: str


@dataclass(frozen=True, slots=True)
class Reference:
    """`m1`: a metric or another expression of the request."""

    id: str


@dataclass(frozen=True, slots=True)
class Array:
    """`[m1, m2]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """`-m1`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Chain:
    """`m1 + m2 - m3`: operators of one rank, from left to right. As long as it may be, it is no
    deeper than its operands."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    """`METRICS("err")`: the metrics of the request whose ids contain `part`."""

    part: str


@dataclass(frozen=True, slots=True)
class Call:
    """`RATE(m1)`."""

    name: str
    arguments: tuple[Node, ...]


Node: TypeAlias = (
    Number | Text | Word | Reference | Array | Negation | Chain | Metrics | Call | Search
)


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, from left to right."""
    yield node
    match node:
        case Array(items) | Call(_, items):
            inner: tuple[Node, ...] = items
        case Negation(operand):
            inner = (operand,)
        case Chain(first, rest):
            inner = (first, *(operand for _, operand in rest))
        case _:
            inner = ()
    for each in inner:
        yield from walk(each)
